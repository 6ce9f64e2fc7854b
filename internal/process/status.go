package process

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// ErrUnsupported is returned by New on systems other than Linux.
var ErrUnsupported = errors.New("supervising processes needs Linux")

// Command says what to start. Nothing of it is kept after Start.
type Command struct {
	// Path is the executable; it is not searched for in PATH.
	Path string
	// Args are the arguments, the program's name (argument 0) not among them.
	Args []string
	// Env is the whole environment as KEY=value; nil means the caller's own.
	Env []string
	// Dir is the working directory; empty means the caller's own.
	Dir string
	// Stdout and Stderr receive the output. An *os.File is handed to the
	// process as it is; anything else is written to line by line, by one
	// goroutine a stream. nil discards.
	Stdout, Stderr io.Writer
}

// Status is how a process ended.
type Status struct {
	// Code is the exit code, 0 to 255, when Signal is 0.
	Code int
	// Signal is the signal that killed the process, or 0.
	Signal syscall.Signal
}

// ExitCode is the code to end with on behalf of the process: its own, or
// 128 + n when signal n killed it.
func (s Status) ExitCode() int {
	if s.Signal != 0 {
		return 128 + int(s.Signal)
	}
	return s.Code
}

func (s Status) String() string {
	if s.Signal != 0 {
		return fmt.Sprintf("killed by signal %d (%s)", int(s.Signal), s.Signal)
	}
	return fmt.Sprintf("exit code %d", s.Code)
}
