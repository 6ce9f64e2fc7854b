package rpc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/tars"
)

func TestShutdownFinishesCallsInFlight(t *testing.T) {
	impl, begun, proceed := blocking()
	server, address := startServer(t, Options{Linger: time.Millisecond}, impl.servant())
	c := dial(t, address)
	c.send(startupCall(t, 1))
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- server.Shutdown(t.Context()) }()
	if resp := c.receive(); resp.IRequestId != 0 || resp.SResultDesc != reconnectText {
		t.Errorf("first word of a shutdown: id %d %q", resp.IRequestId, resp.SResultDesc)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("new connections are accepted")
	}
	close(proceed)
	if resp := c.receive(); resp.IRequestId != 1 || resp.IRet != 0 {
		t.Errorf("answer to %d: %d", resp.IRequestId, resp.IRet)
	}
	c.closed()
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
	if _, err := server.Listen(t.Context(), "tcp", "127.0.0.1:0", ListenOptions{}, impl.servant()); !errors.Is(err, ErrClosed) {
		t.Errorf("Listen afterwards: %v", err)
	}
}

func TestShutdownIsBounded(t *testing.T) {
	cancelled := make(chan struct{})
	begun := make(chan struct{})
	impl := accepting()
	impl.onStartup = func(ctx context.Context, _ *tars.OnStartupReq) error {
		close(begun)
		<-ctx.Done()
		close(cancelled)
		return ctx.Err()
	}
	server, address := startServer(t, Options{Linger: time.Millisecond}, impl.servant())
	c := dial(t, address)
	req := request(1, "onStartup", nil)
	req.SBuffer = startupArguments()
	req.ITimeout = 0
	c.send(encode(t, req))
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	<-cancelled
}

// TestShutdownUnderLoad: whatever was answered was answered rightly, clients
// that go elsewhere when asked lose nothing, and it ends.
func TestShutdownUnderLoad(t *testing.T) {
	server, address := startServer(t, Options{Linger: patience}, accepting().servant())
	var answered atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		c := dial(t, address)
		c.send(startupCall(t, 1)) // only who has spoken is asked to go
		if resp := c.receive(); resp.IRequestId != 1 || resp.IRet != 0 {
			t.Fatalf("answer to %d is %d", resp.IRequestId, resp.IRet)
		}
		group.Go(func() {
			for id := int32(2); ; id++ {
				c.send(startupCall(t, id))
				resp := c.receive()
				if resp.IRequestId == 0 && resp.SResultDesc == reconnectText {
					// Asked to go: the answer that is outstanding, then leave.
					resp = c.receive()
					_ = c.Close()
					if resp.IRequestId != id {
						t.Errorf("answer to %d, want %d", resp.IRequestId, id)
					}
					return
				}
				if resp.IRequestId != id || resp.IRet != 0 {
					t.Errorf("answer to %d is %d, want %d", resp.IRequestId, resp.IRet, id)
					return
				}
				answered.Add(1)
			}
		})
	}
	for answered.Load() < 1000 {
		time.Sleep(time.Millisecond)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	group.Wait()
}

// TestShutdownCutsOffWhoStays: a client that is asked to go and does not is
// answered while the linger lasts, and closed then.
func TestShutdownCutsOffWhoStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := NewServer(Options{Linger: 50 * time.Millisecond})
		connect := startPipes(t, server, ListenOptions{}, accepting().servant())
		stubborn, idle := connect(), connect()
		stubborn.send(ping(t, 1))
		stubborn.receive()
		began := time.Now() // of the bubble's clock
		ended := make(chan error, 1)
		go func() { ended <- server.Shutdown(t.Context()) }()
		stubborn.receive() // asked to go
		time.Sleep(49 * time.Millisecond)
		stubborn.send(ping(t, 2))
		if resp := stubborn.receive(); resp.IRequestId != 2 {
			t.Errorf("answer to %d", resp.IRequestId)
		}
		stubborn.closed()
		idle.closed()
		if err := <-ended; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(began); took != 50*time.Millisecond {
			t.Errorf("cut off after %v", took)
		}
	})
}

func TestTLS(t *testing.T) {
	certificate := selfSigned(t)
	config := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{certificate}}, nil
	}}
	_, address := startListener(t, NewServer(Options{}), ListenOptions{TLS: config}, accepting().servant())
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := newClient(t, conn)
	for range 3 {
		c.send(append(startupCall(t, 2), largePing(t)...)) // its id is 1
		first, second := c.receive(), c.receive()
		if first.IRequestId+second.IRequestId != 3 || first.IRet != 0 || second.IRet != 0 {
			t.Errorf("answers to %d and %d: %d, %d", first.IRequestId, second.IRequestId, first.IRet, second.IRet)
		}
	}

	observed := newRecord()
	impatient := NewServer(Options{Observer: observed, ReadTimeout: 50 * time.Millisecond})
	_, address = startListener(t, impatient, ListenOptions{TLS: config}, accepting().servant())
	dial(t, address).send([]byte("GET / HTTP/1.1\r\n"))
	observed.await(t, "closed "+ReasonHandshake, 1)
	dial(t, address) // silence
	observed.await(t, "closed "+ReasonHandshake, 2)
}

func TestHalfFrameInTLSIsClosedAfterTheReadTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		observed := newRecord()
		// Without tickets, which neither side reads from a pipe that holds nothing.
		config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, SessionTicketsDisabled: true}
		server := NewServer(Options{Observer: observed, ReadTimeout: time.Second})
		raw := startPipes(t, server, ListenOptions{TLS: config}, accepting().servant())()
		c := newClient(t, tls.Client(raw, &tls.Config{InsecureSkipVerify: true}))
		c.send(ping(t, 1)[:10])
		sent := time.Now() // of the bubble's clock
		c.closed()
		if took := time.Since(sent); took != time.Second {
			t.Errorf("closed after %v", took)
		}
		observed.await(t, "closed "+ReasonReadTimeout, 1)
	})
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"registry"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
