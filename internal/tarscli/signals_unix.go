//go:build unix

package tarscli

import (
	"os"
	"syscall"
)

// handledSignals are those that the supervisor acts on or passes on.
func handledSignals() []os.Signal {
	return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}
