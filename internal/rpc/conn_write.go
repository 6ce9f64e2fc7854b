package rpc

import (
	"errors"
	"os"
	"time"
)

// Push sends a response packet that answers no request, such as news a client
// subscribed to: protocol version 1, code 0. It does not wait for the peer: it
// is ErrUnsent while too much waits for the peer to read already, and ErrClosed
// once the connection is closed.
func (c *Conn) Push(requestID int32, body []byte) error {
	if c.server == nil {
		return ErrClosed
	}
	frame := c.server.memory.frame()
	defer c.server.memory.putFrame(frame)
	*frame = appendPush(*frame, requestID, body, "")
	return c.send(*frame)
}

// send writes b now as far as the peer takes it, and leaves the rest to a
// goroutine with a deadline. It never blocks.
func (c *Conn) send(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrClosed
	case c.draining && len(c.unsent) > c.server.options.MaxUnsent:
		return ErrUnsent
	case c.draining:
		return c.keep(b)
	}
	n, err := c.tryWrite(b)
	if err != nil {
		c.abortLocked(ReasonPeer)
		return ErrClosed
	}
	if n == len(b) {
		return nil
	}
	if err := c.keep(b[n:]); err != nil {
		c.abortLocked(ReasonMemory) // half of b is written
		return ErrClosed
	}
	c.draining = true
	go c.drain()
	return nil
}

// keep appends b to what is unsent. c.mu is held.
func (c *Conn) keep(b []byte) error {
	if !c.server.hold(len(b)) {
		return ErrUnsent
	}
	c.unsent = append(c.unsent, b...)
	return nil
}

// flush writes the answers of the connection's goroutine and waits until
// everything, those of the pool included, is written: who does not read answers
// is not read from either. It tells why the connection is to end, if so.
func (c *Conn) flush() (reason string) {
	s := c.scratch
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.draining && !c.closed {
		c.changed.Wait()
	}
	if c.closed {
		return c.reason
	}
	if len(s.out) == 0 {
		return ""
	}
	n, err := c.tryWrite(s.out)
	if err != nil {
		return ReasonPeer
	}
	if rest := s.out[n:]; len(rest) > 0 {
		if !c.server.hold(len(rest)) {
			c.abortLocked(ReasonMemory) // half of an answer is written
			return ReasonMemory
		}
		c.draining = true
		c.mu.Unlock()
		c.write(rest)
		c.server.release(len(rest))
		c.drain()
		c.mu.Lock()
	}
	s.out = s.out[:0]
	if c.closed {
		return c.reason
	}
	return ""
}

// tryWrite writes what the socket takes at once; nothing where that cannot be
// tried. c.mu is held.
func (c *Conn) tryWrite(b []byte) (int, error) {
	if c.socket == nil {
		return 0, nil
	}
	c.toWrite = b
	err := c.socket.Write(c.onWritable)
	c.toWrite = nil
	if err == nil {
		err = c.writeError
	}
	return c.writeCount, err
}

// drain writes what is unsent until nothing is left or the connection closed.
// Only one does so at a time: who set draining.
func (c *Conn) drain() {
	for {
		c.mu.Lock()
		b := c.unsent
		c.unsent = nil // empty where the connection is closed
		if len(b) == 0 {
			c.draining = false
			c.changed.Broadcast()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.write(b)
		c.server.release(len(b))
	}
}

// write writes b with a deadline; a failure closes the connection.
func (c *Conn) write(b []byte) {
	err := c.raw.SetWriteDeadline(time.Now().Add(c.server.options.WriteTimeout))
	if err == nil {
		_, err = c.stream.Write(b)
	}
	if err == nil {
		err = c.raw.SetWriteDeadline(time.Time{})
	}
	switch {
	case err == nil:
		c.lastUsed.Store(time.Now().UnixNano())
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.abort(ReasonWriteTimeout)
	default:
		c.abort(ReasonPeer)
	}
}
