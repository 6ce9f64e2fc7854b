package health

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/process"
)

// Starter starts processes; *process.Owner is one.
type Starter interface {
	Start(process.Command) (*process.Process, error)
}

// Script runs the command line with the shell and returns nil when it ends with
// exit code 0 in time. Otherwise the error holds the end of what it said, and
// its process group is killed when it took too long.
func Script(ctx context.Context, starter Starter, commandLine string, timeout time.Duration) error {
	var said tail
	p, err := starter.Start(process.Command{
		Path: "/bin/sh", Args: []string{"-c", commandLine}, Stdout: &said, Stderr: &said,
	})
	if err != nil {
		return err
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.Done():
	case <-timer.C:
		return kill(p, fmt.Errorf("not finished after %v", timeout))
	case <-ctx.Done():
		return kill(p, ctx.Err())
	}
	select {
	case <-p.Said():
	case <-timer.C: // something that the script has started keeps its output open
	case <-ctx.Done():
	}
	if status := p.Status(); status != (process.Status{}) {
		return fmt.Errorf("%v%s", status, said.suffix())
	}
	return nil
}

func kill(p *process.Process, reason error) error {
	// That it ended by itself in between is as good.
	_ = p.Signal(syscall.SIGKILL)
	<-p.Done()
	return reason
}

// tail keeps the last bytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 500
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if len(t.buf) > most {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-most:]...)
	}
	return len(p), nil
}

func (t *tail) suffix() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(string(bytes.ToValidUTF8(t.buf, []byte("?"))))
	if text == "" {
		return ""
	}
	return ": " + text
}
