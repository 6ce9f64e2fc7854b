//go:build unix

package supervisor

import (
	"os"
	"syscall"
)

// Signals are those that Run wants to receive: the orders to end, and what is
// passed on to the server.
func Signals() []os.Signal {
	return []os.Signal{
		syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
	}
}
