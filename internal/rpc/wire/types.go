package wire

import "strconv"

// Type is the kind of a field, the low four bits of its head.
type Type byte

// The types of the Tars encoding. Integers are written in the smallest form
// that holds them; a zero of any number type is a head alone.
const (
	Int8        Type = 0
	Int16       Type = 1
	Int32       Type = 2
	Int64       Type = 3
	Float32     Type = 4
	Float64     Type = 5
	String1     Type = 6 // one byte of length
	String4     Type = 7 // four bytes of length
	Map         Type = 8
	List        Type = 9
	StructBegin Type = 10
	StructEnd   Type = 11
	Zero        Type = 12
	SimpleList  Type = 13 // a list of bytes
)

func (t Type) String() string {
	names := [...]string{
		"int8", "int16", "int32", "int64", "float", "double", "string", "string",
		"map", "list", "struct", "end of struct", "zero", "bytes",
	}
	if int(t) < len(names) {
		return names[t]
	}
	return "type " + strconv.Itoa(int(t))
}

// longTag is the first tag that does not fit the upper half of a head.
const longTag = 15
