//go:build !unix

package load

import (
	"errors"
	"time"
)

// processorTime is measured on unix systems only.
func processorTime() (time.Duration, error) {
	return 0, errors.New("processor time is not measured on this system")
}
