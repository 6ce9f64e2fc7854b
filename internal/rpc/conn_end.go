package rpc

import (
	"net"
	"time"
)

// end finishes the connection: answers are still written to a peer that asked
// and then closed its side, or when this server shuts down.
func (c *Conn) end(reason string) {
	defer c.server.remove(c)
	c.returnScratch()
	c.mu.Lock()
	if reason == ReasonPeer || reason == ReasonShutdown {
		for !c.closed && (c.calls > 0 || c.draining) {
			c.changed.Wait()
		}
	}
	gently := !c.closed && reason == ReasonShutdown
	if !c.closed {
		c.closed, c.reason = true, reason
		c.server.release(len(c.unsent))
		c.unsent = nil
		c.changed.Broadcast()
	}
	reason = c.reason
	hooks := c.hooks
	c.hooks = nil
	c.mu.Unlock()

	if gently {
		c.sayGoodbye()
	}
	closeQuietly(c.stream)
	for hook := range hooks {
		c.runHook(*hook)
	}
	c.server.observer.ConnectionClosed(reason)
}

// runHook keeps a panic of a hook from ending the process.
func (c *Conn) runHook(hook func()) {
	defer func() {
		if p := recover(); p != nil {
			c.server.panics.log(c.server.log, otherFunction, otherFunction, p)
		}
	}()
	hook()
}

// goodbye is how long a peer may take to notice that this side has closed.
const goodbye = 200 * time.Millisecond

// sayGoodbye closes this side and reads on for a moment: closing while the peer
// still sends would reset the connection and could destroy answers on their way.
func (c *Conn) sayGoodbye() {
	half, ok := c.stream.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	err := c.raw.SetReadDeadline(time.Now().Add(goodbye))
	for dropped := make([]byte, 512); err == nil; { // until the peer closes, or the deadline
		_, err = c.raw.Read(dropped)
	}
}

func (c *Conn) returnScratch() {
	s := c.scratch
	if s == nil {
		return
	}
	if len(s.in) > inSize {
		c.server.release(len(s.in))
	}
	c.scratch = nil
	c.server.memory.putScratch(s)
}

// abort closes the connection at once, whoever uses it.
func (c *Conn) abort(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abortLocked(reason)
}

func (c *Conn) abortLocked(reason string) {
	if c.closed {
		return
	}
	c.closed, c.reason = true, reason
	c.server.release(len(c.unsent))
	c.unsent = nil
	c.changed.Broadcast()
	if tcp, ok := c.raw.(*net.TCPConn); ok && reason != ReasonIdle {
		_ = tcp.SetLinger(0) // leave nothing behind in the kernel for a peer that does not read
	}
	closeQuietly(c.raw)
}

// OnClose has f called once when the connection has ended, on the connection's
// goroutine; where it has ended f is called at once. The function returned takes
// f off again.
func (c *Conn) OnClose(f func()) (stop func()) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		f()
		return func() {}
	}
	if c.hooks == nil {
		c.hooks = make(map[*func()]struct{})
	}
	c.hooks[&f] = struct{}{}
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.hooks, &f)
	}
}
