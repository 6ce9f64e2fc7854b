//go:build linux

package podtest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"

	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
	"github.com/tarsregistry/tarsregistry/tars"
)

// newRealPod makes a pod of the given server at a real registry.
func newRealPod(t *testing.T, registry *RealRegistry, server string, change func(*Spec)) *Pod {
	t.Helper()
	spec := Spec{Locator: registry.Locator(), Server: server}
	if change != nil {
		change(&spec)
	}
	return NewPod(t, spec)
}

// expectHandedOut waits until a pod's server is handed out as told.
func expectHandedOut(t *testing.T, registry *RealRegistry, server string, wantActive, wantInactive []string) {
	t.Helper()
	var active, inactive []string
	Eventually(t, fmt.Sprintf("%s to be handed out at %v and %v", server, wantActive, wantInactive), func() bool {
		active, inactive = registry.Find("Test." + server + ".EchoObj")
		slices.Sort(active)
		slices.Sort(inactive)
		return slices.Equal(active, wantActive) && slices.Equal(inactive, wantInactive)
	})
}

func TestAPodAtTheRealRegistry(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t, "--tombstone", "0")
	p := newRealPod(t, registry, "Single", nil)
	p.Start()
	p.WaitReady()
	expectHandedOut(t, registry, "Single", []string{p.Address}, nil)
	if err := syscall.Kill(p.ServerPid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	expectHandedOut(t, registry, "Single", nil, []string{p.Address})
	if err := syscall.Kill(p.ServerPid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	expectHandedOut(t, registry, "Single", []string{p.Address}, nil)
	p.Signal(syscall.SIGTERM)
	expectHandedOut(t, registry, "Single", nil, []string{p.Address})
	if code := p.Exited(30 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	expectHandedOut(t, registry, "Single", nil, nil)
}

// A kill without any warning: the lease ends the rest; while draining, the pod
// is not handed out from the first moment.
func TestKilledPodsAreNotHandedOut(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t, "--lease-ttl", "10s")
	// With many others beside it, one that goes quiet is no outage.
	var pods []*Pod
	for range 4 {
		p := newRealPod(t, registry, "Killed", func(s *Spec) { s.Env = []string{"TARS_PRESTOP_WAITTIME=60s"} })
		p.Start()
		pods = append(pods, p)
	}
	var all []string
	for _, p := range pods {
		p.WaitReady()
		all = append(all, p.Address)
	}
	slices.Sort(all)
	expectHandedOut(t, registry, "Killed", all, nil)

	draining := pods[0]
	NewClient(t, draining, 100*time.Millisecond)
	draining.Signal(syscall.SIGTERM)
	draining.WaitLog("waiting for clients to leave")
	draining.Kill()
	active, _ := registry.Find("Test.Killed.EchoObj")
	if slices.Contains(active, draining.Address) {
		t.Error("a pod that was killed while it drained is handed out")
	}

	killed := pods[1]
	killed.Kill()
	Eventually(t, "the lease to end", func() bool {
		active, _ := registry.Find("Test.Killed.EchoObj")
		return !slices.Contains(active, killed.Address) && len(active) == 2
	})
}

// The container's next life takes the name over at once.
func TestRestartedContainerAtTheRealRegistry(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t)
	p := newRealPod(t, registry, "Again", nil)
	for range 2 {
		p.Start()
		p.WaitLog("was=\"\"")
		p.WaitReady()
		expectHandedOut(t, registry, "Again", []string{p.Address}, nil)
		p.Kill()
	}
	p.Start()
	p.WaitLog("was=\"\"")
	p.WaitReady()
	expectHandedOut(t, registry, "Again", []string{p.Address}, nil)
	if d := p.Delete(30*time.Second, HookThenTerm); d.Killed || d.ExitCode != 0 || d.HookCode != 0 {
		t.Errorf("%+v", d)
	}
}

// A new pod gets the address of one that is thought dead and is not: the old one
// must not disturb it.
func TestNewPodOnAnOldAddress(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t, "--tombstone", "0")
	old := newRealPod(t, registry, "Address", nil)
	old.Start()
	old.WaitReady()
	expectHandedOut(t, registry, "Address", []string{old.Address}, nil)
	old.Signal(syscall.SIGSTOP)
	young := newRealPod(t, registry, "Address", func(s *Spec) { s.Address, s.UID = old.Address, "another-life" })
	young.Start()
	young.WaitReady()
	old.Signal(syscall.SIGCONT)
	old.WaitLog("action=superseded")
	if d := old.Delete(30*time.Second, HookThenTerm); d.Killed || d.HookCode != 0 {
		t.Errorf("%+v", d)
	}
	expectHandedOut(t, registry, "Address", []string{young.Address}, nil)
	if ready, why := young.Ready(); !ready {
		t.Errorf("the new pod is not ready: %s", why)
	}
}

// The database is restored from before the pods: they come back by themselves.
func TestRegistryThatForgot(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t)
	p := newRealPod(t, registry, "Forgotten", nil)
	p.Start()
	p.WaitReady()
	expectHandedOut(t, registry, "Forgotten", []string{p.Address}, nil)
	registry.Stop()
	files, err := filepath.Glob(filepath.Join(registry.DataDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
	}
	registry.Start()
	expectHandedOut(t, registry, "Forgotten", []string{p.Address}, nil)
	p.WaitLog("registering again")
}

func TestWorkerIDsAreUnique(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t)
	seen := make(map[string]bool)
	for range 3 {
		p := newRealPod(t, registry, "Numbered", func(s *Spec) { s.Env = []string{"TARS_WORKER_ID=auto"} })
		p.Start()
		p.WaitReady()
		p.WaitOutput("podserver is up, worker id ")
		_, after, _ := strings.Cut(p.Output(), "podserver is up, worker id ")
		id, _, _ := strings.Cut(after, "\n")
		if id == "" || seen[id] {
			t.Errorf("worker id %q, others are %v", id, seen)
		}
		seen[id] = true
	}
}

// A pod that brings its own id keeps it; who brings the same one hears of it.
func TestAPodsOwnWorkerIDIsLeasedToNobodyElse(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t)
	start := func(id string) *Pod {
		t.Helper()
		p := newRealPod(t, registry, "Owned", func(s *Spec) { s.Env = []string{"TARS_WORKER_ID=" + id} })
		p.Start()
		p.WaitReady()
		return p
	}
	start("0").WaitOutput("worker id 0\n")
	start("auto").WaitOutput("worker id 1\n")
	start("0").WaitLog("another instance holds this pod's worker id")
}

// What today's tarscli says, with no identity and no numbers.
func TestAnOldPodAtTheRealRegistry(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t, "--tombstone", "0")
	const node = "127.0.78.1"
	host, port, err := net.SplitHostPort(registry.Addresses.Pod)
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("tcp -h %s -p %s", host, port)
	call := func(function string, request interface {
		WriteBlock(*codec.Buffer, byte) error
	}) {
		t.Helper()
		body := codec.NewBuffer()
		if err := request.WriteBlock(body, 1); err != nil {
			t.Fatal(err)
		}
		var dialer tarsclient.Dialer
		if _, err := dialer.Invoke(t.Context(), at, tarsclient.Request{Servant: "tars.tarsregistry.Registry", Function: function, Body: body.ToBytes()}); err != nil {
			t.Errorf("%s: %v", function, err)
		}
	}
	state := func(s string) *tars.KeepAliveReq {
		return &tars.KeepAliveReq{NodeName: node, State: s, Application: "Test", Server: "Old"}
	}
	call("onStartup", &tars.OnStartupReq{NodeName: node, Application: "Test", Server: "Old", State: "activating", Version: "v1",
		Adapters: []tars.AdapterConf{{Servant: "Test.Old.EchoObj", Endpoint: "tcp -h " + node + " -p 13000 -t 30000", Protocol: "tars", MaxConns: 200000, ThreadNum: 5, QueueCap: 10000, QueueTimeout: 60000}}})
	expectHandedOut(t, registry, "Old", nil, []string{node})
	call("keepAlive", state("active"))
	expectHandedOut(t, registry, "Old", []string{node}, nil)
	call("keepAlive", state("inactive"))
	expectHandedOut(t, registry, "Old", nil, []string{node})
	call("keepAlive", state("active"))
	call("registerMetrics", &tars.RegisterMetricsReq{NodeName: node, Application: "Test", Server: "Old", MetricsPort: 9100})
	call("keepAlive", state("deactivating"))
	expectHandedOut(t, registry, "Old", nil, []string{node})
	call("onPrestop", &tars.OnPrestopReq{NodeName: node, Application: "Test", Server: "Old"})
	expectHandedOut(t, registry, "Old", nil, nil)
}

func TestIPv6Pod(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t)
	p := newRealPod(t, registry, "Six", func(s *Spec) { s.Address = "::1" })
	p.Start()
	p.WaitReady()
	expectHandedOut(t, registry, "Six", []string{"::1"}, nil)
	client := NewClient(t, p, 50*time.Millisecond)
	time.AfterFunc(5*time.Second, client.Stop)
	d := p.Delete(30*time.Second, HookThenTerm)
	if d.Killed || d.ExitCode != 0 || d.HookCode != 0 || !strings.Contains(d.HookSaid, "still carry requests") {
		t.Errorf("%+v", d)
	}
	if client.Failures.Load() > 0 {
		t.Errorf("%d failures", client.Failures.Load())
	}
}
