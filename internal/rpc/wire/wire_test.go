package wire

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
)

// written is what TarsGo's codec writes.
func written(t testing.TB, write func(b *codec.Buffer) error) []byte {
	t.Helper()
	b := codec.NewBuffer()
	if err := write(b); err != nil {
		t.Fatal(err)
	}
	return b.ToBytes()
}

var tags = []byte{0, 1, 14, 15, 16, 255}

func TestAppendIntWritesWhatTarsGoWrites(t *testing.T) {
	values := []int64{0, 1, -1, 127, 128, -128, -129, 255, 32767, 32768, -32768, -32769, math.MaxInt32, math.MaxInt32 + 1,
		math.MinInt32, math.MinInt32 - 1, math.MaxInt64, math.MinInt64}
	for _, tag := range tags {
		for _, v := range values {
			want := written(t, func(b *codec.Buffer) error { return b.WriteInt64(v, tag) })
			if got := AppendInt(nil, tag, v); !bytes.Equal(got, want) {
				t.Errorf("AppendInt(%d, %d) = %x, want %x", tag, v, got, want)
			}
			if int64(int32(v)) == v {
				want = written(t, func(b *codec.Buffer) error { return b.WriteInt32(int32(v), tag) })
				if got := AppendInt(nil, tag, v); !bytes.Equal(got, want) {
					t.Errorf("AppendInt(%d, %d) = %x, want %x", tag, v, got, want)
				}
			}
		}
		for v := range 256 {
			want := written(t, func(b *codec.Buffer) error { return b.WriteUint8(uint8(v), tag) })
			if got := AppendInt(nil, tag, int64(v)); !bytes.Equal(got, want) {
				t.Errorf("byte %d = %x, want %x", v, got, want)
			}
		}
	}
}

func TestAppendsWriteWhatTarsGoWrites(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, tag := range tags {
		tests := map[string]struct {
			got   []byte
			write func(b *codec.Buffer) error
		}{
			"empty string":    {AppendString(nil, tag, ""), func(b *codec.Buffer) error { return b.WriteString("", tag) }},
			"string":          {AppendString(nil, tag, long[:255]), func(b *codec.Buffer) error { return b.WriteString(long[:255], tag) }},
			"long string":     {AppendString(nil, tag, long), func(b *codec.Buffer) error { return b.WriteString(long, tag) }},
			"string of bytes": {AppendString(nil, tag, []byte(long)), func(b *codec.Buffer) error { return b.WriteString(long, tag) }},
			"bytes": {AppendBytes(nil, tag, []byte(long)), func(b *codec.Buffer) error {
				return errors.Join(b.WriteHead(codec.SimpleList, tag), b.WriteHead(codec.BYTE, 0), b.WriteInt32(256, 0), b.WriteBytes([]byte(long)))
			}},
			"list": {AppendListHead(nil, tag, 3), func(b *codec.Buffer) error {
				return errors.Join(b.WriteHead(codec.LIST, tag), b.WriteInt32(3, 0))
			}},
			"map": {AppendMapHead(nil, tag, 300), func(b *codec.Buffer) error {
				return errors.Join(b.WriteHead(codec.MAP, tag), b.WriteInt32(300, 0))
			}},
			"struct": {AppendStructEnd(AppendStructBegin(nil, tag)), func(b *codec.Buffer) error {
				return errors.Join(b.WriteHead(codec.StructBegin, tag), b.WriteHead(codec.StructEnd, 0))
			}},
		}
		for name, test := range tests {
			if want := written(t, test.write); !bytes.Equal(test.got, want) {
				t.Errorf("tag %d, %s: %x, want %x", tag, name, test.got, want)
			}
		}
	}
}

func TestReaderReadsFieldsInOrder(t *testing.T) {
	b := AppendInt(nil, 0, 5)
	b = AppendString(b, 1, "node")
	b = AppendStructBegin(b, 2)
	b = AppendInt(b, 0, 1)
	b = AppendString(b, 9, "not asked for")
	b = AppendStructEnd(b)
	b = AppendListHead(b, 3, 2)
	b = AppendString(b, 0, "a")
	b = AppendString(b, 0, "b")
	b = AppendMapHead(b, 4, 1)
	b = AppendString(b, 0, "key")
	b = AppendInt(b, 1, 1<<20)
	b = AppendBytes(b, 6, []byte{1, 2, 3})
	b = append(AppendHead(b, 20, Float32), 1, 2, 3, 4) // passed over
	b = append(AppendHead(b, 21, Float64), 1, 2, 3, 4, 5, 6, 7, 8)
	b = AppendInt(b, 22, -7)

	r := NewReader(b)
	if v := r.Int32(0); v != 5 {
		t.Errorf("int %d", v)
	}
	if s, ok := r.OptionalString(1); string(s) != "node" || !ok {
		t.Errorf("string %q", s)
	}
	r.BeginStruct(2)
	if r.OptionalInt32(0, 0) != 1 || r.OptionalInt32(5, 42) != 42 {
		t.Error("fields of the struct")
	}
	if s, ok := r.OptionalString(6); ok {
		t.Errorf("found %q", s)
	}
	r.EndStruct()
	if n := r.List(3); n != 2 || string(r.String(0)) != "a" || string(r.String(0)) != "b" {
		t.Errorf("list of %d", n)
	}
	if n := r.Map(4); n != 1 || string(r.String(0)) != "key" || r.Int32(1) != 1<<20 {
		t.Errorf("map of %d", n)
	}
	if _, ok := r.OptionalString(5); ok {
		t.Error("found tag 5")
	}
	if v := r.Bytes(6); !bytes.Equal(v, []byte{1, 2, 3}) {
		t.Errorf("bytes %v", v)
	}
	if v := r.Int32(22); v != -7 {
		t.Errorf("int behind floats %d", v)
	}
	if r.Err() != nil || r.Left() != 0 {
		t.Errorf("error %v, %d bytes left", r.Err(), r.Left())
	}
}

func TestReaderRefuses(t *testing.T) {
	deep := bytes.Repeat([]byte{byte(StructBegin)}, 1<<20)
	tests := map[string]struct {
		body []byte
		read func(r *Reader)
		want error
	}{
		"missing":              {nil, func(r *Reader) { r.String(1) }, ErrMissing},
		"passed":               {AppendInt(nil, 2, 1), func(r *Reader) { r.Int32(1) }, ErrMissing},
		"string for int":       {AppendString(nil, 1, "5"), func(r *Reader) { r.Int32(1) }, ErrType},
		"int for string":       {AppendInt(nil, 1, 5), func(r *Reader) { r.String(1) }, ErrType},
		"long for int":         {[]byte{0x13, 0, 0, 0, 0, 0, 0, 0, 1}, func(r *Reader) { r.Int32(1) }, ErrType},
		"list for struct":      {AppendListHead(nil, 1, 0), func(r *Reader) { r.BeginStruct(1) }, ErrType},
		"truncated int":        {[]byte{0x12, 0, 0}, func(r *Reader) { r.Int32(1) }, ErrTruncated},
		"truncated string":     {[]byte{0x16, 5, 'a'}, func(r *Reader) { r.String(1) }, ErrLength},
		"huge string":          {[]byte{0x17, 0xff, 0xff, 0xff, 0xff}, func(r *Reader) { r.String(1) }, ErrLength},
		"negative list":        {[]byte{0x19, 0x00, 0xff}, func(r *Reader) { r.List(1) }, ErrLength},
		"huge list":            {append([]byte{0x19, 0x02}, 0x7f, 0xff, 0xff, 0xff), func(r *Reader) { r.List(1) }, ErrLength},
		"huge map":             {append([]byte{0x18, 0x02}, 0x7f, 0xff, 0xff, 0xff), func(r *Reader) { r.Map(1) }, ErrLength},
		"huge bytes":           {append([]byte{0x1d, 0x00, 0x02}, 0x7f, 0xff, 0xff, 0xff), func(r *Reader) { r.Bytes(1) }, ErrLength},
		"bytes of shorts":      {[]byte{0x1d, 0x01, 0x0c}, func(r *Reader) { r.Bytes(1) }, ErrMalformed},
		"list without length":  {[]byte{0x19}, func(r *Reader) { r.List(1) }, ErrMalformed},
		"list in a long":       {append([]byte{0x19, 0x03}, make([]byte, 8)...), func(r *Reader) { r.List(1) }, ErrMalformed},
		"unknown type":         {[]byte{0x1e}, func(r *Reader) { r.String(1) }, ErrMalformed},
		"small tag, long form": {[]byte{0xf6, 5, 0}, func(r *Reader) { r.String(5) }, ErrMalformed},
		"head without tag":     {[]byte{0xf6}, func(r *Reader) { r.String(20) }, ErrTruncated},
		"open struct":          {AppendStructBegin(nil, 1), func(r *Reader) { r.BeginStruct(1); r.EndStruct() }, ErrTruncated},
		"end without struct":   {[]byte{0x1b}, func(r *Reader) { _, t, _ := r.Head(); r.Skip(t) }, ErrMalformed},
		"skipped element tag":  {append(AppendListHead(nil, 1, 1), AppendInt(nil, 1, 0)...), func(r *Reader) { r.Int32(2) }, ErrMalformed},
		"nested":               {deep, func(r *Reader) { r.Int32(2) }, ErrDepth},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewReader(test.body)
			test.read(&r)
			if !errors.Is(r.Err(), test.want) {
				t.Errorf("error %v, want %v", r.Err(), test.want)
			}
			if r.String(200) != nil || r.Int32(201) != 0 || r.List(202) != 0 || !errors.Is(r.Err(), test.want) {
				t.Error("goes on after an error")
			}
		})
	}
}

func TestTypeNames(t *testing.T) {
	if StructEnd.String() != "end of struct" || Type(14).String() != "type 14" {
		t.Error(StructEnd, Type(14))
	}
}
