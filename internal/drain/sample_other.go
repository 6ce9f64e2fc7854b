//go:build !linux

package drain

import (
	"errors"
	"net/netip"
)

// Sampler cannot be made on this system.
type Sampler struct{}

var errUnsupported = errors.New("connection statistics need Linux")

// NewSampler returns an error.
func NewSampler([]netip.AddrPort) (*Sampler, error) { return nil, errUnsupported }

// Close does nothing.
func (s *Sampler) Close() error { return nil }

// Sample returns an error.
func (s *Sampler) Sample() ([]Connection, error) { return nil, errUnsupported }
