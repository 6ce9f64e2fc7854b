package pod

import (
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// write makes $TARS_PATH with the metadata in it.
func write(t *testing.T, meta string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(Paths{root}.Bin(""), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(Paths{root}.Meta(), []byte(meta), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestDecide(t *testing.T) {
	root := write(t, `
application: App
server: Hello
adapters:
  - object: AObj
  - object: BObj
    endpoint: udp -h ${local_ip} -p 13001 -t 1000
    threads: 9
  - object: CObj
    endpoint: tcp -h 127.0.0.1 -p ${random_port} -t 60000
    protocol: not_tars
`)
	e := mustRead(t, "TARS_PATH="+root, "POD_IP=127.0.0.7", "TARS_NAMESPACE=games", "TARS_RAND_PORT_MIN=13000", "TARS_RAND_PORT_MAX=13003", "TARS_WORKER_ID=5")
	p := newPorts(e.RandomPortMin, e.RandomPortMax, "127.0.0.7")
	p.free = func(_ naming.Transport, host string, port int) bool { return true }
	meta, _, err := LoadMeta(e.Paths.Meta())
	if err != nil {
		t.Fatal(err)
	}
	info, err := decide(e, meta, "127.0.0.7", p, &Info{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "tars.tarsregistry.QueryObj@tcp -h tars-registry.games.svc.cluster.local -p 17890"; info.Conf.Locator != want {
		t.Errorf("locator = %q", info.Conf.Locator)
	}
	ports := make(map[int32]bool)
	for i, want := range []struct{ format, protocol string }{
		{"tcp -h 127.0.0.7 -p %d -t 30000", "tars"}, {"udp -h 127.0.0.7 -p %d -t 1000", "tars"}, {"tcp -h 127.0.0.1 -p %d -t 60000", "not_tars"},
		{"tcp -h 127.0.0.1 -p %d -t 5000", ""},
	} {
		endpoint := info.Conf.Local
		if i < len(info.Conf.Adapters) {
			endpoint = info.Conf.Adapters[i].Endpoint
			if got := info.Conf.Adapters[i].Protocol; got != want.protocol {
				t.Errorf("protocol = %q, want %q", got, want.protocol)
			}
		}
		parsed, err := naming.ParseEndpoint(endpoint)
		if err != nil || endpoint != fmt.Sprintf(want.format, parsed.Port) || parsed.Port < 13000 || parsed.Port > 13003 {
			t.Errorf("endpoint %d = %q, %v", i, endpoint, err)
		}
		ports[parsed.Port] = true
	}
	if len(ports) != 4 {
		t.Errorf("ports = %v, want all four of the range", ports)
	}
	if a := info.Conf.Adapters[1]; a.Threads != 9 || a.MaxConns != 200000 || a.QueueCap != 10000 || a.QueueTimeout != 60000 {
		t.Errorf("adapter = %+v", a)
	}
	if info.WorkerID != "5" || info.BuildServer != "Hello" || info.AdapterName(info.Conf.Adapters[0]) != "App.Hello.AObjAdapter" {
		t.Errorf("info = %+v", info)
	}
	if info.ConfFile() != (Paths{root}).Conf("Hello.conf") {
		t.Errorf("conf file = %s", info.ConfFile())
	}
}

func TestPrecedence(t *testing.T) {
	root := write(t, "application: FileApp\nserver: FileServer\nset_id: a.b.1\nlocator: x@tcp -h ${namespace} -p 1\nrefresh_endpoint_interval: 60000\n")
	base := []string{"TARS_PATH=" + root, "POD_IP=127.0.0.1"}
	info, _, err := Decide(mustRead(t, base...))
	if err != nil {
		t.Fatal(err)
	}
	if c := info.Conf; c.Application != "FileApp" || c.Server != "FileServer" || c.SetID != "a.b.1" || c.Locator != "x@tcp -h tars-system -p 1" || c.RefreshEndpointInterval != 60000 {
		t.Errorf("from the file: %+v", c)
	}
	info, _, err = Decide(mustRead(t, append(base, "TARS_APPLICATION=App", "TARS_SERVER=Server", "TARS_SET_ID=c.d.*", "TARS_LOCATOR=y@tcp -h ${local_ip} -p 2", "TARS_EP_UPTIME=20s", "TARS_BUILD_SERVER=Build")...))
	if err != nil {
		t.Fatal(err)
	}
	if c := info.Conf; c.Application != "App" || c.Server != "Server" || c.SetID != "c.d.*" || c.Locator != "y@tcp -h 127.0.0.1 -p 2" || c.RefreshEndpointInterval != 20000 || info.BuildServer != "Build" {
		t.Errorf("from the environment: %+v", c)
	}
	if d := DefaultMeta().RefreshEndpointInterval; d != 10000 {
		t.Errorf("nobody says: %d ms, want 10000", d)
	}
}

func TestDecideTwiceIsTheSame(t *testing.T) {
	root := write(t, "application: App\nserver: S\nadapters:\n  - object: A\n  - object: B\n")
	e := mustRead(t, "TARS_PATH="+root, "POD_IP=127.0.0.1", "TARS_RAND_PORT_MIN=12100", "TARS_RAND_PORT_MAX=12199") // where no other test looks for ports
	first, _, err := Decide(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Save(); err != nil {
		t.Fatal(err)
	}
	second, _, err := Decide(e)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, second) {
		t.Errorf("first %+v\nthen  %+v", first, second)
	}
	loaded, err := LoadInfo(e.Paths)
	if err != nil || !reflect.DeepEqual(first, loaded) {
		t.Errorf("saved  %+v\nloaded %+v, %v", first, loaded, err)
	}
	taken, err := naming.ParseEndpoint(first.Conf.Adapters[1].Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", taken.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	third, _, err := Decide(e)
	if err != nil {
		t.Fatal(err)
	}
	if third.Conf.Adapters[1].Endpoint == first.Conf.Adapters[1].Endpoint {
		t.Error("a port that somebody listens on was given away")
	}
	if third.Conf.Adapters[0].Endpoint != first.Conf.Adapters[0].Endpoint {
		t.Error("a port that is free was changed")
	}
	again, _, err := DecideAgain(e)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, first) {
		t.Errorf("beside the running server: %+v\nwhich was started with:    %+v", again, first)
	}
}

// Ten pods that begin at the same moment, before any of them listens.
func TestPodsOnLoopbackKeepApart(t *testing.T) {
	seen := make(map[int]bool)
	for i := range 10 {
		p := newPorts(13000, 16000, fmt.Sprint("127.0.0.", 10+i))
		for range 5 {
			port, err := p.pick(naming.TCP, "127.0.0.1", 0)
			if err != nil {
				t.Fatal(err)
			}
			if seen[port] {
				t.Fatalf("pod %d was given %d, which another has", i, port)
			}
			seen[port] = true
		}
	}
}

func TestIPv6Endpoint(t *testing.T) {
	root := write(t, "application: App\nserver: S\nadapters:\n  - object: A\n")
	info, _, err := Decide(mustRead(t, "TARS_PATH="+root, "POD_IP=0:0::1", "TARS_RAND_PORT_MIN=22000", "TARS_RAND_PORT_MAX=22999"))
	if err != nil {
		t.Fatal(err)
	}
	got := info.Conf.Adapters[0].Endpoint
	if parsed, err := naming.ParseEndpoint(got); err != nil || parsed.Host != "::1" || !strings.HasSuffix(got, "-t 30000 -b [::1]") {
		t.Errorf("endpoint = %q, %v", got, err)
	}
}

func TestDecideRefuses(t *testing.T) {
	names := "application: App\nserver: S\n"
	tests := []struct {
		name, meta string
		words      []string
		want       string
	}{
		{"no names", "version: v1", nil, "set TARS_APPLICATION, or application in _server_meta.yaml"},
		{"no server", "application: App", nil, "set TARS_SERVER"},
		{"bad name", "application: A/B\nserver: S", nil, "application is"},
		{"bad set", names + "set_id: a.b", nil, "TARS_SET_ID, or set_id in _server_meta.yaml: setID"},
		{"broken YAML", "application: App\nserver: [", nil, "_server_meta.yaml: broken YAML: line 2"},
		{"wrong type", "application: App\nserver: S\nlogNum: many\n", nil, "line 3: cannot unmarshal"},
		{"bad interval", names + "report_interval: often\n", nil, `line 3: "often"`},
		{"bad endpoint", names + "adapters:\n  - object: A\n    endpoint: http -p 1\n", nil, "adapter A: endpoint"},
		{"bad local", names + "local: nothing\n", nil, "local: endpoint"},
		{"macro in an endpoint", names + "adapters:\n  - object: A\n    endpoint: tcp -h ${localip} -p ${random_port}\n", nil, "adapter A: ${localip} is not known; there are ${local_ip} and ${random_port}"},
		{"macro in the locator", names, []string{"TARS_LOCATOR=o@tcp -h r.${ns} -p 1"}, "locator: ${ns} is not known; there are ${namespace} and ${local_ip}"},
		{"no object", names + "adapters:\n  - endpoint: tcp -p 1\n", nil, "adapter 1 has no object"},
		{"twice", names + "adapters:\n  - object: A\n  - object: A\n", nil, "adapter A is there twice"},
		{"address of all", names, []string{"POD_IP=0.0.0.0"}, "POD_IP is 0.0.0.0, which is every address"},
		{"all of IPv6", names, []string{"POD_IP=::"}, "POD_IP is ::, which is every address"},
		{"no address", names, []string{"POD_IP=localhost"}, `POD_IP is "localhost", which is no IP address`},
		{"path as name", names, []string{"TARS_BUILD_SERVER=../x"}, "TARS_BUILD_SERVER"},
		{"no ports", names, []string{"TARS_RAND_PORT_MIN=?", "TARS_RAND_PORT_MAX=?"}, "no free port between"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			words := append(tt.words, "TARS_PATH="+write(t, tt.meta), "POD_IP=127.0.0.1")
			if tt.name == "no ports" {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				port := l.Addr().(*net.TCPAddr).Port
				words[0], words[1] = fmt.Sprint("TARS_RAND_PORT_MIN=", port), fmt.Sprint("TARS_RAND_PORT_MAX=", port)
			}
			_, _, err := Decide(mustRead(t, words...))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want …%s…", err, tt.want)
			}
		})
	}
}

func TestMetaIsOptional(t *testing.T) {
	root := t.TempDir()
	if _, _, err := Decide(mustRead(t, "TARS_PATH="+root, "POD_IP=127.0.0.1")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("error = %v, want one that says the file is not there", err)
	}
	if _, _, err := Decide(mustRead(t, "TARS_PATH="+root, "POD_IP=127.0.0.1", "TARS_APPLICATION=A", "TARS_SERVER=S")); err != nil {
		t.Error(err)
	}
}

func TestUnknownKeysWarn(t *testing.T) {
	root := write(t, "application: App\nserver: S\nreplicas: 2\nadapters:\n  - object: A\n    thread: 3\n")
	_, warnings, err := Decide(mustRead(t, "TARS_PATH="+root, "POD_IP=127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(warnings, "\n")
	if !strings.Contains(got, "line 3: field replicas is not known") {
		t.Errorf("warnings = %q", got)
	}
}

func TestServantForAnObjectWarns(t *testing.T) {
	root := write(t, "server: S\nadapters:\n  - object: A\n  - object: App.S.B\n  - object: App.Other.C\n")
	_, warnings, err := Decide(mustRead(t, "TARS_PATH="+root, "POD_IP=127.0.0.1", "TARS_APPLICATION=App"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"adapter App.S.B is the servant App.S.App.S.B: write object: B, for application and server are put before it"}
	if !reflect.DeepEqual(warnings, want) {
		t.Errorf("warnings = %q", warnings)
	}
}

func TestLoadInfo(t *testing.T) {
	root := t.TempDir()
	paths := Paths{root}
	if _, err := LoadInfo(paths); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if err := os.MkdirAll(paths.Data(""), 0o755); err != nil {
		t.Fatal(err)
	}
	// As today's tarscli writes it.
	text := "conf:\n  application: App\n  server: S\n  local: tcp -h 127.0.0.1 -p 14002\nlocal_ip: 10.0.0.9\ntars_path: /tars\n"
	if err := os.WriteFile(paths.Info(), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	info, err := LoadInfo(paths)
	if err != nil {
		t.Fatal(err)
	}
	if info.Conf.Local != "tcp -h 127.0.0.1 -p 14002" || info.LocalIP != "10.0.0.9" || info.BuildServer != "S" || info.TarsPath != root {
		t.Errorf("info = %+v", info)
	}
	if err := os.WriteFile(paths.Info(), []byte("conf: ["), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadInfo(paths); err == nil || !strings.Contains(err.Error(), "server_info.yaml: broken YAML") {
		t.Errorf("broken: %v", err)
	}
}

func FuzzParseMeta(f *testing.F) {
	f.Add([]byte("application: App\nserver: S\nadapters:\n  - object: A\n    endpoint: tcp -h ${local_ip} -p ${random_port}\n"))
	f.Add([]byte("application: A\nserver: S\nlocal: tcp -${random_port}\n"))
	f.Add([]byte("report_interval: 10s\nadapters: [{object: [}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		meta, err := ParseMeta(text)
		if err != nil {
			return
		}
		e := &Environment{Namespace: "ns"}
		p := newPorts(1, 65535, "10.0.0.1")
		p.free = func(naming.Transport, string, int) bool { return true }
		info, err := decide(e, meta, "127.0.0.1", p, &Info{})
		if err != nil {
			return
		}
		for _, a := range append(info.Conf.Adapters, Adapter{Endpoint: info.Conf.Local}) {
			if _, err := naming.ParseEndpoint(a.Endpoint); err != nil || strings.Contains(a.Endpoint, "${random_port}") {
				t.Errorf("endpoint %q: %v", a.Endpoint, err)
			}
		}
	})
}
