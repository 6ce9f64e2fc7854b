package rpc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"

	tarsgo "github.com/TarsCloud/TarsGo/tars"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
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
	return p
}

// inlineKeepAlive answers keepAlive in line and leaves the rest to the pool.
func inlineKeepAlive(call *Call, reply *Reply) bool {
	if string(call.Function) != "keepAlive" {
		return false
	}
	r := wire.NewReader(call.Body)
	r.BeginStruct(1)
	node := r.String(0)
	if r.Err() != nil {
		return false
	}
	if string(node) == "unknown" {
		reply.Fail(7, "no such node")
	}
	reply.SetStatus("tars-action", "register")
	return true
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

func TestAnswerCodes(t *testing.T) {
	impl := accepting()
	impl.onStartup = func(_ context.Context, req *tars.OnStartupReq) error {
		switch req.NodeName {
		case "typed":
			return fmt.Errorf("register: %w", Errorf(3, "no room"))
		case "plain":
			return errors.New("read the manual")
		}
		panic("a bug")
	}
	s := impl.servant()
	s.Functions = []string{"onStartup", "keepAlive"}
	s.Authorize = func(call *Call) error {
		if token, _ := call.ContextValue(TokenKey); string(token) == "wrong" {
			return Errorf(5, "token")
		}
		return nil
	}
	s.Limit = func(call *Call) error {
		if _, busy := call.ContextValue("busy"); busy {
			return errors.New("too fast")
		}
		return nil
	}
	observed := newRecord()
	_, address := startServer(t, Options{Observer: observed}, s)

	startup := func(node string) []byte {
		b := wire.AppendStructBegin(nil, 1)
		for tag, value := range []string{node, "Demo", "HelloServer"} {
			b = wire.AppendString(b, byte(tag), value)
		}
		return wire.AppendStructEnd(b)
	}
	tests := []struct {
		name     string
		servant  string
		function string
		body     []byte
		context  map[string]string
		version  int16
		code     int32
		text     string
	}{
		{name: "ping", function: "tars_ping"},
		{name: "ping without a token", function: "tars_ping", context: map[string]string{TokenKey: "wrong"}},
		{name: "accepted", function: "keepAlive", body: keepAliveBody("n", "active")},
		{name: "typed error", function: "onStartup", body: startup("typed"), code: 3, text: "register: no room"},
		{name: "plain error", function: "onStartup", body: startup("plain"), code: 1, text: "read the manual"},
		{name: "panic", function: "onStartup", body: startup("panic"), code: -99, text: "internal error"},
		{name: "unknown servant", servant: "Demo.HelloServer.HelloObj", function: "keepAlive", code: -4, text: "no such servant on this port"},
		{name: "unknown function", function: "launch", code: -3, text: "no such function"},
		{name: "truncated", function: "keepAlive", body: startup("n")[:3], code: -1, text: "arguments cannot be decoded"},
		{name: "no arguments", function: "keepAlive", code: -1, text: "can not find Tag 1"},
		{name: "wrong type", function: "keepAlive", body: wire.AppendInt(nil, 1, 5), code: -1, text: "type not match"},
		{name: "unauthorized", function: "keepAlive", context: map[string]string{TokenKey: "wrong"}, code: 5, text: "token"},
		{name: "limited", function: "keepAlive", context: map[string]string{"busy": ""}, code: 1, text: "too fast"},
		{name: "version", function: "keepAlive", version: 4, code: -1, text: "version"},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := dial(t, address)
			req := request(int32(i+1), test.function, test.body)
			req.Context = test.context
			if test.servant != "" {
				req.SServantName = test.servant
			}
			if test.version != 0 {
				req.IVersion = test.version
			}
			c.send(encode(t, req))
			resp := c.receive()
			if resp.IRet != test.code || !strings.Contains(resp.SResultDesc, test.text) || (test.text == "") != (resp.SResultDesc == "") {
				t.Errorf("answer %d %q, want %d %q", resp.IRet, resp.SResultDesc, test.code, test.text)
			}
			if resp.IRequestId != req.IRequestId || resp.IVersion != req.IVersion || resp.CPacketType != req.CPacketType {
				t.Errorf("id %d, version %d, type %d of the request are not repeated", resp.IRequestId, resp.IVersion, resp.CPacketType)
			}
			if _, leaked := resp.Context[TokenKey]; leaked {
				t.Error("the token came back")
			}
		})
	}
	observed.await(t, "panic onStartup", 1)
}

// TestUnknownFunctionOfDispatcher is the code where a servant names no functions.
func TestUnknownFunctionOfDispatcher(t *testing.T) {
	_, address := startServer(t, Options{}, accepting().servant())
	c := dial(t, address)
	c.send(encode(t, request(1, "launch", nil)))
	if resp := c.receive(); resp.IRet != CodeUnknownFunction {
		t.Errorf("answer %d %q", resp.IRet, resp.SResultDesc)
	}
}

func TestServantsOfAnotherPortAreUnknown(t *testing.T) {
	server, first := startServer(t, Options{}, accepting().servant())
	other := accepting().servant()
	other.Name = queryObject
	_, second := startListener(t, server, ListenOptions{}, other)
	for address, code := range map[string]int32{first: CodeSuccess, second: CodeUnknownServant} {
		c := dial(t, address)
		c.send(ping(t, 1))
		if resp := c.receive(); resp.IRet != code {
			t.Errorf("%s: code %d, want %d", address, resp.IRet, code)
		}
	}
}

func TestOneWayCallsGetNoAnswer(t *testing.T) {
	ran := make(chan string, 8)
	impl := accepting()
	impl.keepAlive = func(_ context.Context, req *tars.KeepAliveReq) error {
		ran <- req.NodeName
		panic("nobody hears of it")
	}
	_, address := startServer(t, Options{}, impl.servant())
	c := dial(t, address)
	for i, function := range []string{"keepAlive", "launch", "tars_ping"} {
		req := request(int32(i+1), function, keepAliveBody("n", "active"))
		req.CPacketType = 1
		c.send(encode(t, req))
	}
	if node := <-ran; node != "n" {
		t.Errorf("handler got node %q", node)
	}
	c.send(ping(t, 99))
	if resp := c.receive(); resp.IRequestId != 99 {
		t.Errorf("a one-way call was answered: id %d", resp.IRequestId)
	}
}

func TestListenRefusesBadServants(t *testing.T) {
	good := accepting().servant()
	tests := map[string][]Servant{
		"none":        nil,
		"no name":     {{Dispatch: good.Dispatch}},
		"no dispatch": {{Name: "A.B.C"}},
		"twice":       {good, good},
	}
	for name, servants := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := NewServer(Options{}).Listen(t.Context(), "tcp", "127.0.0.1:0", ListenOptions{}, servants...); err == nil {
				t.Error("accepted")
			}
		})
	}
}
