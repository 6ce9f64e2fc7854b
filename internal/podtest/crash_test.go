//go:build linux

package podtest

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Today's tool needs 5 minutes after a second crash.
func TestCrashesAreTold(t *testing.T) {
	p, registry := newPod(t, Spec{})
	p.Start()
	waitActive(t, p, registry)
	for range 2 {
		before := strings.Count(p.Output(), "podserver is up")
		if err := syscall.Kill(p.ServerPid(), syscall.SIGSEGV); err != nil {
			t.Fatal(err)
		}
		waitInactive(t, p, registry)
		if ready, why := p.Ready(); ready || !strings.Contains(why, "inactive") {
			t.Errorf("%v, %s", ready, why)
		}
		Eventually(t, "the restart", func() bool { return strings.Count(p.Output(), "podserver is up") > before })
		waitActive(t, p, registry)
	}
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive inactive", "keepAlive active", "keepAlive inactive", "keepAlive active")
}

// Today's tool never ends, so Kubernetes never sees it.
func TestCrashLoopEndsTheContainer(t *testing.T) {
	for _, tt := range []struct {
		name, start string
		code        int
	}{
		{"exit code", "exit 7", 7},
		{"exit code 0", "exit 0", 1},
		{"signal", "kill -9 $$", 137},
		{"cannot be started", "#!/nowhere/interpreter", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := tt.start
			if !strings.HasPrefix(start, "#!") {
				start = "#!/bin/bash\n" + start
			}
			p, registry := newPod(t, Spec{Start: start + "\n", Env: []string{"TARS_MAX_RESTARTS=2"}})
			p.Start()
			if code := p.Exited(30 * time.Second); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			expectStory(t, p, registry, "onStartup activating", "keepAlive inactive", "onPrestop")
		})
	}
}

func TestTermInACrashLoopIsAtOnce(t *testing.T) {
	p, registry := newPod(t, Spec{Start: "#!/bin/bash\nexit 3\n"})
	p.Start()
	p.WaitState("inactive")
	d := p.Delete(30*time.Second, TermOnly)
	if d.Killed || d.ExitCode != 3 || d.Took > 15*time.Second {
		t.Errorf("%+v", d)
	}
	if story := registry.Story(p.Address); story[len(story)-1] != "onPrestop" {
		t.Errorf("story %q", story)
	}
}

func TestTermBeforeTheServerWasStarted(t *testing.T) {
	p, registry := newPod(t, Spec{})
	registry.Stop()
	p.Start()
	p.WaitState("activating")
	d := p.Delete(30*time.Second, TermOnly)
	if d.Killed || d.ExitCode != 143 || d.Took > 20*time.Second {
		t.Errorf("%+v", d)
	}
}

// `ps | grep | kill -9` in today's tool also takes an innocent tail.
func TestInnocentsSurvive(t *testing.T) {
	p, _ := newPod(t, Spec{})
	innocent := exec.Command("tail", "-f", p.Path("bin", "start.sh"), PodServer(t))
	if err := innocent.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- innocent.Wait() }()
	t.Cleanup(func() {
		_ = innocent.Process.Kill() // has ended only where the test fails
		<-done
	})
	p.Start()
	p.WaitReady()
	if d := p.Delete(30*time.Second, TermOnly); d.Killed || d.ExitCode != 0 {
		t.Errorf("%+v", d)
	}
	select {
	case err := <-done:
		done <- err
		t.Errorf("the innocent was killed: %v", err)
	default:
	}
}

func TestStopFileKeepsTheServerDown(t *testing.T) {
	p, _ := newPod(t, Spec{})
	p.Start()
	p.WaitReady()
	p.writeFile("data/stop", "", 0o644)
	if err := syscall.Kill(p.ServerPid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "the reason", func() bool {
		ready, why := p.Ready()
		return !ready && strings.Contains(why, "data/stop exists")
	})
	p.remove("data/stop")
	p.WaitReady()
}
