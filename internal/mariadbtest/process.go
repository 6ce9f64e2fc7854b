package mariadbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// stopTimeout bounds an orderly shutdown.
const stopTimeout = 60 * time.Second

// A process is one run of a program that dies with this process.
type process struct {
	command *exec.Cmd
	exited  chan struct{} // closed once the program has ended and is reaped
	err     error         // how it ended; read it after exited
}

// startProcess runs a program. The signal that the kernel sends at the
// parent's death is bound to the thread that started the child, so one
// goroutine keeps that thread until the child is gone.
func startProcess(path string, arguments, environment []string, output *os.File) (*process, error) {
	// Lives longer than any context of a test: ended by kill or terminate.
	command := exec.CommandContext(context.Background(), path, arguments...)
	command.Env = environment
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = dieWithParent()

	p := &process{command: command, exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = command.Wait()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return p, nil
}

func (p *process) signal(signal os.Signal) error {
	if err := p.command.Process.Signal(signal); err != nil {
		return fmt.Errorf("send %v to process %d: %w", signal, p.command.Process.Pid, err)
	}
	return nil
}

// kill ends the process with SIGKILL and waits for its end. One that has ended
// is no error.
func (p *process) kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.exited
	return nil
}

// terminate ends the process in good order, and kills it when that takes
// longer than stopTimeout.
func (p *process) terminate() error {
	if err := p.signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("process %d does not end within %v", p.command.Process.Pid, stopTimeout), p.kill())
	}
}
