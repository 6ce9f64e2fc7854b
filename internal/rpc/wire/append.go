package wire

import (
	"encoding/binary"
	"math"
)

// AppendHead appends the head of a field.
func AppendHead(dst []byte, tag byte, t Type) []byte {
	if tag < longTag {
		return append(dst, tag<<4|byte(t))
	}
	return append(dst, longTag<<4|byte(t), tag)
}

// AppendInt appends an integer of any width, signed or not, in the smallest
// form that holds it. Unsigned fields are given by value: a uint32 of
// 4294967295 is the int64 of that value, as TarsGo writes it.
func AppendInt(dst []byte, tag byte, v int64) []byte {
	switch {
	case v == 0:
		return AppendHead(dst, tag, Zero)
	case v >= math.MinInt8 && v <= math.MaxInt8:
		return append(AppendHead(dst, tag, Int8), byte(v))
	case v >= math.MinInt16 && v <= math.MaxInt16:
		return binary.BigEndian.AppendUint16(AppendHead(dst, tag, Int16), uint16(v))
	case v >= math.MinInt32 && v <= math.MaxInt32:
		return binary.BigEndian.AppendUint32(AppendHead(dst, tag, Int32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(AppendHead(dst, tag, Int64), uint64(v))
}

// AppendString appends a string.
func AppendString[S ~string | ~[]byte](dst []byte, tag byte, s S) []byte {
	if len(s) <= math.MaxUint8 {
		dst = append(AppendHead(dst, tag, String1), byte(len(s)))
	} else {
		dst = binary.BigEndian.AppendUint32(AppendHead(dst, tag, String4), uint32(len(s)))
	}
	return append(dst, s...)
}

// AppendBytes appends a vector<byte>.
func AppendBytes(dst []byte, tag byte, b []byte) []byte {
	return append(AppendBytesHead(dst, tag, len(b)), b...)
}

// AppendBytesHead appends what stands before the n bytes of a vector<byte>.
func AppendBytesHead(dst []byte, tag byte, n int) []byte {
	dst = AppendHead(dst, tag, SimpleList)
	dst = AppendHead(dst, 0, Int8)
	return AppendInt(dst, 0, int64(n))
}

// AppendListHead begins a vector of n elements; each is appended with tag 0.
func AppendListHead(dst []byte, tag byte, n int) []byte {
	return AppendInt(AppendHead(dst, tag, List), 0, int64(n))
}

// AppendMapHead begins a map of n entries; of each the key is appended with
// tag 0 and then the value with tag 1.
func AppendMapHead(dst []byte, tag byte, n int) []byte {
	return AppendInt(AppendHead(dst, tag, Map), 0, int64(n))
}

// AppendStructBegin begins a struct; its fields follow in the order of their tags.
func AppendStructBegin(dst []byte, tag byte) []byte {
	return AppendHead(dst, tag, StructBegin)
}

// AppendStructEnd ends a struct.
func AppendStructEnd(dst []byte) []byte {
	return AppendHead(dst, 0, StructEnd)
}
