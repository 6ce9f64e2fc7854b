//go:build unix

package bench

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"

	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
	"github.com/tarsregistry/tarsregistry/tars"
)

const (
	podObject   = "tars.tarsregistry.Registry"
	queryObject = "tars.tarsregistry.QueryObj"

	application = "Bench"
)

// instance is one pod of the fleet that is measured with: one server on a node of
// its own, with one adapter.
type instance struct {
	server string
	node   string
	uid    string
}

// fleet is a number of servers with so many instances each. Its first node has
// the number first, so that fleets can stand beside each other.
func fleet(prefix string, servers, each, first int) []instance {
	list := make([]instance, 0, servers*each)
	for i := range servers * each {
		n := first + i
		list = append(list, instance{
			server: fmt.Sprintf("%s%04dServer", prefix, i/each),
			node:   fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255),
			uid:    fmt.Sprintf("5f0f4a1e-7c3d-4b21-9d58-%012x", n),
		})
	}
	return list
}

func (i instance) object() string { return application + "." + i.server + ".MainObj" }

func (i instance) endpoint() string { return "tcp -h " + i.node + " -p 10000 -t 60000" }

// context is what our tarscli sends along.
func (i instance) context() map[string]string {
	return map[string]string{"tars-pod-uid": i.uid, "tars-pod-kind": "pod", "tars-beat-ms": "20000"}
}

// encodable is a structure of the generated code.
type encodable interface {
	WriteBlock(buf *codec.Buffer, tag byte) error
}

func encode(b *testing.B, tag byte, value encodable) []byte {
	b.Helper()
	buffer := codec.NewBuffer()
	if err := value.WriteBlock(buffer, tag); err != nil {
		b.Fatal(err)
	}
	return append([]byte(nil), buffer.ToBytes()...)
}

func onStartup(b *testing.B, i instance) load.Template {
	b.Helper()
	return i.register(b, "1.0.3")
}

func (i instance) register(b *testing.B, version string) load.Template {
	return i.request(b, "onStartup", &tars.OnStartupReq{
		NodeName: i.node, Application: application, Server: i.server, State: "active", Version: version,
		TemplateName: "tars.default", ServerType: "tars_go",
		Adapters: []tars.AdapterConf{{
			Servant: i.object(), Endpoint: i.endpoint(), Protocol: "tars",
			MaxConns: 100000, ThreadNum: 5, QueueCap: 50000, QueueTimeout: 20000,
		}},
	})
}

func keepAlive(b *testing.B, i instance) load.Template {
	b.Helper()
	return i.request(b, "keepAlive", &tars.KeepAliveReq{
		NodeName: i.node, State: "active", Application: application, Server: i.server,
	})
}

func registerMetrics(b *testing.B, i instance) load.Template {
	b.Helper()
	return i.request(b, "registerMetrics", &tars.RegisterMetricsReq{
		NodeName: i.node, Application: application, Server: i.server,
	})
}

func (i instance) request(b *testing.B, function string, argument encodable) load.Template {
	return load.NewTemplate(load.Request{
		Servant: podObject, Function: function, Body: encode(b, 1, argument), Context: i.context(), Timeout: 3000,
	})
}

// findObject is the look-up that TarsGo's clients make.
func findObject(b *testing.B, object string) load.Template {
	b.Helper()
	buffer := codec.NewBuffer()
	if err := buffer.WriteString(object, 1); err != nil {
		b.Fatal(err)
	}
	return load.NewTemplate(load.Request{
		Servant: queryObject, Function: "findObjectByIdInSameGroup", Body: buffer.ToBytes(), Timeout: 3000,
	})
}

// templates makes a request of each instance.
func templates(b *testing.B, list []instance, request func(*testing.B, instance) load.Template) []load.Template {
	b.Helper()
	made := make([]load.Template, len(list))
	for i := range list {
		made[i] = request(b, list[i])
	}
	return made
}

// around has each connection go around the requests, with a part of its own where
// there are enough.
func around(requests []load.Template, connections int) func(dst []byte, connection, n int, id int32) []byte {
	return func(dst []byte, connection, n int, id int32) []byte {
		return requests[(connection+n*connections)%len(requests)].Append(dst, id)
	}
}

// inOrder gives each request once, to whichever connection comes next.
func inOrder(requests []load.Template) func(dst []byte, connection, n int, id int32) []byte {
	var next atomic.Int64
	return func(dst []byte, _, _ int, id int32) []byte {
		return requests[next.Add(1)-1].Append(dst, id)
	}
}

// send makes each request once, as a preparation. On a machine that is very busy
// some take longer than the registry lets them; then all are made again.
func send(b *testing.B, address string, requests []load.Template) {
	b.Helper()
	const attempts = 5
	var failed int64
	for range attempts {
		result, err := load.Run(b.Context(), load.Options{
			Address: address, Connections: min(64, len(requests)), Calls: len(requests), Append: inOrder(requests),
		})
		if err != nil {
			b.Fatal(err)
		}
		if failed = result.Failed; failed == 0 {
			return
		}
	}
	b.Fatalf("%d of %d requests failed", failed, len(requests))
}
