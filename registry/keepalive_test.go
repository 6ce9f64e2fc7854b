package registry

import (
	"testing"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/tars"
)

func encodeKeepAlive(t testing.TB, req tars.KeepAliveReq) []byte {
	t.Helper()
	buffer := codec.NewBuffer()
	if err := req.WriteBlock(buffer, 1); err != nil {
		t.Fatal(err)
	}
	return buffer.ToBytes()
}

func TestDecodeKeepAlive(t *testing.T) {
	for _, test := range []struct {
		req  tars.KeepAliveReq
		want bool
	}{
		{tars.KeepAliveReq{NodeName: "10.0.0.1", State: "active", Application: "App", Server: "Server"}, true},
		{tars.KeepAliveReq{NodeName: "10.0.0.1", State: ""}, true},
		{tars.KeepAliveReq{NodeName: "10.0.0.1", State: "deactivating", Application: "App", Server: "Server"}, true},
		{tars.KeepAliveReq{NodeName: "10.0.0.1", State: "Active", Application: "App", Server: "Server"}, false},
		{tars.KeepAliveReq{NodeName: "10.0.0.1", State: "active", Application: "App"}, false},
		{tars.KeepAliveReq{NodeName: "", State: "active", Application: "App", Server: "Server"}, false},
	} {
		call := rpc.Call{Body: encodeKeepAlive(t, test.req)}
		beat, ok := decodeKeepAlive(&call)
		if ok != test.want {
			t.Errorf("%+v: taken %v, want %v", test.req, ok, test.want)
			continue
		}
		if ok && (string(beat.Node) != test.req.NodeName || string(beat.Application) != test.req.Application || string(beat.Server) != test.req.Server) {
			t.Errorf("%+v reads as %q %q %q", test.req, beat.Node, beat.Application, beat.Server)
		}
	}
}

// FuzzDecodeKeepAlive: what is answered in line is what generated code would have
// read.
func FuzzDecodeKeepAlive(f *testing.F) {
	f.Add(encodeKeepAlive(f, tars.KeepAliveReq{NodeName: "10.0.0.1", State: "active", Application: "App", Server: "Server"}))
	f.Add(encodeKeepAlive(f, tars.KeepAliveReq{NodeName: "10.0.0.1"}))
	f.Fuzz(func(t *testing.T, body []byte) {
		beat, ok := decodeKeepAlive(&rpc.Call{Body: body})
		if !ok {
			return
		}
		var req tars.KeepAliveReq
		if err := req.ReadBlock(codec.NewReader(body), 1, true); err != nil {
			t.Fatalf("taken in line, but generated code says: %v", err)
		}
		state, err := naming.ParseReported("state", req.State)
		if err != nil || state != beat.State || req.NodeName != string(beat.Node) ||
			req.Application != string(beat.Application) || req.Server != string(beat.Server) {
			t.Errorf("in line %+v, generated %+v (%v)", beat, req, err)
		}
	})
}
