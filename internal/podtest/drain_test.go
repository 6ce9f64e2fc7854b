//go:build linux

package podtest

import (
	"strings"
	"testing"
	"time"
)

func TestDrainEndsWhenClientsHaveGone(t *testing.T) {
	p, registry := newPod(t, Spec{Env: []string{"TARS_PRESTOP_WAITTIME=60s"}})
	p.Start()
	waitActive(t, p, registry)
	client := NewClient(t, p, 50*time.Millisecond)
	gone := time.AfterFunc(6*time.Second, client.Stop)
	defer gone.Stop()
	d := p.Delete(90*time.Second, HookThenTerm)
	if d.Killed || d.ExitCode != 0 || d.HookCode != 0 || d.Took < 6*time.Second || d.Took > 40*time.Second {
		t.Errorf("%+v", d)
	}
	if client.Failures.Load() > 0 {
		t.Errorf("%d of %d calls failed", client.Failures.Load(), client.Calls.Load())
	}
	expectContains(t, "prestop's output", d.HookSaid, "1 of 1 connections still carry requests", "clients have gone")
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive deactivating", "onPrestop")
}

// Today's manifests: a grace period of 90 s and no variables.
func TestGrace90WithoutVariables(t *testing.T) {
	p, registry := newPod(t, Spec{Env: []string{"TARS_PRESTOP_WAITTIME=", "TARS_EP_UPTIME="}})
	p.Start()
	waitActive(t, p, registry)
	client := NewClient(t, p, 100*time.Millisecond)
	d := p.Delete(90*time.Second, HookThenTerm)
	if d.Killed || d.ExitCode != 0 || d.Took < 80*time.Second {
		t.Errorf("%+v", d)
	}
	expectContains(t, "prestop's output", d.HookSaid, "clients still call after 1m", "last active endpoint")
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive deactivating", "onPrestop")
	if calls := client.Calls.Load(); calls < 600 {
		t.Errorf("the client made only %d calls", calls)
	}
}

// The default grace period of Kubernetes, and no variables: the pod is killed in
// the middle of its wait, and that does no harm.
func TestGrace30WithoutVariables(t *testing.T) {
	p, registry := newPod(t, Spec{Env: []string{"TARS_PRESTOP_WAITTIME=", "TARS_EP_UPTIME="}})
	p.Start()
	waitActive(t, p, registry)
	NewClient(t, p, 100*time.Millisecond)
	d := p.Delete(30*time.Second, HookThenTerm)
	if !d.Killed || d.HookCode != -1 {
		t.Errorf("%+v", d)
	}
	// Clients were told in time, and nothing revived the pod afterwards.
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive deactivating")
}

func TestGrace30WithGracePeriod(t *testing.T) {
	for name, order := range map[string]Order{"hook then TERM": HookThenTerm, "TERM only": TermOnly} {
		t.Run(name, func(t *testing.T) {
			p, registry := newPod(t, Spec{Env: []string{"TARS_PRESTOP_WAITTIME=", "TARS_EP_UPTIME=", "TARS_GRACE_PERIOD=30"}})
			p.Start()
			waitActive(t, p, registry)
			NewClient(t, p, 100*time.Millisecond)
			d := p.Delete(30*time.Second, order)
			if d.Killed || d.ExitCode != 0 || d.Took < 20*time.Second || d.Took > 30*time.Second {
				t.Errorf("%+v", d)
			}
			expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive deactivating", "onPrestop")
		})
	}
}

func TestQuietClientsAreLetGo(t *testing.T) {
	p, _ := newPod(t, Spec{Env: []string{"TARS_PRESTOP_WAITTIME=60s"}})
	p.Start()
	p.WaitReady()
	NewClient(t, p, time.Hour) // one call, then an idle connection
	d := p.Delete(90*time.Second, HookThenTerm)
	if d.Killed || d.ExitCode != 0 || d.Took > 30*time.Second || !strings.Contains(d.HookSaid, "1 idle connections left") {
		t.Errorf("%+v", d)
	}
}
