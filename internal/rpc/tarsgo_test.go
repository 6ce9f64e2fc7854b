//go:build !race

package rpc

// TarsGo's client has data races of its own (its clock, its counters, its
// reconnecting), so these tests are not built for the race detector. Clients on
// raw sockets try the same paths of the server under it.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	tarsgo "github.com/TarsCloud/TarsGo/tars"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/tars"
)

// proxy is a TarsGo client of the pods' servant.
func proxy(t *testing.T, address, object string) *tars.Tarsregistry {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	p := tars.NewTarsregistry()
	tarsgo.NewCommunicator().StringToProxy(fmt.Sprintf("%s@tcp -h %s -p %s -t 60000", object, host, port), p)
	p.TarsSetTimeout(60_000) // milliseconds
	return p
}

func TestTarsGoClient(t *testing.T) {
	var registered *tars.OnStartupReq
	var caller *PooledCall
	impl := accepting()
	impl.onStartup = func(ctx context.Context, req *tars.OnStartupReq) error {
		registered = req
		caller, _ = CallFromContext(ctx)
		caller.SetStatus("tars-worker-id", "5")
		if value, _ := caller.ContextValue("tars-pod-uid"); string(value) != "u1" {
			return Errorf(1, "uid %q", value)
		}
		return nil
	}
	s := impl.servant()
	s.Inline = inlineKeepAlive
	observed := newRecord()
	_, address := startServer(t, Options{Observer: observed}, s)
	p := proxy(t, address, podObject)

	requestContext := map[string]string{"tars-pod-uid": "u1", TokenKey: "secret"}
	status := map[string]string{}
	req := tars.OnStartupReq{
		NodeName: "10.0.0.1", Application: "Demo", Server: "HelloServer", State: "active",
		Adapters: []tars.AdapterConf{{Servant: "Demo.HelloServer.HelloObj", Endpoint: "tcp -h 10.0.0.1 -p 8080"}},
	}
	if err := p.OnStartup(&req, requestContext, status); err != nil {
		t.Fatal(err)
	}
	if registered == nil || registered.Adapters[0] != req.Adapters[0] {
		t.Errorf("the handler got %+v", registered)
	}
	if caller.Context()["tars-pod-uid"] != "u1" || !caller.Peer().Addr().IsLoopback() || caller.Local().String() != address {
		t.Errorf("call: context %v, peer %v, local %v", caller.Context(), caller.Peer(), caller.Local())
	}
	if status["tars-worker-id"] != "5" {
		t.Errorf("status %v", status)
	}
	if want := map[string]string{"tars-pod-uid": "u1"}; !maps.Equal(requestContext, want) {
		t.Errorf("context of the answer %v, want %v", requestContext, want)
	}

	status = map[string]string{}
	if err := p.KeepAlive(&tars.KeepAliveReq{NodeName: "10.0.0.1", State: "active"}, nil, status); err != nil {
		t.Fatal(err)
	}
	if status["tars-action"] != "register" {
		t.Errorf("status of an inline answer: %v", status)
	}
	var refused *tarsgo.Error
	err := p.KeepAlive(&tars.KeepAliveReq{NodeName: "unknown", State: "active"})
	if !errors.As(err, &refused) || refused.Code != 7 || refused.Message != "no such node" {
		t.Errorf("inline refusal: %v", err)
	}
	observed.await(t, "done "+podObject+" other pooled", 1) // no Functions given
	observed.await(t, "done "+podObject+" other inline", 2)
	observed.await(t, "failed", 1)
}

// TestManyClients has TarsGo's client multiplex concurrent calls.
func TestManyClients(t *testing.T) {
	_, address := startServer(t, Options{}, accepting().servant())
	p := proxy(t, address, podObject)
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			filter := map[string]string{"n": fmt.Sprint(i)}
			var adapters []tars.MetricsAdapterInfo
			if err := p.GetMetricsAdapters(&tars.GetMetricsAdaptersReq{Filter: filter}, &adapters); err != nil {
				t.Error(err)
				return
			}
			if len(adapters) != 1 || !maps.Equal(adapters[0].Labels, filter) {
				t.Errorf("call %d got %v", i, adapters)
			}
		})
	}
	group.Wait()
}

// TestTarsGoClientReconnects: TarsGo understands how it is asked to go.
func TestTarsGoClientReconnects(t *testing.T) {
	// A port that nobody else is given while no one listens there.
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(mariadbtest.Port(t)))
	first := NewServer(Options{Linger: patience})
	listenAt(t, first, address, ListenOptions{}, accepting().servant())
	p := proxy(t, address, podObject)
	if err := p.KeepAlive(&tars.KeepAliveReq{NodeName: "n"}); err != nil {
		t.Fatal(err)
	}
	if err := first.Shutdown(t.Context()); err != nil { // ends because the client leaves
		t.Fatal(err)
	}
	listenAt(t, NewServer(Options{Linger: time.Millisecond}), address, ListenOptions{}, accepting().servant())
	if err := p.KeepAlive(&tars.KeepAliveReq{NodeName: "n"}); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}
