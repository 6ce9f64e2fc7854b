package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

// listener is a port and the servants that are asked for on it.
type listener struct {
	server   *Server
	net      net.Listener
	options  ListenOptions
	servants map[string]*servant
}

// Listen opens a port and answers calls for the servants on it until Shutdown;
// a servant that is asked for on another port is unknown there. ctx bounds the
// opening only. The address returned has the real port where 0 was asked for.
func (s *Server) Listen(ctx context.Context, network, address string, options ListenOptions, servants ...Servant) (net.Addr, error) {
	byName, err := newServants(servants)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	// Finds out about peers that vanished without a word.
	keepAlive := net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}
	config := net.ListenConfig{KeepAliveConfig: keepAlive}
	opened, err := config.Listen(ctx, network, address)
	if err != nil {
		return nil, err // names network and address
	}
	l := &listener{server: s, net: opened, options: options, servants: byName}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", address, ErrClosed), opened.Close())
	}
	s.start()
	s.listeners = append(s.listeners, opened)
	s.connecting.Go(l.accept)
	return opened.Addr(), nil
}

// accept starts a goroutine for each connection until the listener is closed.
// When accepting fails, most likely for want of file descriptors, it goes on
// after a pause and says so once.
func (l *listener) accept() {
	var pause time.Duration
	for {
		accepted, err := l.net.Accept()
		switch {
		case err == nil:
			pause = 0
			l.begin(accepted)
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, syscall.ECONNABORTED):
			// The peer gave up while it waited: nobody's fault.
		default:
			if pause == 0 {
				l.server.log.Error("accepting connections fails", "address", l.net.Addr().String(), "error", err)
			}
			l.server.observer.ConnectionRefused(ReasonAccept)
			pause = min(max(2*pause, minAcceptPause), maxAcceptPause)
			if !l.wait(pause) {
				return
			}
		}
	}
}

// wait is false when the server shuts down meanwhile.
func (l *listener) wait(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.server.shutdown:
		return false
	}
}

func (l *listener) begin(accepted net.Conn) {
	c := newConn(l, accepted)
	if reason := l.server.admit(c); reason != "" {
		l.server.observer.ConnectionRefused(reason)
		closeQuietly(accepted)
		return
	}
	go c.serve()
}

// closeQuietly closes what nothing more is expected of: its error has no consequence.
func closeQuietly(c net.Conn) { _ = c.Close() }
