//go:build linux

package podtest

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Today's tool sleeps a minute, for ever, and starts no server.
func TestRegistryAwayAtBoot(t *testing.T) {
	p, registry := newPod(t, Spec{})
	registry.Stop()
	p.Start()
	Eventually(t, "the server to be started all the same", func() bool { return strings.Contains(p.Output(), "podserver is up") })
	Eventually(t, "the reason", func() bool {
		ready, why := p.Ready()
		return !ready && strings.Contains(why, "healthy, but not registered") && strings.Contains(why, "connection refused")
	})
	registry.Start()
	p.WaitReady()
	if got := registry.Story(p.Address); len(got) == 0 || !strings.HasPrefix(got[0], "onStartup") {
		t.Errorf("the registry was told %q", got)
	}
}

func TestRegistryAwayLater(t *testing.T) {
	p, registry := newPod(t, Spec{})
	p.Start()
	p.WaitReady()
	registry.Stop()
	p.WaitLog("cannot be told")
	if ready, why := p.Ready(); !ready {
		t.Errorf("not ready without the registry: %s", why)
	}
	// What happens meanwhile is told when it is back.
	server := p.ServerPid()
	if err := syscall.Kill(server, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.WaitState("inactive")
	before := len(registry.Calls(p.Address))
	registry.Start()
	Eventually(t, "the new state", func() bool {
		calls := registry.Calls(p.Address)[before:]
		return len(calls) > 0 && calls[0].State == "inactive"
	})
	if err := syscall.Kill(server, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	p.WaitReady()
}

// With the registry dead, today's tool takes SIGTERM up after 407 s and restarts
// a crashed server after 154 s.
func TestADeadRegistryDelaysNothing(t *testing.T) {
	for name, trouble := range map[string]func(*Registry){
		"gone":    func(r *Registry) { r.Stop() },
		"hanging": func(r *Registry) { r.Hang(true) },
		"failing": func(r *Registry) { r.Fail(errors.New("database away")) },
	} {
		t.Run(name, func(t *testing.T) {
			p, registry := newPod(t, Spec{})
			p.Start()
			p.WaitReady()
			trouble(registry)
			p.WaitLog("cannot be told")
			if err := syscall.Kill(p.ServerPid(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			Eventually(t, "the restart", func() bool { return strings.Count(p.Output(), "podserver is up") == 2 })
			p.WaitReady()
			d := p.Delete(30*time.Second, HookThenTerm)
			if d.Killed || d.ExitCode != 0 || d.Took > 20*time.Second {
				t.Errorf("%+v", d)
			}
			if d.HookCode != 1 || !strings.Contains(d.HookSaid, "the registry could not be told") {
				t.Errorf("the hook ended with %d:\n%s", d.HookCode, d.HookSaid)
			}
		})
	}
}

func TestLostRegistrationComesBack(t *testing.T) {
	p, registry := newPod(t, Spec{})
	lost := true
	registry.Answer(func(c Call) map[string]string {
		if lost && c.State == "active" {
			lost = false
			return map[string]string{"tars-action": "register", "tars-retry-after-ms": "100"}
		}
		return nil
	})
	p.Start()
	p.WaitReady()
	Eventually(t, "the second registration", func() bool {
		return slices.Contains(registry.Story(p.Address), "onStartup active")
	})
	if ready, why := p.Ready(); !ready {
		t.Errorf("not ready: %s", why)
	}
}

func TestWhoIsEndedStopsBeating(t *testing.T) {
	for _, action := range []string{"left", "superseded"} {
		t.Run(action, func(t *testing.T) {
			p, registry := newPod(t, Spec{})
			registry.Answer(func(c Call) map[string]string {
				if c.State == "active" {
					return map[string]string{"tars-action": action}
				}
				return nil
			})
			p.Start()
			p.WaitLog("action=" + action)
			p.WaitState("inactive")
			if ready, why := p.Ready(); ready || !strings.Contains(why, action) {
				t.Errorf("%v, %s", ready, why)
			}
			d := p.Delete(30*time.Second, HookThenTerm)
			if d.Killed || d.ExitCode != 0 || d.HookCode != 0 {
				t.Errorf("%+v", d)
			}
			expectStory(t, p, registry, "onStartup activating", "keepAlive active")
		})
	}
}

func TestHeartbeatsGoOnAndAreNumbered(t *testing.T) {
	p, registry := newPod(t, Spec{})
	p.Start()
	p.WaitReady()
	Eventually(t, "heartbeats", func() bool { return len(registry.Calls(p.Address)) >= 5 })
	last := ""
	for _, c := range registry.Calls(p.Address) {
		seq := c.Context["tars-seq"]
		if len(seq) < len(last) || len(seq) == len(last) && seq <= last {
			t.Errorf("number %s after %s", seq, last)
		}
		last = seq
	}
}
