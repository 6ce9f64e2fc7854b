//go:build linux

package podtest

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/pod"
)

// Today's readiness is a TCP connect: a server stopped for 117 s stays active.
func TestAStoppedServerIsNoticed(t *testing.T) {
	for _, protocol := range []string{"tars", "not_tars"} {
		t.Run(protocol, func(t *testing.T) {
			p, registry := newPod(t, Spec{Meta: "adapters:\n  - object: EchoObj\n    protocol: " + protocol + "\n"})
			p.Start()
			waitActive(t, p, registry)
			server := p.ServerPid()
			if err := syscall.Kill(server, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			waitInactive(t, p, registry)
			if err := syscall.Kill(server, syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			waitActive(t, p, registry)
			expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive inactive", "keepAlive active")
		})
	}
}

func TestKindsOfAdapters(t *testing.T) {
	for name, meta := range map[string]string{
		"udp":      "adapters:\n  - object: UdpObj\n    endpoint: udp -h ${local_ip} -p ${random_port}\n",
		"http":     "adapters:\n  - object: WebObj\n    protocol: http\n",
		"not_tars": "adapters:\n  - object: WebObj\n    protocol: not_tars\n",
		"several":  "adapters:\n  - object: A\n  - object: B\n    protocol: http\n  - object: C\n    endpoint: udp -h ${local_ip} -p ${random_port}\n",
		"none":     "adapters: []\n",
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := newPod(t, Spec{Meta: meta})
			p.Start()
			p.WaitReady()
			if d := p.Delete(30*time.Second, HookThenTerm); d.Killed || d.ExitCode != 0 || d.HookCode != 0 {
				t.Errorf("%+v", d)
			}
		})
	}
}

// A server that never comes up stays activating for ever with today's tool.
func TestWhoNeverComesUpIsInactive(t *testing.T) {
	p, registry := newPod(t, Spec{Start: "#!/bin/bash\nexec sleep 1000\n", Env: []string{"TARS_ACTIVATING_TIMEOUT=2s"}})
	p.Start()
	p.WaitState("activating")
	p.WaitState("inactive")
	if ready, why := p.Ready(); ready || !strings.Contains(why, "Test.Pod.EchoObjAdapter") || !strings.Contains(why, "connection refused") {
		t.Errorf("%v, %s", ready, why)
	}
	Eventually(t, "the registry to know", func() bool {
		story := registry.Story(p.Address)
		return story[len(story)-1] == "keepAlive inactive"
	})
}

func TestCheckScript(t *testing.T) {
	p, registry := newPod(t, Spec{Env: []string{
		"TARS_BEFORE_CHECK_SCRIPT=[ ! -e $TARS_PATH/sick ] || { echo queue is full; exit 4; }", "TARS_CHECK_SCRIPT_TIMEOUT=1s",
	}})
	p.Start()
	waitActive(t, p, registry)
	p.writeFile("sick", "", 0o644)
	waitInactive(t, p, registry)
	if _, why := p.Ready(); !strings.Contains(why, "queue is full") || !strings.Contains(why, "exit code 4") {
		t.Errorf("reason %q", why)
	}
	p.remove("sick")
	waitActive(t, p, registry)
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive inactive", "keepAlive active")
}

// The server's process in the background, its start script gone.
func TestServerInTheBackground(t *testing.T) {
	p, registry := newPod(t, Spec{Start: "#!/bin/bash\nnohup $SERVER --config=$CONF &\nexit 0\n"})
	p.Start()
	waitActive(t, p, registry)
	if err := syscall.Kill(p.ServerPid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitInactive(t, p, registry)
	waitActive(t, p, registry)
	if d := p.Delete(30*time.Second, HookThenTerm); d.Killed || d.HookCode != 0 {
		t.Errorf("%+v", d)
	}
	expectContains(t, "the server's output", p.Output(), "podserver got shutdown")
	expectStory(t, p, registry, "onStartup activating", "keepAlive active", "keepAlive inactive", "keepAlive active", "keepAlive deactivating", "onPrestop")
}

// A start script that ends well and leaves only a helper: the server is gone,
// and the helper must not be taken for it.
func TestAHelperIsNoServer(t *testing.T) {
	p, _ := newPod(t, Spec{Start: "#!/bin/bash\nsleep 1000 &\n$SERVER --config=$CONF\nexit 0\n"})
	p.Start()
	p.WaitReady()
	if err := syscall.Kill(p.find(PodServer(t)), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.WaitState("inactive")
	Eventually(t, "the restart", func() bool { return strings.Count(p.Output(), "podserver is up") == 2 })
	p.WaitReady()
}

func TestStartScriptsOfAllKinds(t *testing.T) {
	for name, change := range map[string]func(*Pod){
		"not executable": func(p *Pod) { p.writeFile("bin/start.sh", defaultStart, 0o644); p.chmod("bin/start.sh", 0o644) },
		"without #!":     func(p *Pod) { p.writeFile("bin/start.sh", "exec $SERVER --config=$CONF\n", 0o755) },
		"command line":   func(p *Pod) { p.Setenv("TARS_START_PATH", "$SERVER --config=$CONF") },
		"wrapped":        func(p *Pod) { p.writeFile("bin/start.sh", "#!/bin/bash\n$SERVER --config=$CONF\n", 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := newPod(t, Spec{})
			change(p)
			p.Start()
			p.WaitReady()
			if d := p.Delete(30*time.Second, TermOnly); d.Killed || d.ExitCode != 0 {
				t.Errorf("%+v", d)
			}
		})
	}
}

// The server reports to the supervisor as it would to tarsnode.
func TestSupervisorIsTheServersNode(t *testing.T) {
	p, _ := newPod(t, Spec{Program: TarsGoServer(t)})
	p.writeFile("merge.conf", "<tars>\n<application>\n<server>\nnode=tars.tarsnode.ServerObj@tcp -h "+p.Address+" -p 19386 -t 60000\n</server>\n</application>\n</tars>\n", 0o644)
	p.Setenv("TARS_MERGE_CONF", p.Path("merge.conf"))
	p.Start()
	p.WaitReady()
	p.WaitLog("the server reports to its node")
}

func TestStaleStateIsNotReady(t *testing.T) {
	p, _ := newPod(t, Spec{})
	p.Start()
	p.WaitReady()
	p.Signal(syscall.SIGSTOP)
	Eventually(t, "the probe to notice", func() bool {
		ready, why := p.Ready()
		return !ready && strings.Contains(why, "gone quiet")
	})
	p.Signal(syscall.SIGCONT)
	p.WaitReady()
}

func TestProbeWithoutSupervisor(t *testing.T) {
	p, _ := newPod(t, Spec{})
	if ready, why := p.Ready(); ready || !strings.Contains(why, "no supervisor") {
		t.Errorf("%v, %s", ready, why)
	}
	if out, code := p.Exec(t.Context(), "genconf"); code != 0 {
		t.Fatal(out)
	}
	if ready, why := p.Ready(); ready || !strings.Contains(why, "connection refused") {
		t.Errorf("%v, %s", ready, why)
	}
	p.StartServer()
	Eventually(t, "the probe", func() bool { ready, _ := p.Ready(); return ready })
	if _, err := pod.LoadInfo(pod.Paths{Root: p.Dir}); err != nil {
		t.Error(err)
	}
}
