//go:build !linux

package health

import (
	"errors"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func checkUDP(naming.Endpoint) error {
	return errors.New("looking at UDP sockets needs Linux")
}
