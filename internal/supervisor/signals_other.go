//go:build !unix

package supervisor

import (
	"os"
	"syscall"
)

// Signals are those that Run wants to receive.
func Signals() []os.Signal { return []os.Signal{syscall.SIGTERM, os.Interrupt} }
