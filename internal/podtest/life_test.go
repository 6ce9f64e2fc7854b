//go:build linux

package podtest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/process"
)

// newPod makes a pod and its registry.
func newPod(t *testing.T, spec Spec) (*Pod, *Registry) {
	t.Helper()
	t.Parallel()
	registry := NewRegistry(t)
	spec.Locator = registry.Locator()
	return NewPod(t, spec), registry
}

// waitActive waits until the pod is ready and its registry was told.
func waitActive(t *testing.T, p *Pod, r *Registry) {
	t.Helper()
	p.WaitReady()
	waitTold(t, p, r, "active")
}

// waitInactive waits until the pod is inactive and its registry was told.
func waitInactive(t *testing.T, p *Pod, r *Registry) {
	t.Helper()
	p.WaitState("inactive")
	waitTold(t, p, r, "inactive")
}

// waitTold waits until the last thing that the registry heard of the pod is the
// state. A test that goes on before that may miss it: a supervisor with
// something newer to say drops the report under way.
func waitTold(t *testing.T, p *Pod, r *Registry, state string) {
	t.Helper()
	Eventually(t, "the registry to be told "+state, func() bool {
		calls := r.Calls(p.Address)
		return len(calls) > 0 && calls[len(calls)-1].State == state
	})
}

// expectStory compares what the registry was told in all.
func expectStory(t *testing.T, p *Pod, r *Registry, want ...string) {
	t.Helper()
	if got := r.Story(p.Address); !slices.Equal(got, want) {
		t.Errorf("the registry was told %q, want %q", got, want)
	}
}

func expectContains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, text)
		}
	}
}

func TestLifeOfAPod(t *testing.T) {
	for name, order := range map[string]Order{"hook then TERM": HookThenTerm, "TERM only": TermOnly, "TERM then hook": TermThenHook} {
		t.Run(name, func(t *testing.T) {
			p, registry := newPod(t, Spec{})
			p.Start()
			waitActive(t, p, registry)
			d := p.Delete(30*time.Second, order)
			if d.Killed || d.ExitCode != 0 {
				t.Errorf("%+v", d)
			}
			if order != TermOnly {
				if d.HookCode != 0 {
					t.Errorf("the hook ended with %d", d.HookCode)
				}
				expectContains(t, "prestop's output", d.HookSaid, "clients have gone", "removed from the registry", "exit code 0")
			}
			expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive deactivating", "onPrestop")
			expectContains(t, "the server's output", p.Output(), "podserver got the command prestop", "podserver got shutdown")
		})
	}
}

func TestRegistrationSaysAllThereIs(t *testing.T) {
	p, registry := newPod(t, Spec{
		Meta: "set_id: a.b.1\nversion: v7\nadapters:\n  - object: EchoObj\n    threads: 9\n    maxconns: 11\n    queuecap: 12\n    queuetimeout: 13\n",
		Env:  []string{"TARS_DISABLE_FLOW=1", "POD_UID=11111111-2222-3333-4444-555555555555", "TARS_TOKEN=secret"},
	})
	p.Start()
	p.WaitReady()
	call := registry.Calls(p.Address)[0]
	q := call.Request
	if q.NodeName != p.Address || q.Application != "Test" || q.Server != "Pod" || q.SetID != "a.b.1" || !q.DisableFlow || q.Version != "v7" || q.State != "activating" {
		t.Errorf("request %+v", q)
	}
	if len(q.Adapters) != 1 {
		t.Fatalf("adapters %+v", q.Adapters)
	}
	a := q.Adapters[0]
	if a.Servant != "Test.Pod.EchoObj" || a.Protocol != "tars" || a.ThreadNum != 9 || a.MaxConns != 11 || a.QueueCap != 12 || a.QueueTimeout != 13 ||
		!strings.HasPrefix(a.Endpoint, "tcp -h "+p.Address+" -p ") {
		t.Errorf("adapter %+v", a)
	}
	for key, want := range map[string]string{
		"tars-pod-uid": "11111111-2222-3333-4444-555555555555", "tars-pod-kind": "pod", "tars-beat-ms": "1000", "tars-token": "secret",
	} {
		if call.Context[key] != want {
			t.Errorf("context %s is %q, want %q", key, call.Context[key], want)
		}
	}
	if strings.Contains(p.Log()+p.Output(), "secret") {
		t.Error("the token is in the log")
	}
}

// The container's stdout is empty with today's tool.
func TestOutputReachesTheContainersLog(t *testing.T) {
	const start = `#!/bin/bash
echo "one line"
echo "an error" >&2
printf "no line end"
exec $SERVER --config=$CONF
`
	for _, logged := range []bool{false, true} {
		t.Run(fmt.Sprintf("logged %v", logged), func(t *testing.T) {
			p, _ := newPod(t, Spec{Start: start})
			if logged {
				p.Setenv("TARS_OUTPUT_LOG", "1")
			}
			p.Start()
			p.WaitReady()
			p.Delete(30*time.Second, TermOnly)
			expectContains(t, "stdout", p.Output(), "one line\n", "no line end", "podserver got shutdown")
			expectContains(t, "stderr", p.Log(), "an error\n")
			file := p.Read("log", "Test.Pod.out")
			if !logged {
				if file != "" {
					t.Error("a log file that nobody asked for")
				}
				return
			}
			expectContains(t, "the log file", file, "one line\n", "an error\n", "no line end", "podserver got shutdown")
		})
	}
}

func TestProbesOverHTTP(t *testing.T) {
	port := strconv.Itoa(mariadbtest.Port(t))
	p, _ := newPod(t, Spec{Env: []string{"TARS_PROBE_PORT=" + port, "TARS_BEFORE_CHECK_SCRIPT=test -e $TARS_PATH/warm || { echo cache is cold; false; }"}})
	get := func(path string) (int, string) {
		response, err := http.Get("http://127.0.0.1:" + port + path)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	p.Start()
	Eventually(t, "the reason", func() bool {
		code, body := get("/readyz")
		return code == 503 && strings.Contains(body, "activating") && strings.Contains(body, "cache is cold")
	})
	if ready, why := p.Ready(); ready || !strings.Contains(why, "cache is cold") {
		t.Errorf("hzcheck: %v, %s", ready, why)
	}
	if code, body := get("/healthz"); code != 200 {
		t.Errorf("/healthz: %d %s", code, body)
	}
	p.writeFile("warm", "", 0o644)
	p.WaitReady()
	Eventually(t, "the same answer over HTTP", func() bool {
		code, body := get("/readyz")
		return code == 200 && body == "active\n"
	})
}

func TestSignalsArePassedOn(t *testing.T) {
	p, _ := newPod(t, Spec{})
	p.Start()
	p.WaitReady()
	p.Signal(syscall.SIGHUP)
	Eventually(t, "the server to get SIGHUP", func() bool { return strings.Contains(p.Output(), "podserver got hangup") })
}

func TestAsProcessOne(t *testing.T) {
	p, registry := newPod(t, Spec{ProcessOne: true, Start: `#!/bin/bash
for i in $(seq 20); do (sleep 0.0$i &); done
setsid bash -c 'trap "" TERM; echo detached; while :; do sleep 0.1; done' &
exec $SERVER --config=$CONF
`})
	p.Start()
	waitActive(t, p, registry)
	Eventually(t, "the detached process", func() bool { return strings.Contains(p.Output(), "detached") })
	// The container's first process reaps what is not its child.
	Eventually(t, "orphans to be reaped", func() bool { return zombies(t, p) == 0 })
	d := p.Delete(30*time.Second, TermOnly)
	if d.Killed || d.ExitCode != 0 {
		t.Errorf("%+v", d)
	}
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive deactivating", "onPrestop")
}

func zombies(t *testing.T, p *Pod) int {
	t.Helper()
	n, err := process.Zombies(p.Pid())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNothingOutlivesTheSupervisor(t *testing.T) {
	p, _ := newPod(t, Spec{Start: `#!/bin/bash
setsid bash -c 'trap "" TERM; echo detached; while :; do sleep 0.1; done' &
exec $SERVER --config=$CONF
`})
	p.Start()
	p.WaitReady()
	Eventually(t, "the detached process", func() bool { return strings.Contains(p.Output(), "detached") })
	pids, err := process.Descendants(p.Pid())
	if err != nil || len(pids) < 2 {
		t.Fatalf("processes %v, %v", pids, err)
	}
	if d := p.Delete(30*time.Second, TermOnly); d.Killed || d.ExitCode != 0 {
		t.Errorf("%+v", d)
	}
	for _, pid := range pids {
		// Whoever inherited what was killed may take a moment to reap it.
		Eventually(t, fmt.Sprintf("process %d to be gone", pid), func() bool { return syscall.Kill(pid, 0) != nil })
	}
}
