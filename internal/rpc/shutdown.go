package rpc

import (
	"context"
	"time"
)

// Shutdown stops the server: it accepts no connections and asks the clients it
// knows to go elsewhere (a packet with request id 0 and the text _reconnect_,
// which TarsGo and TarsCpp understand), serves them for Options.Linger or until
// they have gone, then reads no further, finishes the calls in flight, writes
// their answers and closes. When ctx ends first, what is left is cut off and
// the error of ctx returned. Further calls wait for the first.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.beginShutdown() {
		go s.finish()
		s.announce()
	}
	if !s.gone(ctx, s.options.Linger) {
		s.stopReading()
	}
	select {
	case <-s.finished:
		return nil
	case <-ctx.Done():
	}
	s.kill()
	for _, c := range s.connections() {
		c.abort(ReasonShutdown)
	}
	return ctx.Err()
}

// beginShutdown closes the listeners; false when that was done before.
func (s *Server) beginShutdown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.closed = true
	close(s.shutdown)
	for _, l := range s.listeners {
		if err := l.Close(); err != nil {
			s.log.Warn("closing a listener", "address", l.Addr().String(), "error", err)
		}
	}
	return true
}

// finish waits for the connections, then for the workers.
func (s *Server) finish() {
	s.connecting.Wait()
	close(s.queue)
	s.working.Wait()
	s.kill()
	close(s.finished)
}

// announce asks clients to go elsewhere.
func (s *Server) announce() {
	message := appendPush(nil, 0, nil, reconnectText)
	for _, c := range s.connections() {
		if c.spokeTars.Load() {
			// Whether it arrives or not: the connection is closed soon.
			_ = c.send(message)
		}
	}
}

// gone waits until all connections have ended, at most for so long.
func (s *Server) gone(ctx context.Context, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.finished:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// stopReading wakes every connection that waits for a frame. A connection looks
// at stopping after it has changed its deadline, so none can miss this.
func (s *Server) stopReading() {
	s.stopping.Store(true)
	for _, c := range s.connections() {
		_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // fails only where it is closed
	}
}
