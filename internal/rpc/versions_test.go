package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/protocol/tup"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/tars"
)

// tupBody is the arguments of a TUP call.
func tupBody(t *testing.T, name string, argument tup.TarsStructIF) []byte {
	t.Helper()
	buf := codec.NewBuffer()
	if err := argument.WriteBlock(buf, 0); err != nil {
		t.Fatal(err)
	}
	attributes := tup.NewUniAttribute()
	attributes.PutBuffer(name, buf.ToBytes())
	body := codec.NewBuffer()
	if err := attributes.Encode(body); err != nil {
		t.Fatal(err)
	}
	return body.ToBytes()
}

// receiveTUP reads the answer to a TUP call, which is laid out as a request.
func (c *client) receiveTUP() requestf.RequestPacket {
	c.t.Helper()
	packet, err := c.frame()
	if err != nil {
		c.t.Fatalf("read an answer: %v", err)
	}
	var resp requestf.RequestPacket
	if err := resp.ReadFrom(codec.NewReader(packet)); err != nil {
		c.t.Fatalf("decode an answer: %v", err)
	}
	return resp
}

func TestTUP(t *testing.T) {
	impl := accepting()
	impl.keepAlive = func(_ context.Context, req *tars.KeepAliveReq) error {
		if req.NodeName != "10.0.0.1" {
			return errors.New("which node?")
		}
		return nil
	}
	s := impl.servant()
	s.Inline = func(*Call, *Reply) bool { panic("arguments of TUP are not laid out for inline handlers") }
	_, address := startServer(t, Options{}, s)
	c := dial(t, address)

	call := func(function string, body []byte) requestf.RequestPacket {
		req := request(7, function, body)
		req.IVersion = VersionTUP
		req.Context = map[string]string{"node_name": "n", TokenKey: "secret"}
		c.send(encode(t, req))
		resp := c.receiveTUP()
		if resp.IVersion != VersionTUP || resp.IRequestId != 7 || resp.SFuncName != function || resp.SServantName != podObject {
			t.Errorf("answer %+v does not repeat the request", resp)
		}
		if len(resp.Context) != 1 || resp.Context["node_name"] != "n" {
			t.Errorf("context %v", resp.Context)
		}
		return resp
	}

	resp := call("getMetricsAdapters", tupBody(t, "req", &tars.GetMetricsAdaptersReq{Filter: map[string]string{"a": "b"}}))
	attributes := tup.NewUniAttribute()
	if err := attributes.Decode(codec.NewReader(tools.Int8ToByte(resp.SBuffer))); err != nil {
		t.Fatal(err)
	}
	var list []byte
	if err := attributes.GetBuffer("rsp", &list); err != nil || len(list) == 0 {
		t.Errorf("answer without rsp: %v", err)
	}
	if resp.Status[tupCode] != "0" {
		t.Errorf("status %v", resp.Status)
	}

	resp = call("keepAlive", tupBody(t, "req", &tars.KeepAliveReq{NodeName: "other"}))
	if resp.Status[tupCode] != "1" || resp.Status[tupMessage] != "which node?" {
		t.Errorf("status of a refusal %v", resp.Status)
	}
	resp = call("keepAlive", []byte{0xff})
	if resp.Status[tupCode] != "-1" {
		t.Errorf("status of garbage %v", resp.Status)
	}
}

// TestImmediateCallsDoNotWaitForThePool: look-ups of other versions come before SQL, too.
func TestImmediateCallsDoNotWaitForThePool(t *testing.T) {
	impl, begun, proceed := blocking()
	defer close(proceed)
	s := impl.servant()
	s.Immediate = func(call *Call) bool {
		if string(call.Function) == "registerMetrics" {
			panic("in a hook")
		}
		return string(call.Function) == "getMetricsAdapters"
	}
	_, address := startServer(t, Options{Workers: 1}, s)
	c := dial(t, address)
	c.send(startupCall(t, 1))
	<-begun
	req := request(2, "getMetricsAdapters", []byte(`{"req":{"filter":{"a":"b"}}}`))
	req.IVersion = VersionJSON
	c.send(encode(t, req))
	if resp := c.receive(); resp.IRequestId != 2 || resp.IRet != 0 || len(resp.SBuffer) == 0 {
		t.Errorf("answer to %d: %d %q", resp.IRequestId, resp.IRet, resp.SResultDesc)
	}
	c.send(encode(t, request(3, "registerMetrics", nil)))
	if resp := c.receive(); resp.IRequestId != 3 || resp.IRet != CodeInternal {
		t.Errorf("answer to %d: %d %q", resp.IRequestId, resp.IRet, resp.SResultDesc)
	}
}

func TestJSON(t *testing.T) {
	_, address := startServer(t, Options{}, accepting().servant())
	c := dial(t, address)
	tests := []struct {
		body string
		code int32
	}{
		{`{"req":{"filter":{"a":"b"}}}`, CodeSuccess},
		{`{"req":[1]}`, CodeUndecodable},
		{`{"req":`, CodeUndecodable},
		{`no JSON`, CodeUndecodable},
	}
	for _, test := range tests {
		req := request(7, "getMetricsAdapters", []byte(test.body))
		req.IVersion = VersionJSON
		c.send(encode(t, req))
		resp := c.receive()
		if resp.IRet != test.code || resp.IVersion != VersionJSON {
			t.Errorf("%s: code %d %q, version %d", test.body, resp.IRet, resp.SResultDesc, resp.IVersion)
		}
		if test.code != CodeSuccess {
			continue
		}
		var answer struct{ Rsp []tars.MetricsAdapterInfo }
		if err := json.Unmarshal(tools.Int8ToByte(resp.SBuffer), &answer); err != nil || answer.Rsp[0].Labels["a"] != "b" {
			t.Errorf("answer %s: %v", tools.Int8ToByte(resp.SBuffer), err)
		}
	}
}
