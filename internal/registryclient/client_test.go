package registryclient

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
	"github.com/tarsregistry/tarsregistry/tars"
)

// network answers calls by address and remembers them.
type network struct {
	mu      sync.Mutex
	servers map[string]func(tarsclient.Request) (tarsclient.Response, error)
	calls   []call
}

type call struct {
	at      string
	request tarsclient.Request
}

var errRefused = errors.New("connection refused")

func (n *network) Invoke(ctx context.Context, endpoint string, r tarsclient.Request) (tarsclient.Response, error) {
	parsed, err := naming.ParseEndpoint(endpoint)
	if err != nil {
		return tarsclient.Response{}, err
	}
	n.mu.Lock()
	r.Context = maps.Clone(r.Context) // the stub clears its own
	n.calls = append(n.calls, call{parsed.Address(), r})
	server := n.servers[parsed.Address()]
	n.mu.Unlock()
	if server == nil {
		return tarsclient.Response{}, errRefused
	}
	return server(r)
}

func (n *network) addresses(function string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for _, c := range n.calls {
		if c.request.Function == function {
			list = append(list, c.at)
		}
	}
	n.calls = nil
	return list
}

func answer(status map[string]string) func(tarsclient.Request) (tarsclient.Response, error) {
	return func(tarsclient.Request) (tarsclient.Response, error) {
		return tarsclient.Response{Status: status}, nil
	}
}

func refuse(code int32) func(tarsclient.Request) (tarsclient.Response, error) {
	return func(tarsclient.Request) (tarsclient.Response, error) {
		return tarsclient.Response{}, &tarsclient.ServerError{Code: code}
	}
}

// directory answers look-ups with tcp endpoints.
func directory(t *testing.T, addresses ...string) func(tarsclient.Request) (tarsclient.Response, error) {
	return func(r tarsclient.Request) (tarsclient.Response, error) {
		if r.Function != "findObjectByIdInSameGroup" {
			return tarsclient.Response{}, &tarsclient.ServerError{Code: -4}
		}
		var active []tars.EndpointF
		for _, a := range addresses {
			host, port, _ := strings.Cut(a, ":")
			number, err := strconv.Atoi(port)
			if err != nil {
				t.Error(err)
			}
			active = append(active, tars.EndpointF{Host: host, Port: int32(number), Istcp: 1, Timeout: 3000})
		}
		buf := codec.NewBuffer()
		if err := buf.WriteInt32(0, 0); err != nil {
			t.Error(err)
		}
		writeList(t, buf, 2, active)
		writeList(t, buf, 3, nil)
		return tarsclient.Response{Body: buf.ToBytes()}, nil
	}
}

func writeList(t *testing.T, buf *codec.Buffer, tag byte, list []tars.EndpointF) {
	t.Helper()
	err := buf.WriteHead(codec.LIST, tag)
	if err == nil {
		err = buf.WriteInt32(int32(len(list)), 0)
	}
	for _, e := range list {
		if err == nil {
			err = e.WriteBlock(buf, 0)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func newTestClient(t *testing.T, n *network, cache string) *Client {
	t.Helper()
	locator, err := ParseLocator("tars.tarsregistry.QueryObj@tcp -h svc -p 17890")
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{
		Invoker: n, Locator: locator, Node: "10.0.0.5", Application: "App", Server: "Srv", Cache: cache,
		Identity: naming.Identity{UID: "u-1", Kind: naming.KindPod}, Beat: 30 * time.Second, Token: "secret",
	})
}

func TestCallsTryEveryEndpointAndTheServiceAddress(t *testing.T) {
	n := &network{servers: map[string]func(tarsclient.Request) (tarsclient.Response, error){
		"svc:17890": directory(t, "10.1.0.1:17892", "10.1.0.2:17892"),
	}}
	c := newTestClient(t, n, "")
	if _, err := c.KeepAlive(t.Context(), naming.Active); !errors.Is(err, errRefused) {
		t.Fatalf("error %v", err)
	}
	want := []string{"10.1.0.1:17892", "10.1.0.2:17892", "svc:17892", "svc:17890"} // the Service at the replicas' port, and at its own
	if got := n.addresses("keepAlive"); !slices.Equal(got, want) {
		t.Errorf("tried %v, want %v", got, want)
	}

	n.servers["10.1.0.2:17892"] = answer(nil)
	if _, err := c.KeepAlive(t.Context(), naming.Active); err != nil {
		t.Fatal(err)
	}
	n.addresses("")
	if _, err := c.KeepAlive(t.Context(), naming.Active); err != nil {
		t.Fatal(err)
	}
	if got := n.addresses("keepAlive"); !slices.Equal(got, []string{"10.1.0.2:17892"}) {
		t.Errorf("the one that answered is not the first: %v", got)
	}

	// Every replica that was known is replaced; only the Service lives.
	delete(n.servers, "10.1.0.2:17892")
	delete(n.servers, "svc:17890")
	n.servers["svc:17892"] = answer(nil)
	if _, err := c.KeepAlive(t.Context(), naming.Active); err != nil {
		t.Errorf("the Service address was not tried: %v", err)
	}
}

func TestAnAnswerThatSaysNoIsFinal(t *testing.T) {
	for _, tt := range []struct {
		code  int32
		tried int
	}{{1, 1}, {-1, 1}, {-3, 1}, {-4, 4}, {-6, 4}, {-9, 4}} {
		n := &network{servers: map[string]func(tarsclient.Request) (tarsclient.Response, error){
			"svc:17890": directory(t, "10.1.0.1:17892", "10.1.0.2:17892"), "10.1.0.1:17892": refuse(tt.code),
		}}
		_, err := newTestClient(t, n, "").KeepAlive(t.Context(), naming.Active)
		if _, refused := errors.AsType[*tarsclient.ServerError](err); !refused {
			t.Errorf("code %d: error %v", tt.code, err)
		}
		if got := n.addresses("keepAlive"); len(got) != tt.tried {
			t.Errorf("code %d: tried %v", tt.code, got)
		}
	}
}

// TestOverloadedReplicasSayWhen: the next replica is asked at once, and only when
// none takes the call the longest of their times counts.
func TestOverloadedReplicasSayWhen(t *testing.T) {
	busy := func(ms string) func(tarsclient.Request) (tarsclient.Response, error) {
		return func(tarsclient.Request) (tarsclient.Response, error) {
			status := map[string]string{"tars-retry-after-ms": ms}
			return tarsclient.Response{Status: status}, &tarsclient.ServerError{Code: -9, Text: "overloaded"}
		}
	}
	n := &network{servers: map[string]func(tarsclient.Request) (tarsclient.Response, error){
		"svc:17890": directory(t, "10.1.0.1:17892", "10.1.0.2:17892"), "10.1.0.1:17892": busy("7000"), "10.1.0.2:17892": busy("3000"),
	}}
	c := newTestClient(t, n, "")
	got, err := c.Startup(t.Context(), tars.OnStartupReq{})
	if err == nil || got != (Answer{RetryAfter: 7 * time.Second}) {
		t.Errorf("answer %+v, %v", got, err)
	}
	n.servers["10.1.0.2:17892"] = answer(nil)
	got, err = c.Startup(t.Context(), tars.OnStartupReq{})
	if err != nil || got != (Answer{}) {
		t.Errorf("answer of the replica that takes it %+v, %v", got, err)
	}
}

func TestTheCacheServesWhileNobodyCanBeAsked(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	n := &network{servers: map[string]func(tarsclient.Request) (tarsclient.Response, error){
		"svc:17890": directory(t, "10.1.0.1:17999"), "10.1.0.1:17999": answer(nil),
	}}
	if _, err := newTestClient(t, n, cache).KeepAlive(t.Context(), naming.Active); err != nil {
		t.Fatal(err)
	}
	delete(n.servers, "svc:17890")
	if _, err := newTestClient(t, n, cache).KeepAlive(t.Context(), naming.Active); err != nil {
		t.Errorf("a new life does not use the cache: %v", err)
	}
	// What the cache says is no more than a guess.
	n.servers = map[string]func(tarsclient.Request) (tarsclient.Response, error){
		"svc:17890": directory(t, "10.1.0.7:17892"), "10.1.0.7:17892": answer(nil),
	}
	if _, err := newTestClient(t, n, cache).KeepAlive(t.Context(), naming.Active); err != nil {
		t.Errorf("an old cache misleads: %v", err)
	}
}

func TestContextAndStatus(t *testing.T) {
	n := &network{servers: map[string]func(tarsclient.Request) (tarsclient.Response, error){
		"svc:17892": answer(map[string]string{"tars-action": "register", "tars-worker-id": "7", "tars-retry-after-ms": "1500"}),
	}}
	c := newTestClient(t, n, "")
	c.WantWorkerID()
	got, err := c.Startup(t.Context(), tars.OnStartupReq{State: "activating"})
	if want := (Answer{Action: "register", WorkerID: "7", RetryAfter: 1500 * time.Millisecond}); err != nil || got != want {
		t.Errorf("answer %+v, %v", got, err)
	}
	first := n.calls[len(n.calls)-1].request
	if _, err := c.Prestop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := n.calls[len(n.calls)-1].request
	for key, want := range map[string]string{
		"tars-pod-uid": "u-1", "tars-pod-kind": "pod", "tars-beat-ms": "30000", "tars-token": "secret",
		"tars-worker": "want", "node_name": "10.0.0.5",
	} {
		if first.Context[key] != want {
			t.Errorf("%s is %q, want %q", key, first.Context[key], want)
		}
	}
	if second.Context["tars-worker"] != "7" {
		t.Errorf("tars-worker is %q", second.Context["tars-worker"])
	}
	if sequence(t, second) <= sequence(t, first) {
		t.Error("the sequence number does not grow")
	}
	var request tars.OnStartupReq
	if err := request.ReadBlock(codec.NewReader(first.Body), 1, true); err != nil {
		t.Fatal(err)
	}
	if request.NodeName != "10.0.0.5" || request.Application != "App" || request.Server != "Srv" || request.State != "activating" {
		t.Errorf("request %+v", request)
	}
}

func sequence(t *testing.T, r tarsclient.Request) int64 {
	t.Helper()
	n, err := strconv.ParseInt(r.Context["tars-seq"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAnErrorDoesNotShowTheToken(t *testing.T) {
	_, err := newTestClient(t, &network{}, "").KeepAlive(t.Context(), naming.Active)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}
