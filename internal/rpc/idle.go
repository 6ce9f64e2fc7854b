package rpc

import "time"

// restAfter is how long a connection that was used is idle before it gets a new
// goroutine. The stack of a goroutine grows with what its handlers need and
// does not shrink to what waiting needs, which is less than a quarter of it.
const restAfter = 10 * time.Second

// watchIdle makes idle connections cheap, and closes them after IdleTimeout.
func (s *Server) watchIdle() {
	ticker := time.NewTicker(max(min(s.rest/4, s.options.IdleTimeout/8), time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-s.shutdown:
			return
		case <-ticker.C:
			now := time.Now()
			for _, c := range s.connections() {
				c.watch(now)
			}
		}
	}
}

// watch closes a connection that carried nothing for IdleTimeout, and has one
// that was used take a rest.
func (c *Conn) watch(now time.Time) {
	c.mu.Lock()
	busy := c.calls > 0 || c.draining
	c.mu.Unlock()
	idle := now.Sub(time.Unix(0, c.lastUsed.Load()))
	switch {
	case busy:
	case idle > c.server.options.IdleTimeout:
		c.abort(ReasonIdle)
	case idle > c.server.rest && c.worn.CompareAndSwap(true, false):
		c.wake()
	}
}

// wake makes the connection's goroutine return from reading with resting set.
// The deadline it disturbs is set again by resume. Where the goroutine sets a
// deadline itself at the same time it is not woken: it is not idle then.
func (c *Conn) wake() {
	c.resting.Store(true)
	_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // fails only where it is closed
}

// resume undoes what wake did to the deadline.
func (c *Conn) resume() {
	deadline := time.Time{}
	if c.midFrame {
		deadline = c.frameEnd
	}
	_ = c.raw.SetReadDeadline(deadline) // the next read tells
}
