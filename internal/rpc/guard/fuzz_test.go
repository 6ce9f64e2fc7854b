package guard_test

import (
	"bytes"
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/rpc/guard"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/tars"
)

// Implementations that do nothing: what is tried is the generated code before them.
type (
	nothingPods  struct{}
	nothingQuery struct{}
	nothingNode  struct{}
)

func (nothingPods) OnStartup(context.Context, *tars.OnStartupReq) error             { return nil }
func (nothingPods) OnPrestop(context.Context, *tars.OnPrestopReq) error             { return nil }
func (nothingPods) KeepAlive(context.Context, *tars.KeepAliveReq) error             { return nil }
func (nothingPods) RegisterMetrics(context.Context, *tars.RegisterMetricsReq) error { return nil }
func (nothingPods) GetMetricsAdapters(context.Context, *tars.GetMetricsAdaptersReq, *[]tars.MetricsAdapterInfo) error {
	return nil
}

type endpoints = []tars.EndpointF

func (nothingQuery) FindObjectById(context.Context, string) (endpoints, error) { return nil, nil }
func (nothingQuery) FindObjectById4Any(context.Context, string, *endpoints, *endpoints) (int32, error) {
	return 0, nil
}
func (nothingQuery) FindObjectById4All(context.Context, string, *endpoints, *endpoints) (int32, error) {
	return 0, nil
}
func (nothingQuery) FindObjectByIdInSameGroup(context.Context, string, *endpoints, *endpoints) (int32, error) {
	return 0, nil
}
func (nothingQuery) FindObjectByIdInSameStation(context.Context, string, string, *endpoints, *endpoints) (int32, error) {
	return 0, nil
}
func (nothingQuery) FindObjectByIdInSameSet(context.Context, string, string, *endpoints, *endpoints) (int32, error) {
	return 0, nil
}
func (nothingQuery) FindObjectNodeName(context.Context, string, *[]string) (int32, error) {
	return 0, nil
}
func (nothingQuery) RegisterQuery(context.Context, string, string) (int32, error) { return 0, nil }
func (nothingQuery) RegisterChange(context.Context, map[string]string, string) (int32, error) {
	return 0, nil
}
func (nothingQuery) GetLocker(context.Context, *tars.GetMasterSlaveLock) (int32, error) {
	return 0, nil
}

func (nothingNode) ReportNode(context.Context, *tars.ReportNode) (int32, error) { return 0, nil }
func (nothingNode) RegisterNode(context.Context, string, *tars.NodeInfo, *tars.LoadInfo) (int32, error) {
	return 0, nil
}
func (nothingNode) KeepAlive(context.Context, string, *tars.LoadInfo) (int32, error) { return 0, nil }
func (nothingNode) GetServers(context.Context, string, string, string) ([]tars.ServerDescriptor, error) {
	return nil, nil
}
func (nothingNode) UpdateServer(context.Context, string, string, string, *tars.ServerStateInfo) (int32, error) {
	return 0, nil
}
func (nothingNode) UpdateServerBatch(context.Context, []tars.ServerStateInfo) (int32, error) {
	return 0, nil
}
func (nothingNode) DestroyNode(context.Context, string) (int32, error) { return 0, nil }
func (nothingNode) ReportVersion(context.Context, string, string, string, string) (int32, error) {
	return 0, nil
}
func (nothingNode) GetNodeTemplate(context.Context, string, *string) (int32, error) { return 0, nil }
func (nothingNode) GetClientIp(context.Context, *string) (int32, error)             { return 0, nil }
func (nothingNode) UpdatePatchResult(context.Context, *tars.PatchResult) (int32, error) {
	return 0, nil
}
func (nothingNode) GetDockerRegistry(context.Context, *[]tars.DockerRegistry) (int32, error) {
	return 0, nil
}
func (nothingNode) DockerPull(context.Context, string) (int32, error) { return 0, nil }
func (nothingNode) GetFrameworkKey(context.Context, *tars.FrameworkKey) (int32, error) {
	return 0, nil
}

// target is a generated function.
type target struct {
	function string
	dispatch func(*requestf.RequestPacket, *requestf.ResponsePacket) error
}

func targets() []target {
	pods := func(req *requestf.RequestPacket, resp *requestf.ResponsePacket) error {
		return tars.NewTarsregistry().Dispatch(context.Background(), nothingPods{}, req, resp, true)
	}
	query := func(req *requestf.RequestPacket, resp *requestf.ResponsePacket) error {
		return tars.NewQueryF().Dispatch(context.Background(), nothingQuery{}, req, resp, true)
	}
	node := func(req *requestf.RequestPacket, resp *requestf.ResponsePacket) error {
		return tars.NewRegistry().Dispatch(context.Background(), nothingNode{}, req, resp, true)
	}
	return []target{
		{"onStartup", pods}, {"onPrestop", pods}, {"keepAlive", pods}, {"registerMetrics", pods}, {"getMetricsAdapters", pods},
		{"findObjectById", query}, {"findObjectByIdInSameSet", query}, {"registerChange", query}, {"getLocker", query},
		{"registerNode", node}, {"updateServer", node}, {"updateServerBatch", node}, {"updatePatchResult", node},
	}
}

// FuzzGeneratedReaders gives what the guard lets pass to all dispatchers: they
// must not panic, nor allocate out of proportion.
func FuzzGeneratedReaders(f *testing.F) {
	functions := targets()
	for _, seed := range seeds(f) {
		for _, version := range []byte{1, 3, 5} {
			for i := range functions {
				f.Add(version, byte(i), seed)
			}
		}
	}
	f.Fuzz(func(t *testing.T, version, index byte, body []byte) {
		if guard.Check(int16(version), body, guard.Limits{}) != nil {
			return
		}
		to := functions[int(index)%len(functions)]
		if allocated, bound := to.allocates(int16(version), body), allowed(body); allocated > bound {
			t.Errorf("%s allocated %d bytes, %d allowed for %d", to.function, allocated, bound, len(body))
		}
	})
}

// allocates is how many bytes a generated function allocates for a body.
func (to target) allocates(version int16, body []byte) uint64 {
	req := requestf.RequestPacket{IVersion: version, SFuncName: to.function, SBuffer: tools.ByteToInt8(body)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_ = to.dispatch(&req, &requestf.ResponsePacket{}) // most bodies are none of its arguments
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// allowed is what a body may make a generated function allocate.
func allowed(body []byte) uint64 {
	const free, perByte = 1 << 20, 100
	return uint64(free + perByte*len(body))
}

// TestWorstBodies has generated functions read the most greedy bodies that pass.
func TestWorstBodies(t *testing.T) {
	padding := wire.AppendString(nil, 0, make([]byte, 600<<10)) // pays for the elements, then is skipped
	zeros := append(wire.AppendListHead(padding, 1, 60_000), bytes.Repeat([]byte{byte(wire.Zero)}, 60_000)...)
	entries := wire.AppendMapHead(padding, 1, 60_000)
	for i := range 60_000 {
		entries = wire.AppendString(wire.AppendString(entries, 0, strconv.Itoa(i)), 1, "")
	}
	objects := []byte(`{"x":"` + strings.Repeat("x", 600<<10) + `","serverInfos":[` + strings.Repeat("{},", 29_000) + `{}],"timestamp":{}}`)
	for version, body := range map[int16][]byte{1: zeros, 5: objects} {
		if err := guard.Check(version, body, guard.Limits{}); err != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		for _, to := range targets() {
			if allocated, bound := to.allocates(version, body), allowed(body)/4; allocated > bound {
				t.Errorf("version %d, %s allocated %d bytes for %d", version, to.function, allocated, len(body))
			}
		}
	}
	if err := guard.Check(1, entries, guard.Limits{}); err != nil {
		t.Fatal(err)
	}
	for _, to := range targets() {
		if allocated, bound := to.allocates(1, entries), allowed(entries)/4; allocated > bound {
			t.Errorf("%s allocated %d bytes for a map of %d", to.function, allocated, len(entries))
		}
	}
}

// seeds are bodies that some function takes, and some that none should be given.
func seeds(f *testing.F) [][]byte {
	write := func(w interface {
		WriteBlock(buf *codec.Buffer, tag byte) error
	}) []byte {
		buf := codec.NewBuffer()
		if err := w.WriteBlock(buf, 1); err != nil {
			f.Fatal(err)
		}
		return buf.ToBytes()
	}
	startup := write(&tars.OnStartupReq{NodeName: "n", Application: "A", Server: "B", Adapters: []tars.AdapterConf{{Servant: "A.B.C", Endpoint: "tcp -p 1"}}})
	states := wire.AppendListHead(nil, 1, 1)
	states = append(states, 0x0a, 0x0c, 0x1c, 0x68, 0x00, 1, 0x06, 1, 'a', 0x16, 1, 'b', 0x0b)
	timestamps := wire.AppendString(wire.AppendString(wire.AppendMapHead(nil, 1, 1), 0, "A.B.C"), 1, "1")
	return [][]byte{
		startup,
		states,
		append(timestamps, wire.AppendString(nil, 2, "name")...),
		write(&tars.GetMetricsAdaptersReq{Filter: map[string]string{"a": "b"}}),
		wire.AppendBytes(wire.AppendString(wire.AppendMapHead(nil, 0, 1), 0, "req"), 1, startup),
		[]byte(`{"req":{"nodeName":"n","adapters":[{},{}]},"serverInfos":[{}],"id":"x"}`),
		{0x1a, 0x49, 0x00, 0xff, 0x0b},
		append(wire.AppendListHead(nil, 1, 1000), make([]byte, 1000)...),
	}
}
