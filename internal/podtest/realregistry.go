//go:build linux

package podtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// RealRegistry is the product's own registry, as a process.
type RealRegistry struct {
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
	out  *output
	done chan struct{}

	queryPort, podPort int
}

// NewRealRegistry starts a registry on 127.0.0.1 with further arguments, on its
// embedded database unless they say otherwise.
func NewRealRegistry(t testing.TB, args ...string) *RealRegistry {
	t.Helper()
	r := &RealRegistry{t: t, dir: t.TempDir(), args: slices.Clone(args)}
	r.args = append(r.args, "--data-dir", r.dir)
	r.queryPort, r.podPort = freePort(t), freePort(t)
	for flag, port := range map[string]int{
		"--query-port": r.queryPort, "--pod-port": r.podPort,
		"--node-port": freePort(t), "--http-port": freePort(t), "--admin-port": freePort(t),
	} {
		r.args = append(r.args, flag, strconv.Itoa(port))
	}
	r.Start()
	t.Cleanup(func() {
		r.Kill()
		if t.Failed() {
			t.Logf("last output of the registry:\n%s", r.out.String())
		}
	})
	return r
}

// Start starts it, on the ports it had before.
func (r *RealRegistry) Start() {
	r.t.Helper()
	r.cmd = exec.Command(Build(r.t, module+"cmd/registry"), r.args...) //nolint:gosec // a program of ours
	r.out = new(output)
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.done = make(chan struct{})
	cmd, done := r.cmd, r.done
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(done)
	}()
	Eventually(r.t, "the registry to serve", func() bool {
		select {
		case <-done:
			r.t.Fatalf("the registry has ended:\n%s", r.out.String())
		default:
		}
		text, err := os.ReadFile(filepath.Join(r.dir, "registry.json"))
		if err != nil {
			return false
		}
		var owner struct {
			PID int `json:"pid"`
		}
		return json.Unmarshal(text, &owner) == nil && owner.PID == cmd.Process.Pid
	})
}

// Stop ends it with SIGTERM.
func (r *RealRegistry) Stop() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	select {
	case <-r.done:
	case <-time.After(20 * time.Second):
		r.t.Error("the registry does not end")
		r.Kill()
	}
}

// Kill ends it with SIGKILL.
func (r *RealRegistry) Kill() {
	_ = r.cmd.Process.Kill() // has ended, most likely
	<-r.done
}

// Locator is how pods and clients find it.
func (r *RealRegistry) Locator() string {
	return fmt.Sprintf("tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p %d", r.queryPort)
}

// Find looks a servant up and returns the hosts of its active and inactive
// endpoints.
func (r *RealRegistry) Find(object string) (active, inactive []string) {
	r.t.Helper()
	var dialer tarsclient.Dialer
	_, at, _ := strings.Cut(r.Locator(), "@")
	response, err := dialer.Invoke(context.Background(), at, tarsclient.Request{
		Servant: "tars.tarsregistry.QueryObj", Function: "findObjectByIdInSameGroup", Body: wire.AppendString(nil, 1, object),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	active, inactive, err = decodeEndpoints(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return active, inactive
}

// Load is a TarsGo client, as a process, that calls a servant all the time.
type Load struct {
	t    testing.TB
	cmd  *exec.Cmd
	out  output
	done chan struct{}
}

// NewLoad starts a client with further arguments and waits for its first call.
func NewLoad(t testing.TB, locator, object string, args ...string) *Load {
	t.Helper()
	l := &Load{t: t, done: make(chan struct{})}
	args = append([]string{"-locator", locator, "-object", object}, args...)
	l.cmd = exec.Command(Build(t, module+"internal/podtest/testdata/tarsgoclient"), args...) //nolint:gosec // a program of ours
	l.cmd.Dir = t.TempDir()
	l.cmd.Stdout, l.cmd.Stderr = &l.out, &l.out
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = l.cmd.Wait() // what counts is what it prints
		close(l.done)
	}()
	t.Cleanup(func() {
		_ = l.cmd.Process.Kill() // has ended, most likely
		<-l.done
	})
	Eventually(t, "the client's first call", func() bool { return strings.Contains(l.out.String(), "ready\n") })
	return l
}

// Stop ends the client and returns what it counted, and what failed.
func (l *Load) Stop() (calls, failures int, failed string) {
	l.t.Helper()
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		l.t.Fatal(err)
	}
	<-l.done
	var last string
	lines := bufio.NewScanner(strings.NewReader(l.out.String()))
	for lines.Scan() {
		last = lines.Text()
	}
	if _, err := fmt.Sscanf(last, "calls %d failures %d", &calls, &failures); err != nil {
		l.t.Fatalf("the client ended with %q", l.out.String())
	}
	return calls, failures, l.out.String()
}
