//go:build unix

package replica

import "syscall"

// Freeze stops it in its tracks: connections stay open, nothing is answered.
func (r *Replica) Freeze() { r.process.Signal(r.t, syscall.SIGSTOP) }

// Thaw lets a frozen one go on.
func (r *Replica) Thaw() { r.process.Signal(r.t, syscall.SIGCONT) }
