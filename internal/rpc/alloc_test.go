//go:build !race

package rpc

import (
	"net"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

// TestInlineCallsDoNotAllocate handles a heartbeat with all its parts; it is
// not built for the race detector, which allocates.
func TestInlineCallsDoNotAllocate(t *testing.T) {
	s := accepting().servant()
	s.Functions = []string{"keepAlive"}
	s.Authorize = func(call *Call) error {
		if token, _ := call.ContextValue(TokenKey); string(token) != "secret" {
			return Errorf(1, "token")
		}
		return nil
	}
	s.Inline = func(call *Call, reply *Reply) bool {
		r := wire.NewReader(call.Body)
		r.BeginStruct(1)
		r.String(0)
		r.String(1)
		r.OptionalString(2)
		r.OptionalString(3)
		r.EndStruct()
		reply.Body = wire.AppendInt(reply.Body, 0, 0)
		reply.SetStatus("tars-action", "register")
		return r.Err() == nil
	}
	servants, err := newServants([]Servant{s})
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c := newConn(&listener{server: NewServer(Options{}), servants: servants}, near)
	c.scratch, c.received = c.server.memory.scratch(), time.Now()
	req := request(1, "keepAlive", keepAliveBody("10.0.0.1", "active"))
	req.Context = map[string]string{"node_name": "10.0.0.1", TokenKey: "secret", "tars-pod-uid": "u1"}
	frame := encode(t, req)

	allocations := testing.AllocsPerRun(1000, func() {
		c.scratch.out = c.scratch.out[:0]
		if !c.handle(frame) || len(c.scratch.out) == 0 {
			t.Fatal("not answered")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations for a call", allocations)
	}
}
