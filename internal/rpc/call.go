package rpc

import (
	"context"
	"net/netip"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

// TokenKey is the key of the request's context that holds a shared secret. It
// is never sent back.
const TokenKey = "tars-token"

// Versions of the Tars protocol that are spoken here.
const (
	VersionTars int16 = 1 // fields by tag
	VersionTUP  int16 = 3 // a map of named arguments, each encoded by itself
	VersionJSON int16 = 5 // one JSON object of named arguments
)

// Call is a request. Its slices point into the buffer it was read into: they,
// and the Call itself, are valid only until the handler returns.
type Call struct {
	Version     int16
	OneWay      bool // no answer is sent
	MessageType int32
	RequestID   int32
	Servant     string // the name of the Servant that was asked
	Function    []byte
	Body        []byte // the encoded arguments
	// Timeout is iTimeout: how long the caller waits. 0: not told.
	Timeout  time.Duration
	Received time.Time // when the frame was read

	packetType int8
	name       []byte // of the servant, as the request has it
	context    stringMap
	status     stringMap
	conn       *Conn
}

// Peer is the address the connection comes from.
func (c *Call) Peer() netip.AddrPort { return c.conn.Peer() }

// Local is the address the connection came to.
func (c *Call) Local() netip.AddrPort { return c.conn.Local() }

// Conn is the connection the call came on. That of a call made by NewPooledCall
// leads nowhere: Push fails, and it never ends.
func (c *Call) Conn() *Conn { return c.conn }

// ContextValue looks a key of the request's context up. It does not allocate.
// Of a repeated key the last counts, as in a map that is read entry by entry.
func (c *Call) ContextValue(key string) ([]byte, bool) { return c.context.get(key) }

// PooledCall is the call that a Dispatch or an implementation behind it finds
// in its context. It is used by the goroutine of the call only.
type PooledCall struct {
	Call
	context map[string]string
	status  map[string]string
}

// NewPooledCall makes a call for tests of handlers: it has no connection.
func NewPooledCall(peer netip.AddrPort, requestContext map[string]string) *PooledCall {
	p := &PooledCall{context: requestContext}
	p.Version = VersionTars
	p.Received = time.Now()
	p.conn = &Conn{peer: peer}
	n := 0
	var entries []byte
	for key, value := range requestContext {
		entries = wire.AppendString(wire.AppendString(entries, 0, key), 1, value)
		n++
	}
	p.Call.context = stringMap{entries: entries, n: n}
	return p
}

// Context is the request's context. It must not be changed.
func (p *PooledCall) Context() map[string]string { return p.context }

// SetStatus puts an entry into the answer's status.
func (p *PooledCall) SetStatus(key, value string) {
	if p.status == nil {
		p.status = make(map[string]string)
	}
	p.status[key] = value
}

// Status is what SetStatus was given.
func (p *PooledCall) Status() map[string]string { return p.status }

type callKey struct{}

// WithCall returns a context in which CallFromContext finds call.
func WithCall(ctx context.Context, call *PooledCall) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

// CallFromContext is the call that a pooled handler answers. It and its slices
// are valid until the handler returns; its Conn is valid beyond.
func CallFromContext(ctx context.Context) (*PooledCall, bool) {
	call, ok := ctx.Value(callKey{}).(*PooledCall)
	return call, ok
}

// stringMap is a map<string, string> as it stands in a packet.
type stringMap struct {
	entries []byte // checked when the packet was decoded
	n       int
}

// each calls yield with the entries in their order.
func (m stringMap) each(yield func(key, value []byte) bool) {
	r := wire.NewReader(m.entries)
	for range m.n {
		if key, value := r.String(0), r.String(1); !yield(key, value) {
			return
		}
	}
}

func (m stringMap) get(key string) (value []byte, found bool) {
	if m.n == 0 {
		return nil, false
	}
	for k, v := range m.each {
		if string(k) == key {
			value, found = v, true
		}
	}
	return value, found
}

// with is the map with the entries of another one after its own.
func (m stringMap) with(more stringMap) stringMap {
	return stringMap{entries: append(m.entries, more.entries...), n: m.n + more.n}
}

// strings is the map as generated code has it.
func (m stringMap) strings() map[string]string {
	result := make(map[string]string, m.n)
	for k, v := range m.each {
		result[string(k)] = string(v)
	}
	return result
}
