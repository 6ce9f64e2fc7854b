package registryclient

import (
	"context"
	"errors"

	"github.com/TarsCloud/TarsGo/tars/model"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/basef"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/endpoint"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// Invoker makes one call to one endpoint; *tarsclient.Dialer is one. An answer
// that says no is a *tarsclient.ServerError, and comes with its status.
type Invoker interface {
	Invoke(ctx context.Context, endpoint string, request tarsclient.Request) (tarsclient.Response, error)
}

// servant puts the generated stubs on top of an Invoker, for one call at one
// endpoint.
type servant struct {
	invoker Invoker
	object  string
	at      naming.Endpoint
	status  map[string]string // of the answer
}

var _ model.Servant = (*servant)(nil)

// TarsInvoke makes the call of a stub.
func (s *servant) TarsInvoke(ctx context.Context, _ byte, function string, body []byte, status, requestContext map[string]string, answer *requestf.ResponsePacket) error {
	response, err := s.invoker.Invoke(ctx, s.at.String(), tarsclient.Request{
		Servant: s.object, Function: function, Body: body, Context: requestContext, Status: status,
	})
	s.status = response.Status
	if err != nil {
		return err
	}
	answer.SBuffer = tools.ByteToInt8(response.Body)
	answer.Context, answer.Status = response.Context, response.Status
	return nil
}

// Name is the object's name.
func (s *servant) Name() string { return s.object }

// TarsSetTimeout does nothing: the context's deadline counts.
func (s *servant) TarsSetTimeout(int) {}

// TarsSetProtocol does nothing: there is but one.
func (s *servant) TarsSetProtocol(model.Protocol) {}

// Endpoints is empty: who calls knows where.
func (s *servant) Endpoints() []*endpoint.Endpoint { return nil }

// SetPushCallback does nothing: nothing is pushed.
func (s *servant) SetPushCallback(func([]byte)) {}

// final tells whether the error is an answer that another replica would give
// too. One that is overloaded, too slow, or without the servant is not.
func final(err error) bool {
	var refused *tarsclient.ServerError
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case basef.TARSSERVERNOSERVANTERR, basef.TARSSERVERQUEUETIMEOUT, basef.TARSSERVEROVERLOAD:
		return false
	}
	return true
}
