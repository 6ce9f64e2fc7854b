//go:build !linux

package process

import (
	"context"
	"syscall"
)

// Owner cannot be made on this system: New fails.
type Owner struct{}

// Process cannot exist on this system.
type Process struct{ done chan struct{} }

// New returns ErrUnsupported.
func New() (*Owner, error) { return nil, ErrUnsupported }

// Close does nothing.
func (o *Owner) Close() {}

// Orphans never receives.
func (o *Owner) Orphans() <-chan struct{} { return nil }

// Start returns ErrUnsupported.
func (o *Owner) Start(Command) (*Process, error) { return nil, ErrUnsupported }

// KillDescendants returns ErrUnsupported.
func (o *Owner) KillDescendants(context.Context) error { return ErrUnsupported }

// Strays returns ErrUnsupported.
func (o *Owner) Strays() (int, error) { return 0, ErrUnsupported }

// SignalStrays returns ErrUnsupported.
func (o *Owner) SignalStrays(syscall.Signal) error { return ErrUnsupported }

// Pid is 0.
func (p *Process) Pid() int { return 0 }

// Done is never closed.
func (p *Process) Done() <-chan struct{} { return p.done }

// Said is never closed.
func (p *Process) Said() <-chan struct{} { return p.done }

// Status is the zero Status.
func (p *Process) Status() Status { return Status{} }

// Signal returns ErrUnsupported.
func (p *Process) Signal(syscall.Signal) error { return ErrUnsupported }

// Descendants returns ErrUnsupported.
func Descendants(int) ([]int, error) { return nil, ErrUnsupported }

// Zombies returns ErrUnsupported.
func Zombies(int) (int, error) { return 0, ErrUnsupported }

// Stopped reports false.
func Stopped(int) bool { return false }
