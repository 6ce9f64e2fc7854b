package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/routing/routingtest"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/tars"
)

// TestQueryConformance asks every recorded question over TCP from its address.
func TestQueryConformance(t *testing.T) {
	routingtest.CheckVectors(t, serveQuery(t, newLookups(seedTable(t, nil), fakeLocks(noLocks))))
}

// encodeArguments encodes string arguments with tags from 1.
func encodeArguments(arguments ...string) []byte {
	var body []byte
	for i, argument := range arguments {
		body = wire.AppendString(body, byte(i+1), argument)
	}
	return body
}

// dispatch answers a call by the generated code.
func dispatch(t testing.TB, l *lookups, call *rpc.PooledCall) ([]byte, error) {
	t.Helper()
	request := requestf.RequestPacket{
		IVersion: call.Version, SFuncName: string(call.Function), SBuffer: tools.ByteToInt8(bytes.Clone(call.Body)),
		Context: call.Context(),
	}
	var response requestf.ResponsePacket
	err := l.servant().Dispatch(rpc.WithCall(t.Context(), call), &request, &response)
	return tools.Int8ToByte(response.SBuffer), err
}

// TestQueryBodies: what is answered in line is byte for byte what generated
// code answers.
func TestQueryBodies(t *testing.T) {
	l := newLookups(seedTable(t, nil), fakeLocks(noLocks))
	for _, v := range routingtest.Vectors(t) {
		call := rpc.NewPooledCall(netip.AddrPortFrom(v.ClientIP, 1), v.Context)
		call.Function = []byte(v.Method)
		call.Body = encodeArguments(v.ID, v.Arg)
		want, err := dispatch(t, l, call)
		if err != nil {
			t.Fatalf("%s: %v", v.Name(), err)
		}
		answer, ok := look(l.table.Picture(), &call.Call)
		if !ok {
			t.Errorf("%s: not answered in line", v.Name())
		} else if got := answer.Body(); !bytes.Equal(got, want) {
			t.Errorf("%s:\n%x in line\n%x generated", v.Name(), got, want)
		}
	}
}

func TestQueryAllocatesNothing(t *testing.T) {
	l := newLookups(seedTable(t, nil), fakeLocks(noLocks))
	calls := make([]*rpc.PooledCall, 0, 400)
	for _, v := range routingtest.Vectors(t) {
		if v.Arg != "" && !bytes.Equal([]byte(v.Arg), bytes.Trim([]byte(v.Arg), ".")) {
			continue // dots at the end of a set id: nobody sends them
		}
		call := rpc.NewPooledCall(netip.AddrPortFrom(v.ClientIP, 1), v.Context)
		call.Function, call.Body = []byte(v.Method), encodeArguments(v.ID, v.Arg)
		calls = append(calls, call)
	}
	reply := new(rpc.Reply)
	allocations := testing.AllocsPerRun(10, func() {
		for _, call := range calls {
			if !l.inline(&call.Call, reply) {
				t.Fatalf("%s not answered in line", call.Function)
			}
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations for %d look-ups", allocations, len(calls))
	}
}

// TestQueryWithoutPicture: refused at once, never an empty list.
func TestQueryWithoutPicture(t *testing.T) {
	address := serveQuery(t, newLookups(routing.NewTable(routing.Options{}), fakeLocks(noLocks)))
	conn := routingtest.Dial(t, netip.MustParseAddr("127.0.0.1"), address)
	var active, inactive []tars.EndpointF
	var nodes []string
	for name, ask := range map[string]func(*tars.QueryF) error{
		"in line": func(q *tars.QueryF) error {
			_, err := q.FindObjectByIdInSameGroup("Conf.GrpY.Obj", &active, &inactive)
			return err
		},
		"on the pool": func(q *tars.QueryF) error {
			_, err := q.FindObjectNodeName("Conf.GrpY.Obj", &nodes)
			return err
		},
	} {
		err := ask(conn.Stub())
		refused, ok := errors.AsType[*routingtest.RefusedError](err)
		if !ok || refused.Code != rpc.CodeFailed || refused.Text != textNoPicture {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQueryUndecodable(t *testing.T) {
	address := serveQuery(t, newLookups(seedTable(t, nil), fakeLocks(noLocks)))
	conn := routingtest.Dial(t, netip.MustParseAddr("127.0.0.1"), address)
	for name, c := range map[string]struct {
		function string
		body     []byte
		code     int32
	}{
		"no arguments":          {"findObjectById4Any", nil, rpc.CodeUndecodable},
		"id is a number":        {"findObjectByIdInSameGroup", wire.AppendInt(nil, 1, 7), rpc.CodeUndecodable},
		"set id is missing":     {"findObjectByIdInSameSet", encodeArguments("A.B.C"), rpc.CodeUndecodable},
		"id longer than packet": {"findObjectById", []byte{0x16, 200, 'x'}, rpc.CodeUndecodable},
		"unknown function":      {"findObject", encodeArguments("A.B.C"), rpc.CodeUnknownFunction},
	} {
		conn.Send(c.function, c.body, nil, nil)
		if response := conn.Receive(); response.IRet != c.code || response.SResultDesc == "" {
			t.Errorf("%s: code %d, %q", name, response.IRet, response.SResultDesc)
		}
	}
}

// TestQueryJSON: the other protocol versions reach generated code.
func TestQueryJSON(t *testing.T) {
	address := serveQuery(t, newLookups(seedTable(t, nil), fakeLocks(noLocks)))
	conn := routingtest.Dial(t, netip.MustParseAddr("127.0.0.1"), address)
	conn.Version = rpc.VersionJSON
	conn.Send("findObjectByIdInSameGroup", []byte(`{"id":"Conf.GrpY.Obj"}`), nil, nil)
	response := conn.Receive()
	if response.IRet != 0 {
		t.Fatalf("code %d: %s", response.IRet, response.SResultDesc)
	}
	body := tools.Int8ToByte(response.SBuffer)
	var decoded struct {
		Code     int32            `json:"tars_ret"`
		Active   []tars.EndpointF `json:"activeEp"`
		Inactive []tars.EndpointF `json:"inactiveEp"`
	}
	if err := json.Unmarshal(body[bytes.IndexByte(body, '{'):], &decoded); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	// 127.0.0.1 is in group 1, as 10.31.0.1 and the inactive 10.31.0.2 are.
	if len(decoded.Active) != 1 || decoded.Active[0].Host != "10.31.0.1" || len(decoded.Inactive) != 1 {
		t.Errorf("%+v", decoded)
	}
}

func TestFindObjectNodeName(t *testing.T) {
	address := serveQuery(t, newLookups(seedTable(t, nil), fakeLocks(noLocks)))
	stub := routingtest.Dial(t, netip.MustParseAddr("127.0.0.1"), address).Stub()
	for id, want := range map[string][]string{
		"Conf.BakMix.Obj":            {"10.2.2.1", "10.2.2.2", "10.2.2.3", "10.2.2.4", "10.2.2.5"}, // standby and inactive ones too
		"Conf.Shared.Obj":            {"10.71.0.1", "10.71.0.2", "10.71.0.3"},
		"Reg.tarsregistry.QueryObj":  {"10.31.0.1", "10.32.0.1", "10.33.0.1", "10.33.0.2"},
		"Conf.DoesNotExist.Obj":      {},
		"Conf.DoesNotExist.Other":    {},
		"conf.bakmix.obj (no match)": {},
	} {
		var nodes []string
		code, err := stub.FindObjectNodeName(id, &nodes)
		if err != nil || code != 0 {
			t.Errorf("%s: code %d, %v", id, code, err)
		}
		if !slices.Equal(nodes, want) {
			t.Errorf("%s: nodes %v, want %v", id, nodes, want)
		}
	}
}

func TestGetLocker(t *testing.T) {
	var asked store.LockRequest
	result, failure := store.LockResult{Granted: true}, error(nil)
	locks := fakeLocks(func(r store.LockRequest) (store.LockResult, error) {
		asked = r
		return result, failure
	})
	address := serveQuery(t, newLookups(seedTable(t, nil), locks))
	stub := routingtest.Dial(t, netip.MustParseAddr("127.0.0.1"), address).Stub()
	good := tars.GetMasterSlaveLock{
		Application: "App", Server_name: "Server", Node_name: "10.0.0.1", IsMaster: true, LastErr: true, Timeout: 10_000, BakType: 1,
	}
	ask := func(change func(*tars.GetMasterSlaveLock)) int32 {
		t.Helper()
		request := good
		change(&request)
		code, err := stub.GetLocker(&request)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	same := func(*tars.GetMasterSlaveLock) {}
	if code := ask(same); code != 0 {
		t.Errorf("granted lock: %d", code)
	}
	want := store.LockRequest{
		Application: "App", Server: "Server", Node: "10.0.0.1",
		Master: true, LastError: true, Timeout: 10 * time.Second, SwitchRoutes: true,
	}
	if asked != want {
		t.Errorf("asked for %+v, want %+v", asked, want)
	}
	if ask(func(r *tars.GetMasterSlaveLock) { r.BakType = 2 }); asked.SwitchRoutes {
		t.Error("bakType 2 switches routes")
	}
	result.Granted = false
	if code := ask(same); code != 1 {
		t.Errorf("lock of another: %d", code)
	}
	failure = store.ErrUnavailable
	if code := ask(same); code != -1 {
		t.Errorf("database away: %d", code)
	}
	asked = store.LockRequest{}
	for name, spoil := range map[string]func(*tars.GetMasterSlaveLock){
		"no application": func(r *tars.GetMasterSlaveLock) { r.Application = "" },
		"no server":      func(r *tars.GetMasterSlaveLock) { r.Server_name = "" },
		"no node":        func(r *tars.GetMasterSlaveLock) { r.Node_name = "" },
		"bad name":       func(r *tars.GetMasterSlaveLock) { r.Server_name = "a'b" },
		"bakType 3":      func(r *tars.GetMasterSlaveLock) { r.BakType = 3 },
		"no timeout":     func(r *tars.GetMasterSlaveLock) { r.Timeout = 0 },
		"999 ms":         func(r *tars.GetMasterSlaveLock) { r.Timeout = 999 },
		"over 10 min":    func(r *tars.GetMasterSlaveLock) { r.Timeout = 600_001 },
	} {
		if code := ask(spoil); code != 2 {
			t.Errorf("%s: %d", name, code)
		}
	}
	if asked != (store.LockRequest{}) {
		t.Errorf("bad data reached the store: %+v", asked)
	}
}

// BenchmarkQueryInline is a look-up without the network: decoding, choosing and
// finding the encoded body.
func BenchmarkQueryInline(b *testing.B) {
	for _, size := range []struct{ servants, endpoints int }{{1000, 10}, {1, 1000}} {
		table := routing.NewTable(routing.Options{})
		table.Replace(routing.Contents{Instances: routingtest.Fleet(size.servants, size.endpoints)})
		l := newLookups(table, fakeLocks(noLocks))
		calls := make([]*rpc.PooledCall, size.servants)
		for i := range calls {
			calls[i] = rpc.NewPooledCall(netip.MustParseAddrPort("127.0.0.1:1"), map[string]string{contextNodeName: "10.0.0.1"})
			calls[i].Function = []byte("findObjectByIdInSameGroup")
			calls[i].Body = encodeArguments(routingtest.FleetServant(i))
		}
		b.Run(fmt.Sprintf("servants=%d/endpoints=%d", size.servants, size.endpoints), func(b *testing.B) {
			b.ReportAllocs()
			reply := new(rpc.Reply)
			for i := 0; b.Loop(); i++ {
				if !l.inline(&calls[i%len(calls)].Call, reply) {
					b.Fatal("not answered in line")
				}
			}
		})
	}
}

// FuzzQueryInline: nothing that can be sent is answered in line otherwise than
// by generated code.
func FuzzQueryInline(f *testing.F) {
	l := newLookups(seedTable(f, nil), fakeLocks(noLocks))
	functions := l.servant().Functions[:6]
	f.Add(0, encodeArguments("Conf.GrpY.Obj"), "")
	f.Add(3, encodeArguments("Conf.GrpY.Obj"), "10.33.0.200")
	f.Add(4, encodeArguments("Conf.GrpY.Obj", "SZ"), "")
	f.Add(5, encodeArguments("Conf.SetA.Obj", "a.b.1"), "x")
	f.Add(5, encodeArguments("Conf.SetA.Obj", ".a.b.*"), "x")
	f.Fuzz(func(t *testing.T, function int, body []byte, nodeName string) {
		call := rpc.NewPooledCall(netip.MustParseAddrPort("127.0.0.1:1"), map[string]string{contextNodeName: nodeName})
		call.Function = []byte(functions[uint(function)%uint(len(functions))])
		call.Body = body
		answer, ok := look(l.table.Picture(), &call.Call)
		if !ok {
			return
		}
		want, err := dispatch(t, l, call)
		if err != nil {
			t.Fatalf("answered in line, refused by generated code: %v", err)
		}
		if got := answer.Body(); !bytes.Equal(got, want) {
			t.Errorf("%x in line, %x generated", got, want)
		}
	})
}
