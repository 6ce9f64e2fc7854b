package replica

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a program that runs, with what it has written.
type Process struct {
	Exited         chan struct{} // closed when it has ended
	Stdout, Stderr Output

	command *exec.Cmd
}

// Run starts a program that is killed at the end of the test if it still runs.
// What it wrote is logged if the test has failed.
func Run(t testing.TB, program string, arguments ...string) *Process {
	t.Helper()
	p, err := start(program, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s %q said:\n%s", program, arguments, p.tail())
		}
	})
	return p
}

// tailLines is how much of a process's output a failed test shows.
const tailLines = 60

func start(program string, arguments ...string) (*Process, error) {
	//nolint:noctx,gosec // a program of the test, ended by signals, which is what is tested
	p := &Process{Exited: make(chan struct{}), command: exec.Command(program, arguments...)}
	p.command.Stdout, p.command.Stderr = &p.Stdout, &p.Stderr
	p.command.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "HOME=" + os.TempDir()}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.Exited)
		_ = p.command.Wait() // its state tells how it ended
	}()
	return p, nil
}

// PID is its number.
func (p *Process) PID() int { return p.command.Process.Pid }

// Signal sends one; a process that has ended is no error.
func (p *Process) Signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("send %v: %v", signal, err)
	}
}

// Runs says whether it has not ended.
func (p *Process) Runs() bool {
	select {
	case <-p.Exited:
		return false
	default:
		return true
	}
}

// Said is all that it has written: standard output, then standard error.
func (p *Process) Said() string { return p.Stdout.String() + p.Stderr.String() }

func (p *Process) tail() string { return tail(p.Said(), tailLines) }

// Kill ends it as a power cut does, and waits for its end.
func (p *Process) Kill() {
	_ = p.command.Process.Kill() // has ended, most likely
	<-p.Exited
}

// Terminate ends it with SIGTERM and gives the exit code; one that takes longer
// than the time given is killed and fails the test.
func (p *Process) Terminate(t testing.TB, within time.Duration) int {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	return p.ExitCode(t, within)
}

// ExitCode waits for the end and gives the exit code, -1 for a signal; a process
// that takes longer than the time given is killed and fails the test.
func (p *Process) ExitCode(t testing.TB, within time.Duration) int {
	t.Helper()
	select {
	case <-p.Exited:
	case <-time.After(within):
		p.Kill()
		t.Errorf("%s had not ended after %s", p.command.Path, within)
	}
	return p.command.ProcessState.ExitCode()
}

// Output is what a process has written so far.
type Output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p) //nolint:wrapcheck // it never fails
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Tail gives the last lines.
func (o *Output) Tail(lines int) string { return tail(o.String(), lines) }

func tail(text string, lines int) string {
	all := strings.SplitAfter(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
