package picturefile

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// coder writes fields, or reads them, by the same calls in the same order: one
// description of a type (fields.go) serves both.
//
// Numbers are varints. A text that was there before is a reference to it, so
// that names and states, of which there are few, take a byte or two, and share
// their memory when they are read.
type coder struct {
	writing bool

	buf    []byte         // written
	index  map[string]int // of texts written, from 1
	unused whole          // what is offered where only a reader needs room

	rest  string   // to be read
	texts []string // read
	err   error
}

func newWriter() *coder {
	return &coder{writing: true, index: make(map[string]int)}
}

// begin has a coder read what a writer has written. Texts share the memory of coded.
func (c *coder) begin(coded string) {
	const textSize = 64 // of one that was not there before, and what surrounds it
	c.rest, c.err = coded, nil
	c.texts = slices.Grow(c.texts[:0], len(coded)/textSize)
}

// end gives the first error; that something is left over is one too.
func (c *coder) end() error {
	if c.err == nil && len(c.rest) > 0 {
		c.fail("%d bytes are left over", len(c.rest))
	}
	return c.err
}

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
	c.rest = ""
}

// number codes an integer of any kind.
func number[T ~int | ~int32 | ~int64](c *coder, value *T) {
	if c.writing {
		c.buf = binary.AppendVarint(c.buf, int64(*value))
		return
	}
	coded := c.uvarint()
	// Zigzag, as binary.AppendVarint writes it.
	decoded := int64(coded>>1) ^ -int64(coded&1)
	*value = T(decoded)
	if int64(*value) != decoded {
		c.fail("number %d is out of range", decoded)
	}
}

func (c *coder) uvarint() uint64 {
	if len(c.rest) > 0 && c.rest[0] < 0x80 { // as most are
		value := c.rest[0]
		c.rest = c.rest[1:]
		return uint64(value)
	}
	var value uint64
	for i := range min(len(c.rest), binary.MaxVarintLen64) {
		b := c.rest[i]
		value |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			c.rest = c.rest[i+1:]
			return value
		}
	}
	c.fail("a number does not end")
	return 0
}

// length codes how many things follow, each of which takes a byte at least.
func (c *coder) length(n int) int {
	number(c, &n)
	if !c.writing && (n < 0 || n > len(c.rest)) {
		c.fail("length %d with %d bytes left", n, len(c.rest))
		return 0
	}
	return n
}

func (c *coder) flag(value *bool) {
	n := 0
	if *value {
		n = 1
	}
	number(c, &n)
	// What is written is the picture that others read: not even the same
	// value may be stored to it.
	if !c.writing {
		*value = n == 1
	}
}

// text codes a string: its number, or 0 and the new string.
func text[T ~string](c *coder, value *T) {
	if c.writing {
		c.writeText(string(*value))
		return
	}
	*value = T(c.readText())
}

func (c *coder) writeText(value string) {
	n := c.index[value]
	number(c, &n)
	if n > 0 {
		return
	}
	c.index[value] = len(c.index) + 1
	c.literal(&value)
}

func (c *coder) readText() string {
	var n int
	number(c, &n)
	switch {
	case n < 0 || n > len(c.texts):
		c.fail("reference to text %d of %d", n, len(c.texts))
		return ""
	case n > 0:
		return c.texts[n-1]
	}
	var value string
	c.literal(&value)
	c.texts = append(c.texts, value)
	return value
}

// literal codes a string that is hardly ever there twice.
func (c *coder) literal(value *string) {
	length := c.length(len(*value))
	if c.writing {
		c.buf = append(c.buf, *value...)
		return
	}
	*value = c.rest[:length]
	c.rest = c.rest[length:]
}

// list codes a slice by coding its elements. A reader uses the room that it has.
func list[T any](c *coder, values *[]T, element func(*coder, *T)) {
	n := c.length(len(*values))
	if c.writing {
		for i := range *values {
			element(c, &(*values)[i])
		}
		return
	}
	// What a length announces is only made room for as elements are read.
	const room = 4096
	switch {
	case n == 0:
		*values = nil
	case n > cap(*values):
		*values = make([]T, 0, min(n, room))
	}
	for range n {
		var value T
		*values = append(*values, value)
		if element(c, &(*values)[len(*values)-1]); c.err != nil {
			return
		}
	}
}

// optional codes a pointer that may be nil; place is where what is read goes.
func optional[T any](c *coder, value **T, place *T, element func(*coder, *T)) {
	present := *value != nil
	if c.flag(&present); !present {
		return
	}
	if !c.writing {
		*value = place
	}
	element(c, *value)
}
