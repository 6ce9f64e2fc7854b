package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/tars"
)

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
