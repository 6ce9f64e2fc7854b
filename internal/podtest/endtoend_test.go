//go:build linux

package podtest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
)

const fleetSize = 10

// newFleet starts pods of one TarsGo server and waits until all are handed out.
func newFleet(t *testing.T, registry *RealRegistry, server string) []*Pod {
	t.Helper()
	var pods []*Pod
	for range fleetSize {
		p := newMember(t, registry, server)
		p.Start()
		pods = append(pods, p)
	}
	for _, p := range pods {
		p.WaitReady()
	}
	Eventually(t, "all to be handed out", func() bool {
		active, _ := registry.Find("Test." + server + ".EchoObj")
		return len(active) == fleetSize
	})
	return pods
}

// newMember makes a pod with the defaults of a user who sets nothing but the
// grace period, apart from the times that tests shorten: health checks and
// heartbeats.
func newMember(t *testing.T, registry *RealRegistry, server string) *Pod {
	t.Helper()
	return NewPod(t, Spec{
		Locator: registry.Locator(), Server: server, Program: TarsGoServer(t),
		Env: []string{"TARS_EP_UPTIME=", "TARS_PRESTOP_WAITTIME=", "TARS_GRACE_PERIOD=90"},
	})
}

// roll replaces every pod by a new one, some at a time, as a Deployment does:
// first a new one comes, then an old one goes.
func roll(t *testing.T, registry *RealRegistry, server string, pods []*Pod, atATime int) []*Pod {
	t.Helper()
	var replaced []*Pod
	slots := make(chan struct{}, atATime)
	var group sync.WaitGroup
	for i, old := range pods {
		slots <- struct{}{}
		p := newMember(t, registry, server)
		p.Start()
		p.WaitReady()
		replaced = append(replaced, p)
		group.Go(func() {
			defer func() { <-slots }()
			// Every order in which a pod is told to end occurs.
			order := []Order{HookThenTerm, TermOnly, TermThenHook}[i%3]
			if d := old.Delete(90*time.Second, order); d.Killed || d.ExitCode != 0 {
				t.Errorf("pod %s: %+v", old.Address, d)
			}
		})
	}
	group.Wait()
	return replaced
}

func expectNoFailures(t *testing.T, load *Load) {
	t.Helper()
	calls, failures, said := load.Stop()
	t.Logf("%d calls, %d failures", calls, failures)
	if failures > 0 || calls < 1000 {
		t.Errorf("%d of %d calls failed:\n%s", failures, calls, said)
	}
}

func expectActive(t *testing.T, registry *RealRegistry, object string, pods []*Pod) {
	t.Helper()
	var want []string
	for _, p := range pods {
		want = append(want, p.Address)
	}
	slices.Sort(want)
	active, _ := registry.Find(object)
	slices.Sort(active)
	if !slices.Equal(active, want) {
		t.Errorf("%s is handed out at %v, want %v", object, active, want)
	}
}

// inTheMiddle starts f some time into a replacement, and returns what waits for
// its end.
func inTheMiddle(f func()) (wait func()) {
	done := make(chan struct{})
	time.AfterFunc(15*time.Second, func() {
		defer close(done)
		f()
	})
	return func() { <-done }
}

func TestRollingReplacementLosesNoCall(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t)
	pods := newFleet(t, registry, "Rolled")
	load := NewLoad(t, registry.Locator(), "Test.Rolled.EchoObj")
	replaced := roll(t, registry, "Rolled", pods, 3)
	expectNoFailures(t, load)
	expectActive(t, registry, "Test.Rolled.EchoObj", replaced)
}

func TestRollingReplacementWithARegistryRestart(t *testing.T) {
	t.Parallel()
	registry := NewRealRegistry(t)
	pods := newFleet(t, registry, "Restarted")
	load := NewLoad(t, registry.Locator(), "Test.Restarted.EchoObj")
	wait := inTheMiddle(func() {
		registry.Stop()
		time.Sleep(5 * time.Second)
		registry.Start()
	})
	replaced := roll(t, registry, "Restarted", pods, 3)
	wait()
	expectNoFailures(t, load)
	expectActive(t, registry, "Test.Restarted.EchoObj", replaced)
}

func TestRollingReplacementWithTheDatabaseAway(t *testing.T) {
	t.Parallel()
	database := mariadbtest.Start(t)
	registry := NewRealRegistry(t, "--dsn", database.Database(t))
	pods := newFleet(t, registry, "Databaseless")
	load := NewLoad(t, registry.Locator(), "Test.Databaseless.EchoObj")
	wait := inTheMiddle(func() {
		database.Stop(t)
		time.Sleep(20 * time.Second)
		database.Start(t)
	})
	replaced := roll(t, registry, "Databaseless", pods, 3)
	wait()
	expectNoFailures(t, load)
	expectActive(t, registry, "Test.Databaseless.EchoObj", replaced)
}
