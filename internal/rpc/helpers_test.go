package rpc

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/tars"
)

const (
	podObject   = "tars.tarsregistry.Registry"
	queryObject = "tars.tarsregistry.QueryObj"
	patience    = 10 * time.Second // far longer than anything awaited takes
)

// pods is an implementation of the pods' servant whose methods a test sets.
type pods struct {
	tars.TarsregistryServantWithContext
	onStartup func(ctx context.Context, req *tars.OnStartupReq) error
	keepAlive func(ctx context.Context, req *tars.KeepAliveReq) error
}

func (p *pods) OnStartup(ctx context.Context, req *tars.OnStartupReq) error {
	return p.onStartup(ctx, req)
}

func (p *pods) KeepAlive(ctx context.Context, req *tars.KeepAliveReq) error {
	return p.keepAlive(ctx, req)
}

func (p *pods) GetMetricsAdapters(_ context.Context, req *tars.GetMetricsAdaptersReq, rsp *[]tars.MetricsAdapterInfo) error {
	*rsp = []tars.MetricsAdapterInfo{{Targets: []string{"10.0.0.1:9325"}, Labels: req.Filter}}
	return nil
}

// servant is the pods' servant, all of it on the pool.
func (p *pods) servant() Servant {
	return Servant{Name: podObject, Dispatch: Generated(tars.NewTarsregistry(), p)}
}

// accepting is a pods' servant that says yes to everything.
func accepting() *pods {
	return &pods{
		onStartup: func(context.Context, *tars.OnStartupReq) error { return nil },
		keepAlive: func(context.Context, *tars.KeepAliveReq) error { return nil },
	}
}

// startServer listens on a free port for the time of the test.
func startServer(t testing.TB, options Options, servants ...Servant) (*Server, string) {
	t.Helper()
	return startListener(t, NewServer(options), ListenOptions{}, servants...)
}

func startListener(t testing.TB, server *Server, options ListenOptions, servants ...Servant) (*Server, string) {
	t.Helper()
	return server, listenAt(t, server, "127.0.0.1:0", options, servants...)
}

// listenAt has the server listen for the time of the test.
func listenAt(t testing.TB, server *Server, at string, options ListenOptions, servants ...Servant) (address string) {
	t.Helper()
	opened, err := server.Listen(t.Context(), "tcp", at, options, servants...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 50*time.Millisecond)
		defer cancel()
		_ = server.Shutdown(ctx) // many a test leaves connections open
	})
	return opened.String()
}

// startPipes starts a server without a port for a test in a bubble of synctest,
// whose time passes only while everything waits; a wait for a socket would keep
// it from passing. The function returned connects to it.
func startPipes(t *testing.T, server *Server, options ListenOptions, servants ...Servant) (connect func() *client) {
	t.Helper()
	byName, err := newServants(servants)
	if err != nil {
		t.Fatal(err)
	}
	server.mu.Lock()
	server.start()
	server.mu.Unlock()
	t.Cleanup(func() {
		if err := server.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	l := &listener{server: server, options: options, servants: byName}
	return func() *client {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		l.begin(near)
		return newClient(t, far)
	}
}

// client is a raw connection.
type client struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return newClient(t, conn)
}

func newClient(t testing.TB, conn net.Conn) *client {
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, Conn: conn, in: bufio.NewReader(conn)}
}

func (c *client) send(frames ...[]byte) {
	c.t.Helper()
	for _, f := range frames {
		if _, err := c.Write(f); err != nil {
			c.t.Fatalf("write: %v", err)
		}
	}
}

// frame reads one frame without its length.
func (c *client) frame() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c.in, size[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint32(size[:])-4)
	_, err := io.ReadFull(c.in, packet)
	return packet, err
}

// receive reads an answer.
func (c *client) receive() requestf.ResponsePacket {
	c.t.Helper()
	packet, err := c.frame()
	if err != nil {
		c.t.Fatalf("read an answer: %v", err)
	}
	var resp requestf.ResponsePacket
	if err := resp.ReadFrom(codec.NewReader(packet)); err != nil {
		c.t.Fatalf("decode an answer: %v", err)
	}
	return resp
}

// closed fails the test unless the server closes the connection without a word.
func (c *client) closed() {
	c.t.Helper()
	n, err := c.in.Read(make([]byte, 1))
	var timeout net.Error
	if n != 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("connection not closed: read %d bytes, error %v", n, err)
	}
}

// request is a call of the pods' servant.
func request(id int32, function string, body []byte) requestf.RequestPacket {
	return requestf.RequestPacket{
		IVersion: VersionTars, IRequestId: id, SServantName: podObject, SFuncName: function,
		SBuffer: tools.ByteToInt8(body), ITimeout: 60_000,
	}
}

func encode(t testing.TB, req requestf.RequestPacket) []byte {
	t.Helper()
	buf := codec.NewBuffer()
	if err := buf.WriteBytes(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if err := req.WriteTo(buf); err != nil {
		t.Fatal(err)
	}
	frame := buf.ToBytes()
	binary.BigEndian.PutUint32(frame, uint32(len(frame)))
	return frame
}

func ping(t testing.TB, id int32) []byte { return encode(t, request(id, "tars_ping", nil)) }

// keepAliveBody is the arguments of a keepAlive.
func keepAliveBody(node, state string) []byte {
	b := wire.AppendStructBegin(nil, 1)
	b = wire.AppendString(b, 0, node)
	b = wire.AppendString(b, 1, state)
	b = wire.AppendString(b, 2, "Demo")
	b = wire.AppendString(b, 3, "HelloServer")
	return wire.AppendStructEnd(b)
}

// record is an Observer that remembers.
type record struct {
	mu      sync.Mutex
	changed *sync.Cond
	events  map[string]int
}

func newRecord() *record {
	r := &record{events: make(map[string]int)}
	r.changed = sync.NewCond(&r.mu)
	return r
}

func (r *record) add(event string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events[event]++
	r.changed.Broadcast()
}

// await waits until an event happened n times.
func (r *record) await(t testing.TB, event string, n int) {
	t.Helper()
	late := time.AfterFunc(patience, r.changed.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(patience)
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.events[event] < n {
		if time.Now().After(deadline) {
			t.Fatalf("%q happened %d times, want %d; all: %v", event, r.events[event], n, r.events)
		}
		r.changed.Wait()
	}
}

func (r *record) ConnectionOpened()               { r.add("opened") }
func (r *record) ConnectionClosed(reason string)  { r.add("closed " + reason) }
func (r *record) ConnectionRefused(reason string) { r.add("refused " + reason) }
func (r *record) CallDone(servant, function string, code int32, _ time.Duration, inline bool) {
	where := "pooled"
	if inline {
		where = "inline"
	}
	r.add("done " + servant + " " + function + " " + where)
	if code != CodeSuccess {
		r.add("failed")
	}
}
func (r *record) CallDropped(servant, function string) { r.add("dropped " + function) }
func (r *record) CallRefused(reason string)            { r.add("call " + reason) }
func (r *record) FrameRefused(reason string)           { r.add("frame " + reason) }
func (r *record) Panicked(servant, function string)    { r.add("panic " + function) }
