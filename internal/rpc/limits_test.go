package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/tars"
)

// blocking is a servant whose onStartup tells that it has begun and waits.
func blocking() (impl *pods, begun chan string, proceed chan struct{}) {
	begun, proceed = make(chan string, 100), make(chan struct{})
	impl = accepting()
	impl.onStartup = func(_ context.Context, req *tars.OnStartupReq) error {
		begun <- req.NodeName
		<-proceed
		return nil
	}
	return impl, begun, proceed
}

func TestFullQueueIsAnsweredAtOnce(t *testing.T) {
	impl, begun, proceed := blocking()
	observed := newRecord()
	_, address := startServer(t, Options{Workers: 1, Queue: 1, Observer: observed}, impl.servant())
	c := dial(t, address)
	c.send(startupCall(t, 1))
	<-begun
	c.send(startupCall(t, 2), startupCall(t, 3))
	resp := c.receive()
	if resp.IRequestId != 3 || resp.IRet != CodeOverloaded || !strings.HasPrefix(resp.SResultDesc, "overloaded") {
		t.Errorf("answer to %d: %d %q", resp.IRequestId, resp.IRet, resp.SResultDesc)
	}
	observed.await(t, "call "+ReasonQueue, 1)
	close(proceed)
	for _, id := range []int32{1, 2} {
		if resp := c.receive(); resp.IRequestId != id || resp.IRet != 0 {
			t.Errorf("answer to %d: %d", resp.IRequestId, resp.IRet)
		}
	}
}

func TestCallsPerConnectionAreBounded(t *testing.T) {
	impl, begun, proceed := blocking()
	observed := newRecord()
	_, address := startServer(t, Options{MaxCallsPerConnection: 1, Observer: observed}, impl.servant())
	c := dial(t, address)
	c.send(startupCall(t, 1))
	<-begun
	c.send(startupCall(t, 2))
	if resp := c.receive(); resp.IRequestId != 2 || resp.IRet != CodeOverloaded {
		t.Errorf("answer to %d: %d", resp.IRequestId, resp.IRet)
	}
	observed.await(t, "call "+ReasonCalls, 1)
	other := dial(t, address)
	other.send(startupCall(t, 1))
	<-begun
	close(proceed)
	c.receive()
	other.receive()
}

func TestQueuedBytesAreBounded(t *testing.T) {
	impl, begun, proceed := blocking()
	first := len(startupCall(t, 1))
	observed := newRecord()
	server, address := startServer(t, Options{MaxHeld: int64(first), Observer: observed}, impl.servant())
	c := dial(t, address)
	c.send(startupCall(t, 1))
	<-begun
	c.send(startupCall(t, 2))
	if resp := c.receive(); resp.IRequestId != 2 || resp.IRet != CodeOverloaded {
		t.Errorf("answer to %d: %d", resp.IRequestId, resp.IRet)
	}
	observed.await(t, "call "+ReasonMemory, 1)
	close(proceed)
	c.receive()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if held := server.Stats().Held; held != 0 {
		t.Errorf("%d bytes are held after all", held)
	}
}

// TestLimitIsAnsweredAtOnce: however long the queue is, and with what the limit
// has to say besides. What is answered in line or at once is not limited.
func TestLimitIsAnsweredAtOnce(t *testing.T) {
	impl, begun, proceed := blocking()
	s := impl.servant()
	s.Immediate = func(call *Call) bool { return string(call.Function) == "keepAlive" }
	first := true
	s.Limit = func(*Call) error {
		if first {
			first = false
			return nil
		}
		return fmt.Errorf("limited: %w", &Error{Code: CodeOverloaded, Message: "too fast", Status: map[string]string{"retry": "later"}})
	}
	_, address := startServer(t, Options{Workers: 1}, s)
	c := dial(t, address)
	c.send(startupCall(t, 1))
	<-begun
	for _, version := range []int16{VersionTars, VersionTUP, VersionJSON} {
		req := request(2, "onStartup", nil)
		req.IVersion = version
		c.send(encode(t, req))
		if version == VersionTUP {
			answer := c.receiveTUP()
			if answer.Status[tupCode] != "-9" || answer.Status["retry"] != "later" {
				t.Errorf("answer by TUP: %v", answer.Status)
			}
			continue
		}
		resp := c.receive()
		if resp.IRet != CodeOverloaded || resp.SResultDesc != "limited: too fast" || resp.Status["retry"] != "later" {
			t.Errorf("version %d: answer %d %q %v", version, resp.IRet, resp.SResultDesc, resp.Status)
		}
	}
	c.send(encode(t, request(3, "keepAlive", keepAliveBody("n", "active"))))
	if resp := c.receive(); resp.IRequestId != 3 || resp.IRet != 0 {
		t.Errorf("answer to %d: %d %q", resp.IRequestId, resp.IRet, resp.SResultDesc)
	}
	close(proceed)
	if resp := c.receive(); resp.IRequestId != 1 || resp.IRet != 0 {
		t.Errorf("answer to %d: %d", resp.IRequestId, resp.IRet)
	}
}

// TestStatusOfARefusal: an error's entries join those that the handler set.
func TestStatusOfARefusal(t *testing.T) {
	impl := accepting()
	impl.onStartup = func(ctx context.Context, _ *tars.OnStartupReq) error {
		call, _ := CallFromContext(ctx)
		call.SetStatus("own", "1")
		return &Error{Code: 7, Message: "no", Status: map[string]string{"error's": "2"}}
	}
	_, address := startServer(t, Options{}, impl.servant())
	c := dial(t, address)
	c.send(startupCall(t, 1))
	if resp := c.receive(); resp.IRet != 7 || resp.Status["own"] != "1" || resp.Status["error's"] != "2" {
		t.Errorf("answer %d %v", resp.IRet, resp.Status)
	}
}

// TestCallOfWhoGaveUpIsDropped: its caller's iTimeout was over before a worker was free.
func TestCallOfWhoGaveUpIsDropped(t *testing.T) {
	impl, begun, proceed := blocking()
	observed := newRecord()
	s := impl.servant()
	s.Functions = []string{"onStartup"}
	_, address := startServer(t, Options{Workers: 1, Observer: observed}, s)
	c := dial(t, address)
	c.send(startupCall(t, 1))
	<-begun
	impatient := request(2, "onStartup", nil)
	impatient.ITimeout = 1
	c.send(encode(t, impatient), ping(t, 3))
	c.receive()                      // the ping: the call before it is queued
	time.Sleep(2 * time.Millisecond) // its iTimeout passes
	close(proceed)
	if resp := c.receive(); resp.IRequestId != 1 {
		t.Errorf("answer to %d", resp.IRequestId)
	}
	observed.await(t, "dropped onStartup", 1)
	c.send(ping(t, 4))
	if resp := c.receive(); resp.IRequestId != 4 {
		t.Errorf("the dropped call was answered: %d", resp.IRequestId)
	}
}

func TestContextEndsWithTheCallersTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		impl := accepting()
		impl.onStartup = func(ctx context.Context, _ *tars.OnStartupReq) error {
			<-ctx.Done()
			return ctx.Err()
		}
		c := startPipes(t, NewServer(Options{}), ListenOptions{}, impl.servant())()
		sent := time.Now() // of the bubble's clock
		c.send(withTimeout(t, 20))
		if resp := c.receive(); resp.IRet != CodeFailed || resp.SResultDesc != context.DeadlineExceeded.Error() {
			t.Errorf("answer %d %q", resp.IRet, resp.SResultDesc)
		}
		if took := time.Since(sent); took != 20*time.Millisecond {
			t.Errorf("answered after %v", took)
		}
	})
}

// withTimeout is a registration whose caller waits so many milliseconds.
func withTimeout(t *testing.T, milliseconds int32) []byte {
	req := request(1, "onStartup", nil)
	req.SBuffer = startupArguments()
	req.ITimeout = milliseconds
	return encode(t, req)
}

func TestCallTimeoutBoundsPatientCallers(t *testing.T) {
	for _, timeout := range []int32{0, 1 << 30} {
		impl := accepting()
		left := make(chan time.Duration, 1)
		impl.onStartup = func(ctx context.Context, _ *tars.OnStartupReq) error {
			deadline, _ := ctx.Deadline()
			left <- time.Until(deadline)
			return nil
		}
		_, address := startServer(t, Options{CallTimeout: 30 * time.Second}, impl.servant())
		dial(t, address).send(withTimeout(t, timeout))
		if got := <-left; got <= 0 || got > 30*time.Second {
			t.Errorf("iTimeout %d: %v are left", timeout, got)
		}
	}
}

func TestMaxConnections(t *testing.T) {
	tests := map[string]struct {
		options Options
		reason  string
	}{
		"in all":      {Options{MaxConnections: 2}, ReasonConnections},
		"per address": {Options{MaxConnectionsPerAddress: 2}, ReasonAddress},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			observed := newRecord()
			test.options.Observer = observed
			server, address := startServer(t, test.options, accepting().servant())
			first, second := dial(t, address), dial(t, address)
			for _, c := range []*client{first, second} {
				c.send(ping(t, 1))
				c.receive()
			}
			dial(t, address).closed()
			observed.await(t, "refused "+test.reason, 1)
			_ = first.Close()
			observed.await(t, "closed "+ReasonPeer, 1)
			for server.Stats().Connections > 1 {
				time.Sleep(time.Millisecond) // it leaves the books just after it is observed
			}
			third := dial(t, address)
			third.send(ping(t, 1))
			third.receive()
		})
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	impl, begun, proceed := blocking()
	observed := newRecord()
	server := NewServer(Options{Observer: observed, IdleTimeout: time.Hour})
	server.rest = 10 * time.Millisecond // it looks more often than that
	_, address := startListener(t, server, ListenOptions{}, impl.servant())
	busy := dial(t, address)
	busy.send(startupCall(t, 1))
	<-begun
	idle := dial(t, address)
	observed.await(t, "opened", 2)
	for _, conn := range server.connections() {
		conn.lastUsed.Add(-int64(2 * time.Hour))
	}
	idle.closed()
	observed.await(t, "closed "+ReasonIdle, 1)
	close(proceed)
	if resp := busy.receive(); resp.IRet != 0 {
		t.Errorf("answer %d", resp.IRet)
	}
}

func TestPush(t *testing.T) {
	subscribed := make(chan *Conn, 1)
	s := accepting().servant()
	s.Inline = func(call *Call, reply *Reply) bool {
		subscribed <- call.Conn()
		return true
	}
	_, address := startServer(t, Options{MaxUnsent: 100 << 10}, s)
	c := dial(t, address)
	c.send(encode(t, request(1, "keepAlive", nil)))
	c.receive()
	conn := <-subscribed
	ended := make(chan string, 3)
	conn.OnClose(func() { panic("in a hook") })
	conn.OnClose(func() { ended <- "hook" })
	conn.OnClose(func() { ended <- "stopped hook" })()

	if err := conn.Push(0, []byte("Demo.HelloServer.HelloObj")); err != nil {
		t.Fatal(err)
	}
	if resp := c.receive(); resp.IRequestId != 0 || resp.IVersion != VersionTars || len(resp.SBuffer) != 25 {
		t.Errorf("push %+v", resp)
	}
	// What the peer does not read is bounded.
	var err error
	for i := 0; err == nil && i < 10_000; i++ {
		err = conn.Push(0, make([]byte, 50<<10))
	}
	if !errors.Is(err, ErrUnsent) {
		t.Errorf("pushing to who does not read: %v", err)
	}
	_ = c.Close()
	if got := <-ended; got != "hook" {
		t.Errorf("%s ran", got)
	}
	if err := conn.Push(0, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("pushing to who is gone: %v", err)
	}
	conn.OnClose(func() { ended <- "late hook" })
	if got := <-ended; got != "late hook" {
		t.Errorf("%s ran", got)
	}
}
