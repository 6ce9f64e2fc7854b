package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxDepth is how deep structs, lists and maps may stand in one another.
const MaxDepth = 32

// Errors of a Reader; those for a field wrap one of them.
var (
	ErrTruncated = errors.New("ends within a field")
	ErrMissing   = errors.New("required field is missing")
	ErrType      = errors.New("field has another type")
	ErrLength    = errors.New("length exceeds what is left")
	ErrDepth     = errors.New("nested too deeply")
	ErrMalformed = errors.New("malformed field")
)

// Reader reads the fields of an encoded body from front to back. After the
// first error every method returns zero values; Err tells it once at the end:
//
//	r := wire.NewReader(body)
//	r.BeginStruct(1)
//	node, state := r.String(0), r.String(1)
//	app, _ := r.OptionalString(2)
//	r.EndStruct()
//	if err := r.Err(); err != nil { … }
//
// Slices it returns point into the body. It is a value to keep on the stack.
// Where it accepts a body it reads what TarsGo's codec reads; it refuses some
// that TarsGo's accepts by wrapping lengths or reading past the end.
type Reader struct {
	buf []byte
	pos int
	err error
}

// NewReader returns a reader of body.
func NewReader(body []byte) Reader { return Reader{buf: body} }

// Err is the first error, nil while there was none.
func (r *Reader) Err() error { return r.err }

// Left is how many bytes have not been read.
func (r *Reader) Left() int { return len(r.buf) - r.pos }

// Rest is what has not been read, without reading it.
func (r *Reader) Rest() []byte { return r.buf[r.pos:] }

// Fail makes err the reader's error, unless it has one.
func (r *Reader) Fail(err error) { r.fail(err) }

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.pos = len(r.buf)
}

func (r *Reader) failTag(tag byte, err error) {
	if r.err == nil {
		r.fail(fmt.Errorf("tag %d: %w", tag, err))
	}
}

// Head reads the head of the next field. At the end of the body ok is false,
// and Err tells whether that is an error.
func (r *Reader) Head() (tag byte, t Type, ok bool) {
	if r.pos >= len(r.buf) {
		return 0, 0, false
	}
	tag, t, n := r.peek()
	r.pos += n
	return tag, t, n > 0
}

// peek looks at the next head and tells how many bytes it has, 0 on an error.
func (r *Reader) peek() (tag byte, t Type, n int) {
	b := r.buf[r.pos]
	t, tag = Type(b&0x0f), b>>4
	if t > SimpleList {
		r.fail(fmt.Errorf("tag %d: unknown %v: %w", tag, t, ErrMalformed))
		return 0, 0, 0
	}
	if tag != longTag {
		return tag, t, 1
	}
	if r.pos+1 >= len(r.buf) {
		r.fail(ErrTruncated)
		return 0, 0, 0
	}
	// A small tag in the long form would be put back wrongly by TarsGo's reader.
	if tag = r.buf[r.pos+1]; tag < longTag {
		r.fail(fmt.Errorf("tag %d in the long form: %w", tag, ErrMalformed))
		return 0, 0, 0
	}
	return tag, t, 2
}

// Seek skips fields with smaller tags and reads the head of the field with
// this tag. It is false, and the reader stands before the next field or the
// end of the struct, where there is none.
func (r *Reader) Seek(tag byte) (Type, bool) {
	for r.pos < len(r.buf) {
		found, t, n := r.peek()
		if n == 0 || t == StructEnd || found > tag {
			return 0, false
		}
		r.pos += n
		if found == tag {
			return t, true
		}
		r.Skip(t)
	}
	return 0, false
}

func (r *Reader) require(tag byte) (Type, bool) {
	t, ok := r.Seek(tag)
	if !ok {
		r.failTag(tag, ErrMissing)
	}
	return t, ok
}

// take returns the next n bytes.
func (r *Reader) take(n int) []byte {
	if n < 0 || n > len(r.buf)-r.pos {
		r.fail(ErrTruncated)
		return nil
	}
	b := r.buf[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

// IntValue reads the value of an integer field whose head was just read.
func (r *Reader) IntValue(t Type) int64 {
	switch t {
	case Zero:
		return 0
	case Int8:
		if b := r.take(1); b != nil {
			return int64(int8(b[0]))
		}
	case Int16:
		if b := r.take(2); b != nil {
			return int64(int16(binary.BigEndian.Uint16(b)))
		}
	case Int32:
		if b := r.take(4); b != nil {
			return int64(int32(binary.BigEndian.Uint32(b)))
		}
	case Int64:
		if b := r.take(8); b != nil {
			return int64(binary.BigEndian.Uint64(b))
		}
	default:
		r.fail(fmt.Errorf("%v where an integer was expected: %w", t, ErrType))
	}
	return 0
}

// StringValue reads the value of a string field whose head was just read.
func (r *Reader) StringValue(t Type) []byte {
	switch t {
	case String1:
		if b := r.take(1); b != nil {
			return r.sized(int(b[0]))
		}
	case String4:
		if b := r.take(4); b != nil {
			return r.sized(int(int32(binary.BigEndian.Uint32(b))))
		}
	default:
		r.fail(fmt.Errorf("%v where a string was expected: %w", t, ErrType))
	}
	return nil
}

// BytesValue reads the value of a vector<byte> whose head was just read.
func (r *Reader) BytesValue(t Type) []byte {
	if t != SimpleList {
		r.fail(fmt.Errorf("%v where bytes were expected: %w", t, ErrType))
		return nil
	}
	if tag, t, ok := r.Head(); !ok || tag != 0 || t != Int8 {
		r.fail(fmt.Errorf("bytes without their element head: %w", ErrMalformed))
		return nil
	}
	return r.sized(r.length(1))
}

// sized takes n bytes that a length announced.
func (r *Reader) sized(n int) []byte {
	if n < 0 || n > len(r.buf)-r.pos {
		r.fail(fmt.Errorf("%d bytes: %w", n, ErrLength))
		return nil
	}
	return r.take(n)
}

// length reads a count of things that take at least size bytes each.
func (r *Reader) length(size int) int {
	tag, t, ok := r.Head()
	if !ok || tag != 0 || t == Int64 {
		r.fail(fmt.Errorf("no length: %w", ErrMalformed))
		return 0
	}
	n := r.IntValue(t)
	if r.err == nil && (n < 0 || n > int64(r.Left()/size)) {
		r.fail(fmt.Errorf("%d elements: %w", n, ErrLength))
		return 0
	}
	return int(n)
}

// ListValue reads how many elements a vector has whose head was just read.
// Each is a field with tag 0.
func (r *Reader) ListValue(t Type) int {
	if t != List {
		r.fail(fmt.Errorf("%v where a list was expected: %w", t, ErrType))
		return 0
	}
	return r.length(1)
}

// MapValue reads how many entries a map has whose head was just read. Each is
// a key with tag 0 and a value with tag 1.
func (r *Reader) MapValue(t Type) int {
	if t != Map {
		r.fail(fmt.Errorf("%v where a map was expected: %w", t, ErrType))
		return 0
	}
	return r.length(2)
}

// Skip passes over the value of a field whose head was just read.
func (r *Reader) Skip(t Type) { r.skip(t, MaxDepth) }

func (r *Reader) skip(t Type, depth int) {
	if depth == 0 {
		r.fail(ErrDepth)
		return
	}
	switch t {
	case Zero:
	case Int8:
		r.take(1)
	case Int16:
		r.take(2)
	case Int32, Float32:
		r.take(4)
	case Int64, Float64:
		r.take(8)
	case String1, String4:
		r.StringValue(t)
	case SimpleList:
		r.BytesValue(t)
	case List:
		for n := r.ListValue(t); n > 0 && r.err == nil; n-- {
			r.skipElement(0, depth)
		}
	case Map:
		for n := r.MapValue(t); n > 0 && r.err == nil; n-- {
			r.skipElement(0, depth)
			r.skipElement(1, depth)
		}
	case StructBegin:
		r.skipStruct(depth)
	default:
		r.fail(fmt.Errorf("%v where a value was expected: %w", t, ErrMalformed))
	}
}

// skipElement passes over an element of a list or a map, which has a fixed tag.
func (r *Reader) skipElement(tag byte, depth int) {
	found, t, ok := r.Head()
	switch {
	case !ok:
		r.fail(ErrTruncated)
	case found != tag:
		r.fail(fmt.Errorf("element with tag %d instead of %d: %w", found, tag, ErrMalformed))
	default:
		r.skip(t, depth-1)
	}
}

// skipStruct passes over the rest of a struct and its end.
func (r *Reader) skipStruct(depth int) {
	for {
		_, t, ok := r.Head()
		if !ok {
			r.fail(ErrTruncated)
			return
		}
		if t == StructEnd {
			return
		}
		r.skip(t, depth-1)
	}
}

// String reads a required string field.
func (r *Reader) String(tag byte) []byte {
	if t, ok := r.require(tag); ok {
		return r.StringValue(t)
	}
	return nil
}

// OptionalString reads a string field; false where it is absent.
func (r *Reader) OptionalString(tag byte) ([]byte, bool) {
	t, ok := r.Seek(tag)
	if !ok {
		return nil, false
	}
	return r.StringValue(t), r.err == nil
}

// Bytes reads a required vector<byte>.
func (r *Reader) Bytes(tag byte) []byte {
	if t, ok := r.require(tag); ok {
		return r.BytesValue(t)
	}
	return nil
}

// Int32 reads a required field of type int.
func (r *Reader) Int32(tag byte) int32 {
	t, ok := r.require(tag)
	if !ok {
		return 0
	}
	return r.narrow(tag, t)
}

// OptionalInt32 reads a field of type int; absent where it is not there.
func (r *Reader) OptionalInt32(tag byte, absent int32) int32 {
	t, ok := r.Seek(tag)
	if !ok {
		return absent
	}
	return r.narrow(tag, t)
}

// narrow reads an int, for which a long is the wrong type, small or not.
func (r *Reader) narrow(tag byte, t Type) int32 {
	if t == Int64 {
		r.failTag(tag, ErrType)
		return 0
	}
	return int32(r.IntValue(t))
}

// List reads the head of a required vector and how many elements it has; each
// is read with tag 0.
func (r *Reader) List(tag byte) int {
	if t, ok := r.require(tag); ok {
		return r.ListValue(t)
	}
	return 0
}

// Map reads the head of a required map and how many entries it has; each key
// is read with tag 0, its value with tag 1.
func (r *Reader) Map(tag byte) int {
	if t, ok := r.require(tag); ok {
		return r.MapValue(t)
	}
	return 0
}

// BeginStruct enters a required struct.
func (r *Reader) BeginStruct(tag byte) {
	if t, ok := r.require(tag); ok && t != StructBegin {
		r.failTag(tag, ErrType)
	}
}

// EndStruct skips what is left of the struct and its end.
func (r *Reader) EndStruct() {
	if r.err == nil {
		r.skipStruct(MaxDepth)
	}
}
