package rpc

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// scarce is a listener that is short of file descriptors now and then.
type scarce struct {
	net.Listener
	mu       sync.Mutex
	failures []error
}

func (s *scarce) Accept() (net.Conn, error) {
	s.mu.Lock()
	if len(s.failures) > 0 {
		err := s.failures[0]
		s.failures = s.failures[1:]
		s.mu.Unlock()
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: err}
	}
	s.mu.Unlock()
	return s.Listener.Accept()
}

// TestAcceptGoesOn: want of file descriptors ends no listener and fills no log.
func TestAcceptGoesOn(t *testing.T) {
	opened, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	servants, err := newServants([]Servant{accepting().servant()})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	observed := newRecord()
	server := NewServer(Options{Observer: observed, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	fake := &scarce{Listener: opened, failures: []error{syscall.ECONNABORTED, syscall.EMFILE, syscall.EMFILE, syscall.EMFILE}}
	l := &listener{server: server, net: fake, servants: servants}
	var accepting sync.WaitGroup
	accepting.Go(l.accept)

	c := dial(t, opened.Addr().String())
	c.send(ping(t, 1))
	c.receive()
	_ = c.Close()
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	accepting.Wait()
	observed.await(t, "refused "+ReasonAccept, 3)
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines in the log: %s", n, &log)
	}
}

func TestShutdownDoesNotWaitForAccept(t *testing.T) {
	server := NewServer(Options{})
	l := &listener{server: server, net: &scarce{failures: []error{syscall.EMFILE}}}
	server.beginShutdown()
	if l.wait(maxAcceptPause) {
		t.Error("waited through a shutdown")
	}
}

func TestNewPooledCall(t *testing.T) {
	peer := netip.MustParseAddrPort("10.0.0.1:1234")
	call := NewPooledCall(peer, map[string]string{"tars-pod-uid": "u1"})
	found, ok := CallFromContext(WithCall(t.Context(), call))
	if !ok || found.Peer() != peer || found.Context()["tars-pod-uid"] != "u1" {
		t.Errorf("call %+v", found)
	}
	if value, ok := found.ContextValue("tars-pod-uid"); !ok || string(value) != "u1" {
		t.Errorf("context value %q", value)
	}
	found.SetStatus("tars-action", "left")
	if call.Status()["tars-action"] != "left" {
		t.Errorf("status %v", call.Status())
	}
	if err := found.Conn().Push(0, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Push: %v", err)
	}
	found.Conn().OnClose(func() { t.Error("ended") })()
	if _, ok := CallFromContext(t.Context()); ok {
		t.Error("found a call in a context without one")
	}
}
