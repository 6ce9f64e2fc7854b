package rpc

import (
	"bytes"
	"errors"
	"time"
)

// handle answers a frame, hands it to the pool, or is false where nobody who
// speaks Tars sent it.
func (c *Conn) handle(frame []byte) bool {
	call := &c.scratch.call
	*call = Call{conn: c, Received: c.received}
	err := call.decode(frame[lengthSize:])
	switch {
	case errors.Is(err, errNoRequest):
		c.server.observer.FrameRefused(ReasonHeader)
		return false
	case err != nil:
		c.server.observer.FrameRefused(ReasonHeader)
		c.refuse(call, CodeUndecodable, "request cannot be decoded: "+err.Error())
		return true
	}
	switch call.Version {
	case VersionTars:
		if !c.spokeTars.Load() {
			c.spokeTars.Store(true)
		}
	case VersionTUP, VersionJSON:
	default:
		c.server.observer.FrameRefused(ReasonVersion)
		c.refuse(call, CodeUndecodable, "protocol version is not spoken here")
		return true
	}
	c.handleCall(call, frame)
	return true
}

func (c *Conn) handleCall(call *Call, frame []byte) {
	s := c.listener.servants[string(call.name)]
	if s == nil {
		c.refuse(call, CodeUnknownServant, "no such servant on this port")
		c.observe(otherFunction, otherFunction, CodeUnknownServant)
		return
	}
	call.Servant = s.Name
	c.handleFor(s, call, frame)
}

// handleFor has a servant answer. A panic of one of its functions is answered
// like an error.
func (c *Conn) handleFor(s *servant, call *Call, frame []byte) {
	defer func() {
		if p := recover(); p != nil {
			err := c.server.panicked(s, call.Function, p)
			c.refuse(call, err.Code, err.Message)
			c.observe(s.Name, s.label(call.Function), err.Code)
		}
	}()
	switch {
	case string(call.Function) == pingFunction:
		c.reply(call, answer{})
		c.observe(s.Name, pingFunction, CodeSuccess)
	case !s.knows(call.Function):
		c.refuse(call, CodeUnknownFunction, "no such function")
		c.observe(s.Name, otherFunction, CodeUnknownFunction)
	case !c.permitted(s, s.Authorize, call):
	case call.Version == VersionTars && s.Inline != nil && c.answerInline(s, call):
	case s.Immediate != nil && s.Immediate(call):
		c.answerImmediately(s, call)
	case !c.permitted(s, s.Limit, call):
	default:
		c.enqueue(s, call, frame)
	}
}

// answerImmediately runs the generated dispatcher on the connection's goroutine.
func (c *Conn) answerImmediately(s *servant, call *Call) {
	p := &PooledCall{Call: *call}
	a := c.server.answerPooled(s, p, c.server.timeLeft(call))
	c.reply(call, a)
	c.observe(s.Name, s.label(call.Function), a.code)
}

// permitted asks a hook, if there is one, and answers the call where it refuses.
func (c *Conn) permitted(s *servant, hook func(*Call) error, call *Call) bool {
	if hook == nil {
		return true
	}
	err := hook(call)
	if err == nil {
		return true
	}
	a := answerFor(err)
	c.reply(call, a)
	c.observe(s.Name, s.label(call.Function), a.code)
	return false
}

// answerInline is true when the servant answered the call in line.
func (c *Conn) answerInline(s *servant, call *Call) bool {
	reply := &c.scratch.reply
	reply.reset()
	if !s.Inline(call, reply) {
		return false
	}
	a := reply.answer()
	c.reply(call, a)
	c.observe(s.Name, s.label(call.Function), a.code)
	return true
}

// enqueue hands a copy of the call to the pool, or answers that it is full.
func (c *Conn) enqueue(s *servant, call *Call, frame []byte) {
	if reason, message := c.offer(s, frame); reason != "" {
		c.refuse(call, CodeOverloaded, message)
		c.server.observer.CallRefused(reason)
		c.observe(s.Name, s.label(call.Function), CodeOverloaded)
	}
}

// offer gives why the pool does not take the call, "" where it does.
func (c *Conn) offer(s *servant, frame []byte) (reason, message string) {
	if !c.beginCall() {
		return ReasonCalls, "overloaded: too many calls on this connection"
	}
	if !c.server.hold(len(frame)) {
		c.endCall()
		return ReasonMemory, "overloaded: too many bytes of requests"
	}
	select {
	case c.server.queue <- job{conn: c, servant: s, frame: bytes.Clone(frame), received: c.received}:
		return "", ""
	default:
		c.server.release(len(frame))
		c.endCall()
		return ReasonQueue, "overloaded: too many calls wait"
	}
}

func (c *Conn) beginCall() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls >= c.server.options.MaxCallsPerConnection {
		return false
	}
	c.calls++
	return true
}

func (c *Conn) endCall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls--; c.calls == 0 {
		c.changed.Broadcast()
	}
}

func (c *Conn) refuse(call *Call, code int32, message string) {
	c.reply(call, answer{code: code, message: message})
}

// reply appends an answer to those that are written with the next flush.
func (c *Conn) reply(call *Call, a answer) {
	if !call.OneWay {
		c.scratch.out = appendAnswer(c.scratch.out, call, a)
	}
}

func (c *Conn) observe(servant, function string, code int32) {
	c.server.observer.CallDone(servant, function, code, time.Since(c.received), true)
}
