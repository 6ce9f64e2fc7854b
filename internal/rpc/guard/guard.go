package guard

import (
	"errors"
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

// Protocol versions whose arguments can be checked.
const (
	versionTars = 1
	versionTUP  = 3
	versionJSON = 5
)

// ErrTooMany says: more elements than packets of that size may have.
var ErrTooMany = errors.New("too many elements")

// ErrNested says: structs, lists or maps too deep in one another.
var ErrNested = errors.New("nested too deeply")

// Limits of what is let pass; zero values mean the defaults.
type Limits struct {
	// MaxDepth of structs, lists and maps in one another. 16, at most wire.MaxDepth.
	MaxDepth int
	// MaxElements of all vectors and maps of a packet together, and of one TUP
	// packet's arguments. 65,536.
	MaxElements int
}

// A generated reader makes room for all elements of a vector before it reads
// the first, as much as its struct takes in memory, even where an element took
// one byte in the packet. So beyond a few free ones elements must come with
// bytes: the room is then at most the size of a struct (some 100 to 300 bytes)
// times freeElements and one for every bytesPerElement of the packet.
const (
	freeElements    = 1024
	bytesPerElement = 8
)

const (
	defaultDepth    = 16
	defaultElements = 65_536
)

// Check tells whether the arguments of a request can be given to generated
// code. version is the request's protocol version.
func Check(version int16, body []byte, limits Limits) error {
	c := newChecker(len(body), limits)
	switch version {
	case versionTars:
		return c.fields(body)
	case versionTUP:
		return c.named(body)
	case versionJSON:
		return c.json(body)
	}
	return fmt.Errorf("protocol version %d is not spoken here", version)
}

// checker walks one packet.
type checker struct {
	depth    int // still allowed
	elements int // still allowed
}

func newChecker(size int, limits Limits) *checker {
	if limits.MaxDepth <= 0 {
		limits.MaxDepth = defaultDepth
	}
	if limits.MaxElements <= 0 {
		limits.MaxElements = defaultElements
	}
	return &checker{
		depth:    min(limits.MaxDepth, wire.MaxDepth),
		elements: min(limits.MaxElements, freeElements+size/bytesPerElement),
	}
}

// count takes n elements off what is allowed.
func (c *checker) count(n int) error {
	if n > c.elements {
		return fmt.Errorf("%d more: %w", n, ErrTooMany)
	}
	c.elements -= n
	return nil
}

// fields checks a sequence of fields up to its end.
func (c *checker) fields(body []byte) error {
	r := wire.NewReader(body)
	for {
		tag, t, ok := r.Head()
		if !ok {
			return r.Err()
		}
		if err := c.value(&r, t, c.depth); err != nil {
			return fmt.Errorf("tag %d: %w", tag, err)
		}
	}
}

// value checks the value of a field whose head was read.
func (c *checker) value(r *wire.Reader, t wire.Type, depth int) error {
	switch t {
	case wire.StructBegin, wire.List, wire.Map:
		if depth == 0 {
			return ErrNested
		}
	}
	switch t {
	case wire.StructBegin:
		return c.structure(r, depth-1)
	case wire.List:
		return c.list(r, depth-1)
	case wire.Map:
		return c.dictionary(r, depth-1)
	}
	r.Skip(t)
	return r.Err()
}

func (c *checker) structure(r *wire.Reader, depth int) error {
	for {
		tag, t, ok := r.Head()
		switch {
		case !ok:
			return firstError(r.Err(), wire.ErrTruncated)
		case t == wire.StructEnd:
			return nil
		}
		if err := c.value(r, t, depth); err != nil {
			return fmt.Errorf("tag %d: %w", tag, err)
		}
	}
}

func (c *checker) list(r *wire.Reader, depth int) error {
	n := r.ListValue(wire.List)
	if err := c.count(n); err != nil {
		return err
	}
	for range n {
		if err := c.element(r, 0, depth); err != nil {
			return err
		}
	}
	return r.Err()
}

func (c *checker) dictionary(r *wire.Reader, depth int) error {
	n := r.MapValue(wire.Map)
	if err := c.count(n); err != nil {
		return err
	}
	for range n {
		if err := c.element(r, 0, depth); err != nil {
			return err
		}
		if err := c.element(r, 1, depth); err != nil {
			return err
		}
	}
	return r.Err()
}

// element checks an element of a list or map, which must have the tag that
// generated readers look for: with another one they would lose their place.
func (c *checker) element(r *wire.Reader, want byte, depth int) error {
	tag, t, ok := r.Head()
	switch {
	case !ok:
		return firstError(r.Err(), wire.ErrTruncated)
	case tag != want || t == wire.StructEnd:
		return fmt.Errorf("element with tag %d instead of %d: %w", tag, want, wire.ErrMalformed)
	}
	return c.value(r, t, depth)
}

func firstError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
