package rpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/tars"
)

func lengthPrefix(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// TestGarbageClosesTheConnection: who does not speak Tars is not waited for.
func TestGarbageClosesTheConnection(t *testing.T) {
	noVersion := append(lengthPrefix(100), 0x26)
	noID := append(lengthPrefix(9), wire.AppendInt(wire.AppendInt(nil, 1, 1), 9, 1000)...)
	tests := map[string][]byte{
		"length 0":       lengthPrefix(0),
		"length 3":       lengthPrefix(3),
		"length 4":       lengthPrefix(4),
		"length 100 MB":  lengthPrefix(100 << 20),
		"length 2^31":    lengthPrefix(1 << 31),
		"length 2^32-1":  lengthPrefix(1<<32 - 1),
		"HTTP":           []byte("GET / HTTP/1.1\r\nHost: registry\r\n\r\n"),
		"no version":     noVersion,
		"no request id":  noID,
		"TLS hello":      helloOf(t),
		"above MaxFrame": lengthPrefix(64<<10 + 1),
	}
	for name, garbage := range tests {
		t.Run(name, func(t *testing.T) {
			observed := newRecord()
			_, address := startServer(t, Options{Observer: observed, MaxFrame: 64 << 10}, accepting().servant())
			c := dial(t, address)
			c.send(ping(t, 1), garbage)
			if resp := c.receive(); resp.IRequestId != 1 {
				t.Errorf("the request before the garbage was answered with id %d", resp.IRequestId)
			}
			c.closed()
			observed.await(t, "opened", 1)
		})
	}
}

// helloOf is how a TLS client begins.
func helloOf(t *testing.T) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go func() { _ = tls.Client(near, &tls.Config{ServerName: "registry"}).Handshake() }()
	hello := make([]byte, 64)
	if _, err := io.ReadFull(far, hello); err != nil {
		t.Fatal(err)
	}
	return hello
}

func TestHalfFrameIsClosedAfterTheReadTimeout(t *testing.T) {
	tests := map[string]func(c *client){
		"half a length":  func(c *client) { c.send(ping(c.t, 1)[:2]) },
		"half a frame":   func(c *client) { c.send(ping(c.t, 1)[:20]) },
		"after a frame":  func(c *client) { c.send(append(ping(c.t, 1), ping(c.t, 2)[:20]...)); c.receive() },
		"byte by byte":   func(c *client) { go c.trickle(ping(c.t, 1)) },
		"a larger frame": func(c *client) { _, _ = c.Write(largePing(c.t)[:100<<10]) }, // the server may not wait for all of it
	}
	for name, misbehave := range tests {
		t.Run(name, func(t *testing.T) {
			observed := newRecord()
			server, address := startServer(t, Options{Observer: observed, ReadTimeout: 50 * time.Millisecond}, accepting().servant())
			c := dial(t, address)
			misbehave(c)
			c.closed()
			observed.await(t, "closed "+ReasonReadTimeout, 1)
			if held := server.Stats().Held; held != 0 {
				t.Errorf("%d bytes are still held", held)
			}
		})
	}
}

// trickle sends a byte now and then, and never the last one.
func (c *client) trickle(frame []byte) {
	for i := range len(frame) - 1 {
		if _, err := c.Write(frame[i : i+1]); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond) // the loris's slowness
	}
}

func largePing(t testing.TB) []byte {
	return encode(t, request(1, "tars_ping", make([]byte, 3<<20)))
}

func TestLargeFrames(t *testing.T) {
	server, address := startServer(t, Options{}, accepting().servant())
	c := dial(t, address)
	for range 3 {
		c.send(largePing(t), ping(t, 2))
		for _, want := range []int32{1, 2} {
			if resp := c.receive(); resp.IRequestId != want || resp.IRet != 0 {
				t.Fatalf("answer to %d: %d %q", resp.IRequestId, resp.IRet, resp.SResultDesc)
			}
		}
	}
	if held := server.Stats().Held; held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}

func TestMemoryForLargeFramesIsBounded(t *testing.T) {
	observed := newRecord()
	_, address := startServer(t, Options{Observer: observed, MaxHeld: 1 << 20}, accepting().servant())
	c := dial(t, address)
	go func() { _, _ = c.Write(largePing(t)) }()
	c.closed()
	observed.await(t, "closed "+ReasonMemory, 1)
	c = dial(t, address)
	c.send(ping(t, 1))
	c.receive()
}

// TestPipelining: answers from memory come in the order of their requests.
func TestPipelining(t *testing.T) {
	s := accepting().servant()
	s.Inline = inlineKeepAlive
	_, address := startServer(t, Options{}, s)
	c := dial(t, address)
	const n = 5000
	var requests bytes.Buffer
	for id := range int32(n) {
		requests.Write(encode(t, request(id+1, "keepAlive", keepAliveBody("n", "active"))))
	}
	go c.send(requests.Bytes())
	for id := range int32(n) {
		if resp := c.receive(); resp.IRequestId != id+1 {
			t.Fatalf("answer to %d, want %d", resp.IRequestId, id+1)
		}
	}
}

// TestPooledCallsDoNotHoldInlineOnesUp: SQL behind one call is not waited for by others.
func TestPooledCallsDoNotHoldInlineOnesUp(t *testing.T) {
	proceed := make(chan struct{})
	impl := accepting()
	impl.onStartup = func(ctx context.Context, _ *tars.OnStartupReq) error { <-proceed; return nil }
	_, address := startServer(t, Options{}, impl.servant())
	c := dial(t, address)
	c.send(startupCall(t, 1), ping(t, 2))
	if resp := c.receive(); resp.IRequestId != 2 {
		t.Fatalf("answer to %d came first", resp.IRequestId)
	}
	close(proceed)
	if resp := c.receive(); resp.IRequestId != 1 || resp.IRet != 0 {
		t.Fatalf("answer to %d: %d %q", resp.IRequestId, resp.IRet, resp.SResultDesc)
	}
}

func startupCall(t testing.TB, id int32) []byte {
	req := request(id, "onStartup", nil)
	req.SBuffer = startupArguments()
	return encode(t, req)
}

func startupArguments() []int8 {
	b := wire.AppendStructBegin(nil, 1)
	for tag, value := range []string{"n", "Demo", "HelloServer"} {
		b = wire.AppendString(b, byte(tag), value)
	}
	return tools.ByteToInt8(wire.AppendStructEnd(b))
}

// TestWhoNeverReadsIsClosed: by inline and by pooled answers alike, and others
// are served meanwhile.
func TestWhoNeverReadsIsClosed(t *testing.T) {
	large := bytes.Repeat([]byte("x"), 1<<20)
	impl := accepting()
	pooled := impl.servant()
	pooled.Dispatch = func(_ context.Context, req *requestf.RequestPacket, resp *requestf.ResponsePacket) error {
		if len(req.SBuffer) > 0 {
			resp.SBuffer = tools.ByteToInt8(large)
		}
		return nil
	}
	inline := pooled
	inline.Inline = func(call *Call, reply *Reply) bool {
		if len(call.Body) > 0 {
			reply.SetBody(large)
		}
		return true
	}
	for name, s := range map[string]Servant{"inline": inline, "pooled": pooled} {
		t.Run(name, func(t *testing.T) {
			observed := newRecord()
			server, address := startServer(t, Options{
				Observer: observed, WriteTimeout: 200 * time.Millisecond, Workers: 2, MaxUnsent: 1 << 20,
			}, s)
			deaf := dial(t, address)
			for id := range int32(20) {
				if _, err := deaf.Write(encode(t, request(id, "keepAlive", keepAliveBody("n", "active")))); err != nil {
					break // closed already
				}
			}
			other := dial(t, address)
			other.send(encode(t, request(1, "keepAlive", nil))) // its answer is small: it fits into the socket
			if resp := other.receive(); resp.IRequestId != 1 {
				t.Errorf("answer to %d", resp.IRequestId)
			}
			observed.awaitAny(t, "closed "+ReasonWriteTimeout, "closed "+ReasonUnsent)
			other.send(ping(t, 2))
			other.receive()
			for deadline := time.Now().Add(patience); server.Stats().Held > 0; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d bytes are still held", server.Stats().Held)
				}
			}
		})
	}
}

// awaitAny waits until one of the events happened.
func (r *record) awaitAny(t testing.TB, events ...string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	late := time.AfterFunc(patience, r.changed.Broadcast)
	defer late.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		for _, event := range events {
			if r.events[event] > 0 {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("none of %q happened; all: %v", events, r.events)
		}
		r.changed.Wait()
	}
}

// TestSlowReaderGetsEverything: slow is not dead.
func TestSlowReaderGetsEverything(t *testing.T) {
	body := bytes.Repeat([]byte("y"), 100_000)
	s := accepting().servant()
	s.Inline = func(call *Call, reply *Reply) bool { reply.SetBody(body); return true }
	_, address := startServer(t, Options{}, s)
	c := dial(t, address)
	const n = 200
	go func() {
		for id := range int32(n) {
			if _, err := c.Write(encode(t, request(id, "keepAlive", nil))); err != nil {
				return
			}
		}
	}()
	for id := range int32(n) {
		resp := c.receive()
		if resp.IRequestId != id || len(resp.SBuffer) != len(body) {
			t.Fatalf("answer to %d has %d bytes", resp.IRequestId, len(resp.SBuffer))
		}
		if id%50 == 0 {
			time.Sleep(20 * time.Millisecond) // the reader's slowness
		}
	}
}

// TestHalfClosedConnectionIsAnswered: a client may close its side after asking.
func TestHalfClosedConnectionIsAnswered(t *testing.T) {
	_, address := startServer(t, Options{}, accepting().servant())
	c := dial(t, address)
	c.send(startupCall(t, 1), ping(t, 2))
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got := map[int32]bool{c.receive().IRequestId: true, c.receive().IRequestId: true}
	if !got[1] || !got[2] {
		t.Errorf("answered: %v", got)
	}
	c.closed()
}

func TestPanicIsLoggedOnceWithItsStack(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	s := accepting().servant()
	s.Inline = func(*Call, *Reply) bool { panic("inline bug") }
	logger := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), nil))
	_, address := startServer(t, Options{Logger: logger}, s)
	c := dial(t, address)
	for id := range int32(100) {
		c.send(encode(t, request(id, "keepAlive", nil)))
		if resp := c.receive(); resp.IRet != CodeInternal || resp.SResultDesc != "internal error" {
			t.Fatalf("answer %d %q", resp.IRet, resp.SResultDesc)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "inline bug") || !strings.Contains(text, "peers_test.go") {
		t.Errorf("log: %s", text)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
