package guard

import (
	"errors"
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

var errUnbalanced = errors.New("brackets do not match")

// json checks the arguments of a JSON request: its nesting, and how many
// values it has, which the decoder turns into some 100 bytes each. Whether it
// is JSON the decoder finds out.
func (c *checker) json(body []byte) error {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			end := stringEnd(body, i+1)
			if end < 0 {
				return fmt.Errorf("string at %d: %w", i, wire.ErrTruncated)
			}
			i = end
		case '{', '[':
			// The outermost object is not an element of anything.
			if depth++; depth > c.depth+1 {
				return ErrNested
			}
			if err := c.count(1); err != nil {
				return err
			}
		case '}', ']':
			if depth--; depth < 0 {
				return errUnbalanced
			}
		case ',':
			if err := c.count(1); err != nil {
				return err
			}
		}
	}
	if depth != 0 {
		return errUnbalanced
	}
	return nil
}

// stringEnd is the index of the quote that ends a string, -1 without one.
func stringEnd(body []byte, from int) int {
	for i := from; i < len(body); i++ {
		switch body[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
