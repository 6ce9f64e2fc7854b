package rpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
)

// pingFunction is answered by every servant.
const pingFunction = "tars_ping"

// otherFunction stands in observations for functions that are not known.
const otherFunction = "other"

// Servant is a named set of functions on a listener. Its functions may be
// called from many goroutines at once.
type Servant struct {
	// Name is what clients ask for, such as App.Server.Obj.
	Name string
	// Functions are the names the servant has; others are answered with
	// CodeUnknownFunction. Empty: Dispatch decides.
	Functions []string
	// Authorize, when set, is asked before anything but tars_ping is done. An
	// *Error gives the code, any other error CodeFailed. It runs on the
	// connection's goroutine and must not block.
	Authorize func(*Call) error
	// Inline, when set, may answer a call of protocol version 1 from memory: on
	// the connection's goroutine, in order, without blocking. False hands the
	// call on, and then what was put into the Reply is dropped.
	Inline func(*Call, *Reply) bool
	// Immediate, when set, tells that Dispatch answers this call without
	// blocking: then it runs on the connection's goroutine, guarded as ever, and
	// never waits behind calls that do block. It is for look-ups that Inline
	// does not take, such as those of other protocol versions.
	Immediate func(*Call) bool
	// Limit, when set, is asked before a call goes to the pool, as Authorize is:
	// so a call beyond a limit is answered at once, however long the queue is.
	Limit func(*Call) error
	// Dispatch answers what Inline did not, on the pool: see Generated. The
	// context ends when the caller's iTimeout is over. An *Error gives iRet and
	// sResultDesc; other errors are CodeFailed with their text.
	Dispatch func(ctx context.Context, req *requestf.RequestPacket, resp *requestf.ResponsePacket) error
}

// Dispatcher is what tars2go generates for an interface.
type Dispatcher interface {
	Dispatch(ctx context.Context, servant any, req *requestf.RequestPacket, resp *requestf.ResponsePacket, withContext bool) error
}

// Generated makes a Servant's Dispatch of a generated dispatcher and an
// implementation of its …ServantWithContext interface.
func Generated(dispatcher Dispatcher, implementation any) func(context.Context, *requestf.RequestPacket, *requestf.ResponsePacket) error {
	return func(ctx context.Context, req *requestf.RequestPacket, resp *requestf.ResponsePacket) error {
		return dispatcher.Dispatch(ctx, implementation, req, resp, true)
	}
}

// servant is a Servant with its function names by name, so that a name found
// in a packet becomes a string without allocation.
type servant struct {
	Servant
	functions map[string]string
}

func newServants(list []Servant) (map[string]*servant, error) {
	if len(list) == 0 {
		return nil, errors.New("no servants")
	}
	servants := make(map[string]*servant, len(list))
	for _, s := range list {
		switch {
		case s.Name == "":
			return nil, errors.New("servant without a name")
		case s.Dispatch == nil:
			return nil, fmt.Errorf("servant %s: no Dispatch", s.Name)
		case servants[s.Name] != nil:
			return nil, fmt.Errorf("servant %s: given twice", s.Name)
		}
		functions := make(map[string]string, len(s.Functions))
		for _, name := range s.Functions {
			functions[name] = name
		}
		servants[s.Name] = &servant{Servant: s, functions: functions}
	}
	return servants, nil
}

// knows tells whether the servant may have a function.
func (s *servant) knows(function []byte) bool {
	return len(s.functions) == 0 || s.functions[string(function)] != ""
}

// label is the name of a function for observations.
func (s *servant) label(function []byte) string {
	if name := s.functions[string(function)]; name != "" {
		return name
	}
	return otherFunction
}
