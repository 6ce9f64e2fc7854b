//go:build !unix

package replica

// Freeze fails the test: processes are not frozen on this system.
func (r *Replica) Freeze() { r.t.Fatal("a process can be frozen on unix systems only") }

// Thaw lets a frozen one go on.
func (r *Replica) Thaw() {}
