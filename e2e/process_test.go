//go:build !race

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a registry that runs.
type process struct {
	command *exec.Cmd
	dataDir string
	stdout  *output
	stderr  *output
	exited  chan struct{} // closed when it has ended

	// addresses are known once it serves.
	addresses addresses
}

// addresses is registry.json.
type addresses struct {
	PID   int    `json:"pid"`
	Query string `json:"query"`
	Node  string `json:"node"`
	Pod   string `json:"pod"`
	HTTP  string `json:"http"`
	Admin string `json:"admin"`
}

// anyPorts lets tests run beside each other and beside a registry at home.
func anyPorts() []string {
	return []string{"--query-port=0", "--node-port=0", "--pod-port=0", "--http-port=0", "--admin-port=0"}
}

// launch starts a registry and does not wait for it. It is killed at the end of
// the test if it still runs.
func launch(t *testing.T, dataDir string, args ...string) *process {
	t.Helper()
	p := &process{
		command: exec.Command(binary, append(args, "--data-dir", dataDir)...),
		dataDir: dataDir, stdout: new(output), stderr: new(output),
		exited: make(chan struct{}),
	}
	p.command.Stdout, p.command.Stderr = p.stdout, p.stderr
	p.command.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	if err := p.command.Start(); err != nil {
		t.Fatalf("start the registry: %v", err)
	}
	go func() {
		defer close(p.exited)
		_ = p.command.Wait() // its state tells how it ended
	}()
	t.Cleanup(func() {
		p.kill(t)
		if t.Failed() {
			t.Logf("%v said:\n%s%s", p.command.Args[1:], p.stdout, p.stderr)
		}
	})
	return p
}

// serve starts a registry on free ports and waits until it serves.
func serve(t *testing.T, dataDir string, args ...string) *process {
	t.Helper()
	p := launch(t, dataDir, append(anyPorts(), args...)...)
	p.awaitServing(t)
	return p
}

func (p *process) awaitServing(t *testing.T) {
	t.Helper()
	eventually(t, time.Minute, "the registry serves", func() error {
		if !p.running() {
			t.Fatalf("the registry ended with %v:\n%s", p.command.ProcessState, p.stderr)
		}
		found, err := p.readAddresses()
		if err == nil && found.PID != p.command.Process.Pid {
			err = fmt.Errorf("registry.json is that of process %d", found.PID)
		}
		p.addresses = found
		return err
	})
}

func (p *process) readAddresses() (addresses, error) {
	var found addresses
	text, err := os.ReadFile(filepath.Join(p.dataDir, "registry.json"))
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	return found, err
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("signal the registry: %v", err)
	}
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// exitCode waits for the end and gives the exit code, -1 for a signal.
func (p *process) exitCode(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(within):
		p.kill(t)
		t.Fatalf("the registry had not ended after %s", within)
	}
	return p.command.ProcessState.ExitCode()
}

// stop ends the registry as Kubernetes does and holds it to the 10 s that it
// promises.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t, 10*time.Second); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

// kill ends the registry as a power cut does.
func (p *process) kill(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.exited
}

// eventually tries again and again until attempt gives no error.
func eventually(t *testing.T, within time.Duration, what string, attempt func() error) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := attempt()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not after %s: %v", what, within, err)
		}
	}
}

// output is what a process has written so far.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}
