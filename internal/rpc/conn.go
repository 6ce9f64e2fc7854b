package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is a client's connection. Handlers may keep it to push to it later.
type Conn struct {
	server   *Server
	listener *listener
	raw      net.Conn        // the socket
	stream   net.Conn        // what is read and written: raw, or TLS over it
	socket   syscall.RawConn // of raw, nil where stream must be used
	peer     netip.AddrPort
	local    netip.AddrPort

	lastUsed  atomic.Int64 // Unix nanoseconds
	spokeTars atomic.Bool  // a request of version 1 came: it understands pushes
	worn      atomic.Bool  // something was handled on the goroutine there is now
	resting   atomic.Bool  // reading was interrupted for a new goroutine

	// Of the connection's goroutine.
	scratch    *scratch // nil while idle
	received   time.Time
	midFrame   bool      // the read deadline is set
	frameEnd   time.Time // to this time
	onReadable func(fd uintptr) bool
	readCount  int
	readError  error

	mu       sync.Mutex
	changed  sync.Cond // draining, calls or closed
	closed   bool
	reason   string // why it was closed
	draining bool   // somebody is writing, others append to unsent
	unsent   []byte
	calls    int // on the pool
	hooks    map[*func()]struct{}

	onWritable func(fd uintptr) bool
	toWrite    []byte
	writeCount int
	writeError error
}

func newConn(l *listener, accepted net.Conn) *Conn {
	c := &Conn{
		server:   l.server,
		listener: l,
		raw:      accepted,
		stream:   accepted,
		peer:     addrPort(accepted.RemoteAddr()),
		local:    addrPort(accepted.LocalAddr()),
	}
	c.changed.L = &c.mu
	c.lastUsed.Store(time.Now().UnixNano())
	if l.options.TLS != nil {
		c.stream = tls.Server(accepted, l.options.TLS)
	} else {
		c.useSocket()
	}
	return c
}

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Peer is the address the connection comes from, IPv4 as such.
func (c *Conn) Peer() netip.AddrPort { return c.peer }

// Local is the address the connection came to.
func (c *Conn) Local() netip.AddrPort { return c.local }

// serve is the connection's goroutine.
func (c *Conn) serve() {
	c.server.observer.ConnectionOpened()
	if reason := c.handshake(); reason != "" {
		c.end(reason)
		return
	}
	c.serveFrames()
}

// serveFrames goes on in a new goroutine after each rest.
func (c *Conn) serveFrames() {
	reason := c.readFrames()
	if reason == reasonRest {
		c.resume()
		go c.serveFrames()
		return
	}
	c.end(reason)
}

// reasonRest ends a goroutine, not the connection.
const reasonRest = "rest"

func (c *Conn) handshake() (reason string) {
	secured, ok := c.stream.(*tls.Conn)
	if !ok {
		return ""
	}
	ctx, cancel := context.WithTimeout(c.server.alive, c.server.options.ReadTimeout)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		return ReasonHandshake
	}
	return ""
}

// readFrames reads and handles until the connection ends, and tells why it does.
func (c *Conn) readFrames() (reason string) {
	for {
		if c.server.stopping.Load() {
			return ReasonShutdown
		}
		if err := c.read(); err != nil {
			return c.readReason(err)
		}
		c.worn.Store(true)
		c.received = time.Now()
		c.lastUsed.Store(c.received.UnixNano())
		begun, reason := c.handleFrames()
		if failed := c.flush(); failed != "" {
			return failed
		}
		if reason != "" {
			return reason
		}
		c.expectRest(begun)
	}
}

// readReason tells why reading failed.
func (c *Conn) readReason(err error) string {
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return ReasonPeer
	case c.server.stopping.Load():
		return ReasonShutdown
	case c.resting.Swap(false) || !c.frameIsLate():
		return reasonRest
	}
	return ReasonReadTimeout
}

// frameIsLate is false while the deadline that made reading fail was not that of
// a frame: wake's, which another one may have outlived.
func (c *Conn) frameIsLate() bool { return c.midFrame && !time.Now().Before(c.frameEnd) }

// handleFrames handles all complete frames of the buffer. What is left of it
// is the beginning of a frame, or nothing; begun is true when that frame's
// first byte came with the last read.
func (c *Conn) handleFrames() (begun bool, reason string) {
	s := c.scratch
	begun = !c.midFrame
	for {
		size, err := frameBegin(s.in[s.start:s.end], c.server.options.MaxFrame)
		if err != nil {
			c.server.observer.FrameRefused(ReasonFrame)
			return false, ReasonFrame
		}
		if size == 0 || s.end-s.start < size {
			return begun, c.makeRoom(size)
		}
		if !c.handle(s.in[s.start : s.start+size]) {
			return false, ReasonHeader
		}
		s.start += size
		begun = true
		if len(s.out) >= flushSize {
			if failed := c.flush(); failed != "" {
				return false, failed
			}
		}
	}
}

// makeRoom moves the beginning of a frame of size bytes (0: not known yet) to
// the front of the buffer, and makes the buffer larger where it is full.
func (c *Conn) makeRoom(size int) (reason string) {
	s := c.scratch
	if s.start > 0 {
		s.end = copy(s.in, s.in[s.start:s.end])
		s.start = 0
	}
	switch {
	case s.end == 0 && len(s.in) > inSize:
		c.server.release(len(s.in))
		s.in = s.small[:]
	case s.end == len(s.in):
		return c.grow(min(size, 2*len(s.in)))
	}
	return ""
}

func (c *Conn) grow(size int) (reason string) {
	s := c.scratch
	if !c.server.hold(size) {
		c.server.observer.FrameRefused(ReasonMemory)
		return ReasonMemory
	}
	larger := make([]byte, size)
	copy(larger, s.in)
	if len(s.in) > inSize {
		c.server.release(len(s.in))
	}
	s.in = larger
	return ""
}

// expectRest sets the read deadline when a frame has begun to arrive and
// removes it when none has.
func (c *Conn) expectRest(begun bool) {
	switch waiting := c.scratch.end > 0; {
	case waiting && begun:
		c.midFrame, c.frameEnd = true, c.received.Add(c.server.options.ReadTimeout)
		_ = c.raw.SetReadDeadline(c.frameEnd) // the next read tells
	case !waiting && c.midFrame:
		c.midFrame = false
		_ = c.raw.SetReadDeadline(time.Time{})
	}
}
