package replica

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Link is a piece of network between a registry and its database that can be cut
// and can go silent. It is made to work; it ends with the test.
type Link struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	flow  *sync.Cond // state has changed
	state linkState
	conns map[net.Conn]bool
	done  sync.WaitGroup
}

type linkState int

const (
	linkUp     linkState = iota
	linkCut              // connections are reset, new ones too
	linkSilent           // nothing comes through, nothing is lost
	linkClosed
)

// NewLink makes a link to the target, host:port.
func NewLink(t testing.TB, target string) *Link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{listener: listener, target: target, conns: map[net.Conn]bool{}}
	l.flow = sync.NewCond(&l.mu)
	l.done.Go(l.accept)
	t.Cleanup(func() {
		l.set(linkClosed)
		_ = listener.Close()
		l.done.Wait()
	})
	return l
}

// Addr is where the registry connects to.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Cut resets what is connected, and whoever connects.
func (l *Link) Cut() { l.set(linkCut) }

// Silence holds everything back, the ends of connections too.
func (l *Link) Silence() { l.set(linkSilent) }

// Mend makes it work again; what was held back arrives.
func (l *Link) Mend() { l.set(linkUp) }

func (l *Link) set(state linkState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	if state == linkCut || state == linkClosed {
		for conn := range l.conns {
			reset(conn)
		}
	}
	l.flow.Broadcast()
}

// reset closes with an RST, as a firewall does.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func (l *Link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.done.Go(func() { l.join(near) })
	}
}

func (l *Link) join(near net.Conn) {
	if !l.pass() {
		reset(near)
		return
	}
	far, err := net.Dial("tcp", l.target) //nolint:noctx // bounded by the kernel, on loopback
	if err != nil {
		reset(near)
		return
	}
	l.mu.Lock()
	if l.state == linkCut || l.state == linkClosed {
		reset(near)
		reset(far)
	}
	l.conns[near], l.conns[far] = true, true
	l.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { l.copy(far, near) })
	both.Go(func() { l.copy(near, far) })
	both.Wait()
	l.mu.Lock()
	delete(l.conns, near)
	delete(l.conns, far)
	l.mu.Unlock()
	_, _ = near.Close(), far.Close()
}

// copy passes on what one end says until its end, and then that.
func (l *Link) copy(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if !l.pass() {
			break
		}
		if n > 0 {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				break
			}
		}
		if err == io.EOF { //nolint:errorlint // as io.Reader says
			if tcp, ok := to.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
			return
		}
		if err != nil {
			break
		}
	}
	reset(from)
	reset(to)
}

// pass waits while the link is silent; false: it is cut.
func (l *Link) pass() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.state == linkSilent {
		l.flow.Wait()
	}
	return l.state == linkUp
}
