package doctor

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/readiness"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// aPod makes $TARS_PATH and returns the look-up of its variables.
func aPod(t *testing.T, meta string, words ...string) pod.Lookup {
	t.Helper()
	paths := pod.Paths{Root: t.TempDir()}
	write(t, paths.Meta(), meta, 0o644)
	write(t, paths.Bin("start.sh"), "#!/bin/sh\n", 0o755)
	words = append(words, "TARS_PATH="+paths.Root, "POD_IP=10.0.0.9", "POD_UID=u-1", "TARS_LOCATOR=o@tcp -h 127.0.0.1 -p 1")
	return func(name string) (string, bool) {
		for _, w := range words {
			if n, v, _ := strings.Cut(w, "="); n == name {
				return v, true
			}
		}
		return "", false
	}
}

func write(t *testing.T, file, text string, perm os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), perm); err != nil {
		t.Fatal(err)
	}
}

func examine(t *testing.T, lookup pod.Lookup) string {
	t.Helper()
	var b bytes.Buffer
	if err := Examine(t.Context(), lookup, &tarsclient.Dialer{Timeout: time.Second}).Print(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const names = "application: App\nserver: S\nadapters:\n  - object: O\n"

func TestGracePeriod(t *testing.T) {
	tests := []struct {
		name  string
		words []string
		want  []string
	}{
		{"today's manifests", nil, []string{
			"warning  grace period: TARS_GRACE_PERIOD is not set, so the wait for clients takes up to 80s",
			"give the pod terminationGracePeriodSeconds: 90 and set TARS_GRACE_PERIOD to the same"}},
		{"Kubernetes' own", []string{"TARS_GRACE_PERIOD=30"}, []string{
			"note     clients' refresh: a wait of 23s is enough for clients that refresh every 10s",
			"where clients refresh every 60s (Tars' own default), set terminationGracePeriodSeconds and TARS_GRACE_PERIOD to 70"}},
		{"slow clients", []string{"TARS_GRACE_PERIOD=30", "TARS_EP_UPTIME=60000"}, []string{
			"warning  clients' refresh: clients that refresh every 60s, as this pod does, may go on calling longer than the wait of 23s",
			"TARS_GRACE_PERIOD to 70 here"}},
		{"a wait that is asked for and does not fit", []string{"TARS_GRACE_PERIOD=30", "TARS_PRESTOP_WAITTIME=80s"}, []string{
			"warning  grace period: TARS_PRESTOP_WAITTIME, 80s, does not fit into 30s: the wait is cut to 23s",
			"raise terminationGracePeriodSeconds and TARS_GRACE_PERIOD to 90, or lower TARS_PRESTOP_WAITTIME"}},
		{"nothing left", []string{"TARS_GRACE_PERIOD=7s"}, []string{
			"PROBLEM  grace period: 7s leaves nothing for clients: 7s of it are for the server's end"}},
		{"plenty", []string{"TARS_GRACE_PERIOD=90"}, []string{
			"ok       clients' refresh: a wait of 80s is enough for clients that refresh every 60s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := examine(t, aPod(t, names, tt.words...))
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("lacks %q:\n%s", want, out)
				}
			}
		})
	}
}

func TestFindings(t *testing.T) {
	tests := []struct {
		name, meta string
		words      []string
		want       string
	}{
		{"seconds for milliseconds", names + "sync_invoke_timeout: 3\n", nil, "warning  units: sync_invoke_timeout is 3, and that is milliseconds"},
		{"refresh in seconds", names, []string{"TARS_EP_UPTIME=60"}, "warning  units: the refresh-endpoint-interval is 60 ms"},
		{"endpoint timeout in seconds", names + "    endpoint: tcp -h 10.0.0.9 -p 1 -t 30\n", nil, "write -t 30000 in its endpoint"},
		{"too long for the tables", "application: App\nserver: " + strings.Repeat("s", 90) + "\nadapters:\n  - object: O\n", nil, "PROBLEM  registration: the registry will refuse it"},
		{"long version", names, []string{"SERVER_VERSION=" + strings.Repeat("v", 200)}, "-> correct SERVER_VERSION"},
		{"unreachable adapter", names + "    endpoint: tcp -h 0.0.0.0 -p 1\n", nil, "-> correct that adapter in _server_meta.yaml"},
		{"no adapters", "application: App\nserver: S\n", nil, "warning  registration: App.S@10.0.0.9 without adapters"},
		{"a macro that is not known", names + "    endpoint: tcp -h ${localip} -p 1\n", nil, "PROBLEM  configuration: adapter O: ${localip} is not known; there are ${local_ip} and ${random_port}"},
		{"a servant for an object", "application: App\nserver: S\nadapters:\n  - object: App.S.O\n", nil, "warning  configuration: adapter App.S.O is the servant App.S.App.S.O: write object: O"},
		{"no locator", names, []string{"TARS_LOCATOR=nonsense"}, "-> write TARS_LOCATOR as tars.tarsregistry.QueryObj@tcp -h tars-registry.tars-system.svc.cluster.local -p 17890"},
		{"broken metadata", "application: [", nil, "PROBLEM  configuration: "},
		{"no address", names, []string{"POD_IP=0.0.0.0"}, "PROBLEM  address: POD_IP is 0.0.0.0"},
		{"loopback", names, []string{"POD_IP=127.0.0.1"}, "warning  address: 127.0.0.1 is this machine only"},
		{"IPv6", names, []string{"POD_IP=2001:db8::9"}, "note     address: is IPv6"},
		{"host network", names, []string{"TARS_HOST_IP=10.0.0.9"}, "ok       identity: u-1, on its machine's own address"},
		{"bad identity", names, []string{"POD_UID=a b"}, "PROBLEM  identity: "},
		{"leased id", names, []string{"TARS_WORKER_ID=auto"}, "ok       worker id: leased"},
		{"no start", names, []string{"TARS_START_PATH=/nowhere/start.sh"}, "PROBLEM  start: /nowhere/start.sh does not exist"},
		{"a command", names, []string{"TARS_START_PATH=bin/hello -v"}, `ok       start: command "bin/hello -v"`},
		{"bad variable", names, []string{"TARS_MAX_RESTARTS=x"}, "PROBLEM  TARS_MAX_RESTARTS: is \"x\""},
		{"unlikely variable", names, []string{"TARS_REPORT_INTERVAL=30ms"}, "warning  TARS_REPORT_INTERVAL: is 30ms"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if out := examine(t, aPod(t, tt.meta, tt.words...)); !strings.Contains(out, tt.want) {
				t.Errorf("lacks %q:\n%s", tt.want, out)
			}
		})
	}
}

func TestLeftovers(t *testing.T) {
	lookup := aPod(t, names)
	root, _ := lookup("TARS_PATH")
	paths := pod.Paths{Root: root}
	write(t, paths.Stop(), "", 0o644)
	write(t, paths.Prestop(), "", 0o644)
	write(t, paths.CheckStatus(), "active\n", 0o644)
	out := examine(t, lookup)
	for _, want := range []string{
		"rm " + paths.Stop(),
		paths.Prestop() + " says that a stop has begun, and no supervisor runs",
		paths.CheckStatus() + ` says "active", and no supervisor runs`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	l, err := net.Listen("unix", paths.Socket())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out = examine(t, lookup)
	if !strings.Contains(out, "ok       supervisor: runs") || !strings.Contains(out, "ok       server: ready") || strings.Contains(out, "no supervisor runs") {
		t.Errorf("with a supervisor:\n%s", out)
	}
}

// TestServerThatIsNotReady: a pod that is set up well and still does not work.
func TestServerThatIsNotReady(t *testing.T) {
	lookup := aPod(t, names)
	root, _ := lookup("TARS_PATH")
	paths := pod.Paths{Root: root}
	write(t, paths.Data("x"), "", 0o644)
	if err := readiness.Write(paths, readiness.Status{State: naming.Inactive, Reason: "the server has ended: exit code 127"}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", paths.Socket())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if out := examine(t, lookup); !strings.Contains(out, "PROBLEM  server: the server is inactive: the server has ended: exit code 127\n") {
		t.Error(out)
	}
}

func TestLooksOnly(t *testing.T) {
	lookup := aPod(t, names, "POD_UID=")
	root, _ := lookup("TARS_PATH")
	before := listing(t, root)
	examine(t, lookup)
	if after := listing(t, root); before != after {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

func listing(t *testing.T, root string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, "\n")
}

func TestWorst(t *testing.T) {
	if got := (Findings{}).Worst(); got != OK {
		t.Errorf("of none: %s", got)
	}
	if got := (Findings{{Level: Warning}, {Level: Problem}, {Level: OK}}).Worst(); got != Problem {
		t.Errorf("worst = %s", got)
	}
}

func FuzzReadEndpoints(f *testing.F) {
	f.Add(wire.AppendListHead(nil, 0, 3))
	f.Fuzz(func(t *testing.T, body []byte) {
		if endpoints, err := readEndpoints(body); err == nil && len(endpoints) > len(body) {
			t.Errorf("%d endpoints in %d bytes", len(endpoints), len(body))
		}
	})
}
