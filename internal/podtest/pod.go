//go:build linux

package podtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/internal/process"
)

// Spec is what a pod's image and manifest say.
type Spec struct {
	Locator string
	// Server is the name of the server in the application Test; Pod otherwise.
	Server string
	// Meta is _server_meta.yaml; by default one adapter EchoObj.
	Meta string
	// Start is start.sh; by default it becomes the podserver. $SERVER is the
	// server's file and $CONF its configuration.
	Start string
	// Program is the server's file; PodServer by default.
	Program string
	// Env are variables as KEY=value.
	Env []string
	// Address is the pod's; a new one by default.
	Address string
	// UID is the pod's identity; a new one by default.
	UID string
	// ProcessOne makes the supervisor process 1 of a namespace of its own.
	ProcessOne bool
}

// Pod is a pod with one container at a time. Its methods are for one goroutine,
// the test's.
type Pod struct {
	t       testing.TB
	Address string
	Dir     string // $TARS_PATH
	env     []string
	spec    Spec

	container *container
}

// container is one life of the container.
type container struct {
	cmd  *exec.Cmd
	out  replica.Output
	err  replica.Output
	done chan struct{}
}

const defaultStart = "#!/bin/bash\nexec $SERVER --config=$CONF\n"

// NewPod makes the pod's files; nothing runs yet. What runs at the end of the
// test is killed.
func NewPod(t testing.TB, spec Spec) *Pod {
	t.Helper()
	if spec.Server == "" {
		spec.Server = "Pod"
	}
	if spec.Address == "" {
		spec.Address = newAddress()
	}
	if spec.UID == "" {
		spec.UID = "uid-of-" + spec.Address
	}
	if spec.Program == "" {
		spec.Program = PodServer(t)
	}
	if spec.Start == "" {
		spec.Start = defaultStart
	}
	if spec.Meta == "" {
		spec.Meta = "adapters:\n  - object: EchoObj\n"
	}
	p := &Pod{t: t, Address: spec.Address, Dir: t.TempDir(), spec: spec}
	p.writeFile("bin/_server_meta.yaml", "application: Test\nserver: "+spec.Server+"\n"+spec.Meta, 0o644)
	p.writeFile("bin/start.sh", spec.Start, 0o755)
	p.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/root", "TARS_PATH=" + p.Dir, "POD_IP=" + spec.Address, "POD_UID=" + spec.UID,
		"TARS_LOCATOR=" + spec.Locator, "SERVER=" + spec.Program, "CONF=" + p.Path("conf", spec.Server+".conf"), "SERVANT=EchoObj",
		"TARS_CHECK_INTERVAL=300ms", "TARS_CHECK_RETRY_TIMEOUT=2s", "TARS_REPORT_INTERVAL=1s",
		"TARS_EP_UPTIME=1000", "TARS_PRESTOP_WAITTIME=10s",
	}
	p.env = append(p.env, spec.Env...)
	t.Cleanup(func() {
		if p.container == nil {
			return
		}
		p.Kill()
		if t.Failed() {
			t.Logf("last output of pod %s:\n%s%s", p.Address, p.container.out.String(), p.container.err.String())
		}
	})
	return p
}

// Path is a file under $TARS_PATH.
func (p *Pod) Path(parts ...string) string {
	return filepath.Join(append([]string{p.Dir}, parts...)...)
}

func (p *Pod) writeFile(name, content string, mode os.FileMode) {
	p.t.Helper()
	file := p.Path(name)
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(content), mode)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// Read is the content of a file under $TARS_PATH, empty where there is none.
func (p *Pod) Read(parts ...string) string {
	data, err := os.ReadFile(p.Path(parts...))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.t.Fatal(err)
	}
	return string(data)
}

// Setenv changes a variable for containers and commands started from now on.
func (p *Pod) Setenv(name, value string) { p.env = append(p.env, name+"="+value) }

// Start starts a container on the pod's volume: the entrypoint tarscli
// supervisor.
func (p *Pod) Start() {
	p.t.Helper()
	c := &container{done: make(chan struct{})}
	c.cmd = exec.Command(Tarscli(p.t), "supervisor") //nolint:gosec // a program of ours
	c.cmd.Env = p.env
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.err
	// Descendants that hold the pipes open must not hold the test up.
	c.cmd.WaitDelay = 2 * time.Second
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.spec.ProcessOne {
		// A /proc of the namespace's own, as a container has it.
		c.cmd.Path, c.cmd.Args = "/bin/sh", []string{"sh", "-c",
			"mount --make-rprivate / && mount -t proc proc /proc && exec " + c.cmd.Path + " supervisor"}
		asProcessOne(c.cmd.SysProcAttr)
	}
	if err := c.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		// The error is in ProcessState, or is that of the pipes.
		_ = c.cmd.Wait()
		close(c.done)
	}()
	p.container = c
}

// StartServer starts the server without a supervisor; what it wrote comes when
// it has ended.
func (p *Pod) StartServer() <-chan string {
	p.t.Helper()
	cmd := exec.Command(p.Path("bin", "start.sh")) //nolint:gosec // a script of the test
	cmd.Env = p.env
	var out replica.Output
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	said := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is not the point
		said <- out.String()
		close(done)
	}()
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill() // has ended, most likely
		<-done
	})
	return said
}

func (p *Pod) remove(name string) {
	p.t.Helper()
	if err := os.Remove(p.Path(name)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *Pod) chmod(name string, mode os.FileMode) {
	p.t.Helper()
	if err := os.Chmod(p.Path(name), mode); err != nil {
		p.t.Fatal(err)
	}
}

// find returns the process below the supervisor that runs the program.
func (p *Pod) find(program string) int {
	p.t.Helper()
	pids, err := process.Descendants(p.Pid())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, pid := range pids {
		if file, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && file == program {
			return pid
		}
	}
	p.t.Fatalf("%s does not run", program)
	return 0
}

// Output is what the container wrote to stdout, Log to stderr.
func (p *Pod) Output() string { return p.container.out.String() }

// Log is the supervisor's log, and what else went to stderr.
func (p *Pod) Log() string { return p.container.err.String() }

// Pid is the supervisor's process, as the test sees it.
func (p *Pod) Pid() int { return p.container.cmd.Process.Pid }

// ServerPid is the process of the server itself.
func (p *Pod) ServerPid() int {
	p.t.Helper()
	return p.find(p.spec.Program)
}

// Signal sends the supervisor a signal.
func (p *Pod) Signal(sig syscall.Signal) {
	p.t.Helper()
	if err := syscall.Kill(p.Pid(), sig); err != nil {
		p.t.Fatal(err)
	}
}

// Exited returns the container's exit code, waiting for it at most so long.
func (p *Pod) Exited(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.container.done:
	case <-time.After(limit):
		p.t.Fatalf("the container has not ended after %v", limit)
	}
	return p.exitCode()
}

func (p *Pod) exitCode() int {
	state := p.container.cmd.ProcessState
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// Running tells whether the container has not ended.
func (p *Pod) Running() bool {
	select {
	case <-p.container.done:
		return false
	default:
		return true
	}
}

// Kill ends the container as a runtime does: every process at once.
func (p *Pod) Kill() {
	if p.Running() {
		// Nobody is left to start anything while the rest is looked for.
		kill(p.Pid(), syscall.SIGSTOP)
		if pids, err := process.Descendants(p.Pid()); err == nil {
			for _, pid := range pids {
				kill(pid, syscall.SIGKILL)
			}
		}
		kill(p.Pid(), syscall.SIGKILL)
	}
	<-p.container.done
}

// kill signals a process that may have gone.
func kill(pid int, sig syscall.Signal) { _ = syscall.Kill(pid, sig) }

// Exec runs a command of tarscli in the pod, as kubectl exec does.
func (p *Pod) Exec(ctx context.Context, args ...string) (out string, code int) {
	cmd := exec.CommandContext(ctx, Tarscli(p.t), args...) //nolint:gosec // a program of ours
	cmd.Env = p.env
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		// It could not even be started: too late, most likely.
		return fmt.Sprint(err), -1
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// Ready asks the readiness probe.
func (p *Pod) Ready() (ready bool, why string) {
	out, code := p.Exec(context.Background(), "hzcheck")
	return code == 0, out
}

// WaitReady waits until the probe says yes.
func (p *Pod) WaitReady() {
	p.t.Helper()
	Eventually(p.t, "pod "+p.Address+" to be ready", func() bool {
		if !p.Running() {
			p.t.Fatalf("the container has ended with %d:\n%s%s", p.exitCode(), p.Output(), p.Log())
		}
		ready, _ := p.Ready()
		return ready
	})
}

// WaitState waits for the content of check_status.
func (p *Pod) WaitState(state string) {
	p.t.Helper()
	Eventually(p.t, "state "+state, func() bool { return p.Read("data", "check_status") == state })
}

// Eventually waits for a condition.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// WaitOutput waits for a part of the container's output.
func (p *Pod) WaitOutput(text string) {
	p.t.Helper()
	Eventually(p.t, fmt.Sprintf("%q in the output", text), func() bool { return strings.Contains(p.Output(), text) })
}

// WaitLog waits for a sentence in the supervisor's log.
func (p *Pod) WaitLog(text string) {
	p.t.Helper()
	Eventually(p.t, fmt.Sprintf("%q in the log", text), func() bool { return strings.Contains(p.Log(), text) })
}
