package behaviour

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
	"github.com/tarsregistry/tarsregistry/tars"
)

// inUse is how much memory is, after what is not needed has been given back.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// TestR29UnknownNamesTakeNoMemory: what nobody has registered is asked for, and
// beats, under ever new names; nothing of that is kept. It runs alone, for the
// memory's sake.
func TestR29UnknownNamesTakeNoMemory(t *testing.T) {
	d := sqlite(t)
	r := d.start()
	dialer := tarsclient.Dialer{Timeout: patience}
	dial := func(address string) *tarsclient.Conn {
		conn, err := dialer.Dial(t.Context(), endpointOf(address))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	invoke := func(conn *tarsclient.Conn, servant, function string, body []byte, requestContext map[string]string) {
		_, err := conn.Invoke(t.Context(), tarsclient.Request{Servant: servant, Function: function, Body: body, Context: requestContext})
		if refused := (*tarsclient.ServerError)(nil); err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
	}
	query, pods := dial(r.registry.Addresses().Query), dial(r.registry.Addresses().Pod)
	filler := strings.Repeat("x", 2000)
	round := func(from, to int) {
		for n := from; n < to; n++ {
			name := fmt.Sprint("App.Nobody", n, ".", filler)
			for _, function := range []string{"findObjectByIdInSameGroup", "findObjectById4Any", "findObjectById"} {
				invoke(query, "tars.tarsregistry.QueryObj", function, wire.AppendString(nil, 1, name), map[string]string{"node_name": name})
			}
			if n%20 == 0 { // these ask the database
				buffer := codec.NewBuffer()
				beat := tars.KeepAliveReq{NodeName: fmt.Sprint("10.11.0.", n), State: "active", Application: "App", Server: fmt.Sprint("Nobody", n)}
				if err := beat.WriteBlock(buffer, 1); err != nil {
					t.Fatal(err)
				}
				invoke(pods, podServant, "keepAlive", buffer.ToBytes(), map[string]string{"tars-pod-uid": fmt.Sprint("uid-", n)})
			}
		}
	}
	round(0, 500) // what is made at the first use is made now
	before := inUse()
	const names = 8000
	round(500, 500+names)
	if after, most := inUse(), before+names*500; after > most {
		t.Errorf("after %d unknown names %d kB are in use, %d kB before", names, after>>10, before>>10)
	}
	equal(t, "leases", d.text("SELECT COUNT(*) FROM t_registry_lease"), "0")
	equal(t, "nodes", d.text("SELECT COUNT(*) FROM t_node_info"), "0")
}
