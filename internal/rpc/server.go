package rpc

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Server answers Tars calls on any number of listeners. All methods may be
// called from any goroutine.
type Server struct {
	options  Options
	log      *slog.Logger
	observer Observer
	panics   panicLog

	// alive ends when Shutdown gives up on calls that still run.
	alive context.Context
	kill  context.CancelFunc
	// stopping is true once connections shall read no further.
	stopping atomic.Bool
	queue    chan job
	held     atomic.Int64  // bytes that count for MaxHeld
	rest     time.Duration // restAfter, but in tests
	memory   buffers

	mu         sync.Mutex
	started    bool
	closed     bool
	shutdown   chan struct{} // closed when Shutdown begins
	finished   chan struct{} // closed when all connections are gone
	listeners  []net.Listener
	conns      map[*Conn]struct{}
	perAddress map[netip.Addr]int

	connecting sync.WaitGroup // accept loops and connections
	working    sync.WaitGroup // workers, the watch over idle connections
}

// NewServer makes a server; Listen starts it.
func NewServer(options Options) *Server {
	options = options.withDefaults()
	s := &Server{
		options:    options,
		log:        options.Logger,
		observer:   options.Observer,
		rest:       restAfter,
		queue:      make(chan job, options.Queue),
		shutdown:   make(chan struct{}),
		finished:   make(chan struct{}),
		conns:      make(map[*Conn]struct{}),
		perAddress: make(map[netip.Addr]int),
	}
	s.alive, s.kill = context.WithCancel(context.Background())
	return s
}

// Stats is a moment's picture of a server.
type Stats struct {
	Connections int   // open
	Queued      int   // calls that wait for a worker
	Held        int64 // bytes that count for Options.MaxHeld
}

// Stats tells what the server holds now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Connections: len(s.conns), Queued: len(s.queue), Held: s.held.Load()}
}

// start starts what runs beside the connections. s.mu is held.
func (s *Server) start() {
	if s.started {
		return
	}
	s.started = true
	for range s.options.Workers {
		s.working.Go(s.work)
	}
	s.working.Go(s.watchIdle)
}

// admit enters a new connection into the books, or tells why not.
func (s *Server) admit(c *Conn) (reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	address := c.peer.Addr()
	limit := s.options.MaxConnectionsPerAddress
	switch {
	case s.closed:
		return ReasonShutdown
	case len(s.conns) >= s.options.MaxConnections:
		return ReasonConnections
	case limit > 0 && s.perAddress[address] >= limit:
		return ReasonAddress
	}
	if limit > 0 {
		s.perAddress[address]++
	}
	s.conns[c] = struct{}{}
	s.connecting.Add(1)
	return ""
}

// remove takes a connection that was admitted out of the books.
func (s *Server) remove(c *Conn) {
	defer s.connecting.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.options.MaxConnectionsPerAddress > 0 {
		address := c.peer.Addr()
		if s.perAddress[address]--; s.perAddress[address] == 0 {
			delete(s.perAddress, address)
		}
	}
}

// connections are those that are open now.
func (s *Server) connections() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// hold takes n bytes from MaxHeld; false and nothing where they are not left.
func (s *Server) hold(n int) bool {
	if s.held.Add(int64(n)) > s.options.MaxHeld {
		s.held.Add(-int64(n))
		return false
	}
	return true
}

func (s *Server) release(n int) { s.held.Add(-int64(n)) }
