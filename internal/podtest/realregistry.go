//go:build linux

package podtest

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// RealRegistry is the product's own registry, as a process.
type RealRegistry struct {
	*replica.Replica
	t testing.TB
}

// NewRealRegistry starts a registry on 127.0.0.1 with further arguments, on its
// embedded database unless they say otherwise.
func NewRealRegistry(t testing.TB, args ...string) *RealRegistry {
	t.Helper()
	return &RealRegistry{Replica: replica.Start(t, args...), t: t}
}

// Locator is how pods and clients find it.
func (r *RealRegistry) Locator() string { return replica.Locator(r.Replica) }

// Find looks a servant up and returns the hosts of its active and inactive
// endpoints.
func (r *RealRegistry) Find(object string) (active, inactive []string) {
	r.t.Helper()
	var dialer tarsclient.Dialer
	_, at, _ := strings.Cut(r.Locator(), "@")
	response, err := dialer.Invoke(context.Background(), at, tarsclient.Request{
		Servant: replica.QueryServant, Function: "findObjectByIdInSameGroup", Body: wire.AppendString(nil, 1, object),
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
	out  replica.Output
	done chan struct{}
}

// NewLoad starts a client with further arguments and waits for its first call.
func NewLoad(t testing.TB, locator, object string, args ...string) *Load {
	t.Helper()
	l := &Load{t: t, done: make(chan struct{})}
	args = append([]string{"-locator", locator, "-object", object}, args...)
	l.cmd = exec.Command(replica.Build(t, "internal/podtest/testdata/tarsgoclient"), args...) //nolint:gosec // a program of ours
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
