package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/rpc/guard"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

// job is a call that waits for a worker.
type job struct {
	conn     *Conn
	servant  *servant
	frame    []byte
	received time.Time
}

// work runs jobs until the queue is closed.
func (s *Server) work() {
	for j := range s.queue {
		s.run(j)
	}
}

// run answers a call, unless its caller has given up by now.
func (s *Server) run(j job) {
	defer j.conn.endCall()
	defer s.release(len(j.frame))
	p := &PooledCall{Call: Call{conn: j.conn, Received: j.received, Servant: j.servant.Name}}
	if err := p.decode(j.frame[lengthSize:]); err != nil {
		return // cannot be: it was decoded before
	}
	label := j.servant.label(p.Function)
	left := s.timeLeft(&p.Call)
	if left <= 0 || s.alive.Err() != nil {
		s.observer.CallDropped(j.servant.Name, label)
		return
	}
	a := s.answerPooled(j.servant, p, left)
	if !p.OneWay {
		s.sendAnswer(&p.Call, a)
	}
	s.observer.CallDone(j.servant.Name, label, a.code, time.Since(p.Received), false)
}

// timeLeft is how long a call may take now, not more than 0 when its caller
// has given up.
func (s *Server) timeLeft(call *Call) time.Duration {
	if call.Timeout == 0 {
		return s.options.CallTimeout
	}
	return min(call.Timeout-time.Since(call.Received), s.options.CallTimeout)
}

func (s *Server) answerPooled(to *servant, p *PooledCall, left time.Duration) answer {
	if err := guard.Check(p.Version, p.Body, s.options.Guard); err != nil {
		s.observer.FrameRefused(ReasonGuard)
		return answer{code: CodeUndecodable, message: "arguments cannot be decoded: " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(WithCall(s.alive, p), left)
	defer cancel()
	p.context = p.Call.context.strings()
	req := p.request()
	var resp requestf.ResponsePacket
	if err := s.dispatch(ctx, to, req, &resp); err != nil {
		a := answerFor(err)
		a.status = a.status.with(encodeMap(p.status))
		return a
	}
	for key, value := range resp.Status {
		p.SetStatus(key, value)
	}
	return answer{
		code:    resp.IRet,
		message: resp.SResultDesc,
		body:    tools.Int8ToByte(resp.SBuffer),
		status:  encodeMap(p.status),
	}
}

// request is the call as generated code wants it. Its buffer is the frame's.
func (p *PooledCall) request() *requestf.RequestPacket {
	return &requestf.RequestPacket{
		IVersion:     p.Version,
		CPacketType:  p.packetType,
		IMessageType: p.MessageType,
		IRequestId:   p.RequestID,
		SServantName: p.Servant,
		SFuncName:    string(p.Function),
		SBuffer:      tools.ByteToInt8(p.Body),
		ITimeout:     int32(p.Timeout / time.Millisecond),
		Context:      p.context,
		Status:       p.Call.status.strings(),
	}
}

func (s *Server) dispatch(ctx context.Context, to *servant, req *requestf.RequestPacket, resp *requestf.ResponsePacket) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(to, []byte(req.SFuncName), p)
		}
	}()
	return to.Dispatch(ctx, req, resp)
}

// sendAnswer sends the answer of a pooled call. A connection that takes no more
// is closed: its peer does not read what it asks for.
func (s *Server) sendAnswer(call *Call, a answer) {
	frame := s.memory.frame()
	defer s.memory.putFrame(frame)
	*frame = appendAnswer(*frame, call, a)
	if err := call.conn.send(*frame); errors.Is(err, ErrUnsent) {
		call.conn.abort(ReasonUnsent)
	}
}

func encodeMap(m map[string]string) stringMap {
	var entries []byte
	for key, value := range m {
		entries = wire.AppendString(wire.AppendString(entries, 0, key), 1, value)
	}
	return stringMap{entries: entries, n: len(m)}
}

// panicked counts and logs a handler's panic and is the error to answer with.
func (s *Server) panicked(to *servant, function []byte, value any) *Error {
	label := to.label(function)
	s.observer.Panicked(to.Name, label)
	s.panics.log(s.log, to.Name, label, value)
	return &Error{Code: CodeInternal, Message: "internal error"}
}

// panicPause is how long after a logged panic others are only counted, so that
// a request that is repeated does not fill a disk.
const panicPause = 10 * time.Second

type panicLog struct {
	mu         sync.Mutex
	last       time.Time
	suppressed int
}

func (p *panicLog) log(logger *slog.Logger, servant, function string, value any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.last.IsZero() || now.Sub(p.last) >= panicPause {
		logger.Error("handler panicked", "servant", servant, "function", function,
			"panic", fmt.Sprint(value), "suppressed", p.suppressed, "stack", string(debug.Stack()))
		p.last, p.suppressed = now, 0
		return
	}
	p.suppressed++
}
