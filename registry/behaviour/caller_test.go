package behaviour

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/model"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
	"github.com/tarsregistry/tarsregistry/tars"
)

// transport carries generated stubs' calls over a connection each, as old tarscli makes
// them. (TarsGo's own communicator is no part of what is tested here.)
type transport struct {
	model.Servant

	name    string
	address func() string
}

// TarsInvoke makes a stub's call.
func (w *transport) TarsInvoke(ctx context.Context, _ byte, function string, body []byte, status, requestContext map[string]string, answer *requestf.ResponsePacket) error {
	dialer := tarsclient.Dialer{Timeout: patience}
	response, err := dialer.Invoke(ctx, endpointOf(w.address()), tarsclient.Request{
		Servant: w.name, Function: function, Body: body, Context: requestContext, Status: status,
	})
	if err != nil {
		return err
	}
	answer.SBuffer = tools.ByteToInt8(response.Body)
	answer.Status, answer.Context = response.Status, response.Context
	return nil
}

func endpointOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address // the call will say what is wrong with it
	}
	return fmt.Sprintf("tcp -h %s -p %s -t 60000", host, port)
}

func (r *replica) pods() *tars.Tarsregistry {
	stub := tars.NewTarsregistry()
	stub.SetServant(&transport{name: "tars.tarsregistry.Registry", address: func() string { return r.registry.Addresses().Pod }})
	return stub
}

func (r *replica) lookups() *tars.QueryF {
	stub := tars.NewQueryF()
	stub.SetServant(&transport{name: "tars.tarsregistry.QueryObj", address: func() string { return r.registry.Addresses().Query }})
	return stub
}

// caller is somebody who speaks to a replica's Registry with some context.
type caller struct {
	r       *replica
	context map[string]string
}

// old is a caller that does not say who it is.
func (r *replica) old() caller { return caller{r: r} }

// as is a pod of our tarscli.
func (r *replica) as(uid string) caller {
	return caller{r, map[string]string{"tars-pod-uid": uid, "tars-pod-kind": "pod"}}
}

// host is a caller of our tarscli whose address is shared.
func (r *replica) host(uid string) caller {
	return caller{r, map[string]string{"tars-pod-uid": uid, "tars-pod-kind": "host"}}
}

// with adds a key to the context.
func (c caller) with(key, value string) caller {
	changed := maps.Clone(c.context)
	if changed == nil {
		changed = map[string]string{}
	}
	changed[key] = value
	return caller{c.r, changed}
}

// The methods give what the answer's status asks of the pod, tars-action mostly.

func (c caller) onStartup(req *tars.OnStartupReq) (map[string]string, error) {
	return c.call(func(stub *tars.Tarsregistry, context, status map[string]string) error {
		return stub.OnStartup(req, context, status)
	})
}

func (c caller) keepAlive(req *tars.KeepAliveReq) (map[string]string, error) {
	return c.call(func(stub *tars.Tarsregistry, context, status map[string]string) error {
		return stub.KeepAlive(req, context, status)
	})
}

func (c caller) onPrestop(req *tars.OnPrestopReq) (map[string]string, error) {
	return c.call(func(stub *tars.Tarsregistry, context, status map[string]string) error {
		return stub.OnPrestop(req, context, status)
	})
}

func (c caller) registerMetrics(req *tars.RegisterMetricsReq) (map[string]string, error) {
	return c.call(func(stub *tars.Tarsregistry, context, status map[string]string) error {
		return stub.RegisterMetrics(req, context, status)
	})
}

func (c caller) call(method func(stub *tars.Tarsregistry, context, status map[string]string) error) (map[string]string, error) {
	requestContext, status := map[string]string{}, map[string]string{}
	maps.Copy(requestContext, c.context)
	err := method(c.r.pods(), requestContext, status)
	return status, err
}

// patiently makes a call that must succeed, and gives the action that the answer
// asks for. On a machine that is busy with other tests the database may need
// longer than a pod is kept waiting (R27); then it tries again, as pods do.
func (c caller) patiently(call func() (map[string]string, error)) string {
	c.r.t.Helper()
	action, err := trying(call)
	if err != nil {
		c.r.t.Fatal(err)
	}
	return action
}

// trying is patiently for goroutines.
func trying(call func() (map[string]string, error)) (action string, err error) {
	for deadline := time.Now().Add(patience); ; {
		status, err := call()
		if err == nil {
			return status["tars-action"], nil
		}
		if _, text := refusal(err); time.Now().After(deadline) || !strings.Contains(text, "did not answer in time") {
			return "", err
		}
	}
}

// targets answers getMetricsAdapters, a line a target: application.server set target.
func (r *replica) targets(filter map[string]string) []string {
	r.t.Helper()
	var groups []tars.MetricsAdapterInfo
	if err := r.pods().GetMetricsAdapters(&tars.GetMetricsAdaptersReq{Filter: filter}, &groups); err != nil {
		r.t.Fatalf("getMetricsAdapters: %v", err)
	}
	var list []string
	for _, group := range groups {
		for _, target := range group.Targets {
			list = append(list, fmt.Sprintf("%s.%s [%s] %s", group.Labels["application"], group.Labels["server"], group.Labels["set"], target))
		}
	}
	return list
}

// refusal gives the code and sentence of a refused call.
func refusal(err error) (int32, string) {
	if refused, ok := errors.AsType[*tarsclient.ServerError](err); ok {
		return refused.Code, refused.Text
	}
	return 0, fmt.Sprint(err)
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, ":")
	return word
}

// must makes a call that has to succeed at once, and gives the action.
func must(t *testing.T, call func() (map[string]string, error)) string {
	t.Helper()
	status, err := call()
	if err != nil {
		t.Error(err)
	}
	return status["tars-action"]
}
