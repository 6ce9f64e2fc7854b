//go:build linux

package podtest

import (
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The server's own shutdown takes its time after the ports have closed; today's
// tool leaves then, and cuts it.
func TestGracefulShutdownIsNotCut(t *testing.T) {
	p, _ := newPod(t, Spec{Start: `#!/bin/bash
$SERVER --config=$CONF
sleep 2
echo "all written"
exit 5
`})
	p.Start()
	p.WaitReady()
	d := p.Delete(30*time.Second, HookThenTerm)
	if d.Killed || d.ExitCode != 5 {
		t.Errorf("%+v", d)
	}
	expectContains(t, "the server's output", p.Output(), "all written")
}

func TestWhoTakesNoTermIsKilled(t *testing.T) {
	p, registry := newPod(t, Spec{Env: []string{"PODSERVER_IGNORE_TERM=1", "TARS_GRACE_PERIOD=12"}})
	p.Start()
	waitActive(t, p, registry)
	d := p.Delete(12*time.Second, TermOnly)
	if d.Killed || d.ExitCode != 137 {
		t.Errorf("%+v", d)
	}
	expectContains(t, "the server's output", p.Output(), "podserver got shutdown", "podserver got terminated")
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive deactivating", "onPrestop")
}

func TestSecondTermIsAtOnce(t *testing.T) {
	p, registry := newPod(t, Spec{Env: []string{"TARS_PRESTOP_WAITTIME=60s"}})
	p.Start()
	waitActive(t, p, registry)
	NewClient(t, p, 100*time.Millisecond)
	p.Signal(syscall.SIGTERM)
	p.WaitLog("waiting for clients to leave")
	p.Signal(syscall.SIGTERM)
	if code := p.Exited(20 * time.Second); code != 0 && code != 143 && code != 137 {
		t.Errorf("exit code %d", code)
	}
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive deactivating", "onPrestop")
}

func TestStopCommand(t *testing.T) {
	p, _ := newPod(t, Spec{Env: []string{"TARS_STOP_PATH=echo stop > $TARS_PATH/stopped; pkill -TERM -f \"config=$CONF\""}})
	p.Start()
	p.WaitReady()
	d := p.Delete(30*time.Second, HookThenTerm)
	if d.Killed || d.ExitCode != 0 {
		t.Errorf("%+v", d)
	}
	if p.Read("stopped") != "stop\n" || !strings.Contains(p.Output(), "podserver got terminated") || strings.Contains(p.Output(), "got shutdown") {
		t.Errorf("the stop command was not used:\n%s", p.Output())
	}
}

func TestPrestopTwice(t *testing.T) {
	p, registry := newPod(t, Spec{})
	p.Start()
	waitActive(t, p, registry)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if out, code := p.Exec(t.Context(), "prestop"); code != 0 {
				t.Errorf("exit code %d:\n%s", code, out)
			}
		})
	}
	group.Wait()
	// The container lives on until it is told to end.
	if !p.Running() {
		t.Fatal("the container has ended")
	}
	if out, code := p.Exec(t.Context(), "prestop"); code != 0 || !strings.Contains(out, "already") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Exited(20 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive deactivating", "onPrestop")
}

func TestPrestopWithoutSupervisor(t *testing.T) {
	p, registry := newPod(t, Spec{})
	if out, code := p.Exec(t.Context(), "genconf"); code != 0 {
		t.Fatal(out)
	}
	server := p.StartServer()
	Eventually(t, "the server", func() bool { ready, _ := p.Ready(); return ready })
	out, code := p.Exec(t.Context(), "prestop")
	if code != 0 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	expectContains(t, "prestop's output", out, "no supervisor is running", "clients have gone", "removed from the registry")
	if text := <-server; !strings.Contains(text, "podserver got the command prestop") || !strings.Contains(text, "podserver got shutdown") {
		t.Errorf("the server said %q", text)
	}
	expectStory(t, p, registry, "keepAlive deactivating", "onPrestop")
	if out, code := p.Exec(t.Context(), "prestop"); code != 0 || !strings.Contains(out, "already") {
		t.Errorf("the second time: exit code %d:\n%s", code, out)
	}
	expectStory(t, p, registry, "keepAlive deactivating", "onPrestop")
}

func TestCrashDuringTheDrain(t *testing.T) {
	p, registry := newPod(t, Spec{Env: []string{"TARS_PRESTOP_WAITTIME=60s"}})
	p.Start()
	waitActive(t, p, registry)
	NewClient(t, p, 100*time.Millisecond)
	server := p.ServerPid()
	p.Signal(syscall.SIGTERM)
	p.WaitLog("waiting for clients to leave")
	if err := syscall.Kill(server, syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	if code := p.Exited(20 * time.Second); code != 2 && code != 139 {
		t.Errorf("exit code %d", code)
	}
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive deactivating", "onPrestop")
}

// data/prestop and check_status survive with today's tool: the next stop skips
// the drain.
func TestRestartOnTheSameVolume(t *testing.T) {
	p, registry := newPod(t, Spec{})
	p.Start()
	waitActive(t, p, registry)
	if d := p.Delete(30*time.Second, HookThenTerm); d.ExitCode != 0 {
		t.Errorf("%+v", d)
	}
	if p.Read("data", "prestop") == "" {
		t.Error("nothing marks that prestop has run")
	}
	p.Start()
	waitActive(t, p, registry)
	p.Kill()
	if ready, _ := p.Ready(); !ready {
		t.Log("the state has gone stale already")
	}
	p.Start()
	p.WaitLog("was=\"\"")
	if log := p.Log(); !strings.Contains(log, "state is=activating was=\"\"") {
		t.Errorf("the new life does not begin with activating:\n%s", log)
	}
	waitActive(t, p, registry)
	d := p.Delete(30*time.Second, HookThenTerm)
	if d.Killed || d.ExitCode != 0 || !strings.Contains(d.HookSaid, "clients have gone") {
		t.Errorf("%+v", d)
	}
	one := []string{"onStartup activating", "keepAlive active"}
	leave := []string{"keepAlive deactivating", "onPrestop"}
	want := append(append(append(append([]string{}, one...), leave...), one...), append(one, leave...)...)
	expectStory(t, p, registry, want...)
}
