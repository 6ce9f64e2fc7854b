package behaviour

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// proxy stands between a replica and its database, and can be cut: connections
// break and new ones are refused, as when a network is taken away.
type proxy struct {
	t        *testing.T
	target   string
	listener net.Listener

	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]struct{}
	group sync.WaitGroup
}

// behindProxy makes a proxy for the database and gives the DSN that leads through.
func (d *database) behindProxy() (*proxy, string) {
	d.t.Helper()
	config, err := mysql.ParseDSN(d.dsn)
	if err != nil {
		d.t.Fatal("the test's DSN cannot be read")
	}
	listener, err := new(net.ListenConfig).Listen(d.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		d.t.Fatal(err)
	}
	p := &proxy{t: d.t, target: config.Addr, listener: listener, conns: map[net.Conn]struct{}{}}
	p.group.Go(p.accept)
	d.t.Cleanup(p.close)
	config.Addr = listener.Addr().String()
	return p, config.FormatDSN()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed: the test is over
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.add(client, server) {
			continue
		}
		for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
			p.group.Go(func() {
				_, _ = io.Copy(pair[0], pair[1]) // how it ends does not matter
				p.drop(client, server)
			})
		}
	}
}

// add notes a pair of connections, or closes it while the proxy is cut.
func (p *proxy) add(pair ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range pair {
		if p.isCut {
			_ = conn.Close()
		} else {
			p.conns[conn] = struct{}{}
		}
	}
	return !p.isCut
}

func (p *proxy) drop(pair ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range pair {
		delete(p.conns, conn)
		_ = conn.Close()
	}
}

// cut takes the database away; mend gives it back.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = true
	for conn := range p.conns {
		_ = conn.Close()
	}
}

func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = false
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.cut()
	p.group.Wait()
}
