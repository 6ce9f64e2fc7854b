package web

import (
	"net"
	"net/netip"
	"sync"
)

// Limits of connections. 0 is no limit.
type Limits struct {
	All        int
	PerAddress int // from one source address; loopback is not counted
}

// Limited closes connections beyond the limits as soon as they are accepted, and
// tells refused of each. A limit that let them wait instead would let idle ones
// keep probes out.
func Limited(inner net.Listener, limits Limits, refused func(reason string)) net.Listener {
	return &limited{Listener: inner, limits: limits, refused: refused, from: map[netip.Addr]int{}}
}

type limited struct {
	net.Listener
	limits  Limits
	refused func(string)

	mu   sync.Mutex
	all  int
	from map[netip.Addr]int
}

// Accept gives the next connection within the limits.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := sourceOf(conn)
		if reason := l.enter(from); reason != "" {
			_ = conn.Close() // nothing was said on it
			l.refused(reason)
			continue
		}
		return &counted{Conn: conn, leave: func() { l.leave(from) }}, nil
	}
}

func (l *limited) enter(from netip.Addr) (reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.limits.All > 0 && l.all >= l.limits.All:
		return "connections"
	case l.limits.PerAddress > 0 && !from.IsLoopback() && l.from[from] >= l.limits.PerAddress:
		return "address"
	}
	l.all++
	l.from[from]++
	return ""
}

func (l *limited) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.from[from]--; l.from[from] == 0 {
		delete(l.from, from)
	}
}

func sourceOf(conn net.Conn) netip.Addr {
	source, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return source.Addr().Unmap()
}

// counted gives its place back when it is closed, once.
type counted struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.once.Do(c.leave)
	return c.Conn.Close()
}
