package guard

import (
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

// named checks the arguments of a TUP request: one map from names to bytes,
// each of which generated code decodes by itself.
func (c *checker) named(body []byte) error {
	r := wire.NewReader(body)
	n := r.Map(0)
	if err := c.count(n); err != nil {
		return err
	}
	for range n {
		name, value := r.String(0), r.Bytes(1)
		if err := r.Err(); err != nil {
			return fmt.Errorf("arguments: %w", err)
		}
		if err := c.fields(value); err != nil {
			return fmt.Errorf("argument %.64q: %w", name, err)
		}
	}
	return r.Err()
}
