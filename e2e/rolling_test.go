//go:build !race

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/tars"
)

// TestRollingRestart replaces three replicas one after the other under look-ups,
// behind one address that leads to those that are ready (R28). No look-up fails
// or gives less than everybody, and what was registered last before a stop stays.
func TestRollingRestart(t *testing.T) {
	dsn := mariadbtest.Database(t)
	start := func() *process { return serve(t, t.TempDir(), "--dsn", dsn, "--lease-ttl", "10m") }
	replicas := []*process{start(), start(), start()}
	front := newService(t, replicas...)
	mustRegister(t, replicas[0].clients(t), "10.9.0.1")
	mustRegister(t, replicas[1].clients(t), "10.9.0.2")
	for _, p := range replicas {
		p.awaitHellos(t, 2)
	}

	var asked atomic.Int64
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() { askUntil(t, stop, front.address(), &asked) })
	}
	for i, old := range replicas {
		before := asked.Load()
		mustRegister(t, old.clients(t), fmt.Sprintf("10.9.1.%d", i))
		old.stop(t)
		replicas[i] = start()
		front.lead(replicas...)
		replicas[i].awaitHellos(t, 3+i)
		if asked.Load() == before {
			t.Error("nobody asked meanwhile")
		}
	}
	close(stop)
	asking.Wait()
	t.Logf("%d look-ups", asked.Load())
}

// awaitHellos waits until look-ups give so many instances.
func (p *process) awaitHellos(t *testing.T, n int) {
	t.Helper()
	c := p.clients(t)
	replica.Eventually(t, time.Minute, "all are found", func() error {
		active, _, err := c.find("Demo.HelloServer.HelloObj")
		if err == nil && len(active) != n {
			err = fmt.Errorf("%d of %d are active: %q", len(active), n, active)
		}
		return err
	})
}

// askUntil looks up as a TarsGo client does, again and again; two instances are
// always there.
func askUntil(t *testing.T, stop <-chan struct{}, address string, asked *atomic.Int64) {
	query := new(tars.QueryF)
	connect(t, "tars.tarsregistry.QueryObj", address, query)
	query.TarsSetTimeout(30_000) // ms; the machine may be busy
	c := &clients{query: query}
	for {
		select {
		case <-stop:
			return
		default:
		}
		active, _, err := c.find("Demo.HelloServer.HelloObj")
		if err != nil || len(active) < 2 {
			t.Errorf("a look-up gives %q, %v", active, err)
			return
		}
		asked.Add(1)
	}
}

// service leads each connection to a replica that is ready, as a Service of
// Kubernetes does.
type service struct {
	listener net.Listener
	serving  sync.WaitGroup

	mu       sync.Mutex
	replicas []*process
	turn     int
}

func newService(t *testing.T, replicas ...*process) *service {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{listener: listener}
	s.lead(replicas...)
	s.serving.Go(s.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		s.serving.Wait()
	})
	return s
}

func (s *service) address() string { return s.listener.Addr().String() }

// lead changes which replicas there are.
func (s *service) lead(replicas ...*process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replicas = slices.Clone(replicas)
}

func (s *service) accept() {
	for {
		near, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.join(near) // ends with the caller or the replica
	}
}

func (s *service) join(near net.Conn) {
	defer func() { _ = near.Close() }()
	far, err := s.dial()
	if err != nil {
		return // the caller sees a connection that ends
	}
	defer func() { _ = far.Close() }()
	go func() {
		_, _ = io.Copy(far, near)
		if tcp, ok := far.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	_, _ = io.Copy(near, far)
}

func (s *service) dial() (net.Conn, error) {
	s.mu.Lock()
	s.turn++
	candidates := slices.Concat(s.replicas[s.turn%len(s.replicas):], s.replicas[:s.turn%len(s.replicas)])
	s.mu.Unlock()
	for _, p := range candidates {
		if !ready(p.addresses.HTTP) {
			continue
		}
		if conn, err := net.Dial("tcp", p.addresses.Query); err == nil {
			return conn, nil // otherwise it has ended since
		}
	}
	return nil, errors.New("no replica is ready")
}

func ready(address string) bool {
	response, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
