package registry

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/TarsCloud/TarsGo/tars/util/tools"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/routing/routingtest"
)

// fakeReader is a connection that notes what is pushed to it, and when.
type fakeReader struct {
	mu     sync.Mutex
	refuse error
	pushed []string
	at     []time.Time
	closed []func()
}

func (f *fakeReader) Push(id int32, body []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return f.refuse
	}
	f.pushed = append(f.pushed, fmt.Sprintf("%d %s", id, body))
	f.at = append(f.at, time.Now())
	return nil
}

// set forgets what was pushed and refuses from now on, where refuse is not nil.
func (f *fakeReader) set(refuse error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse, f.pushed, f.at = refuse, nil, nil
}

func (f *fakeReader) all() ([]string, []time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pushed), slices.Clone(f.at)
}

func (f *fakeReader) OnClose(hook func()) func() {
	f.closed = append(f.closed, hook)
	return func() {}
}

func (f *fakeReader) close() {
	for _, hook := range f.closed {
		hook()
	}
}

// newsTable is a table whose servants change when a test says so.
type newsTable struct {
	*routing.Table
	step int
}

func newNewsTable() *newsTable {
	table := &newsTable{Table: routing.NewTable(routing.Options{})}
	table.Replace(routing.Contents{})
	return table
}

// change changes the servants of these servers of the fleet.
func (n *newsTable) change(servers ...int) {
	n.step++
	var instances []*naming.Instance
	for _, server := range servers {
		instance := routingtest.FleetInstance(server, 0)
		instance.Adapters[0].Endpoint += fmt.Sprintf(" -w %d", n.step)
		instances = append(instances, instance)
	}
	n.Apply(instances, nil)
}

func TestNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newNewsTable()
		n := newNews(table.Table)
		var one, two, every fakeReader
		for _, ok := range []bool{
			n.subscribe(&one, routingtest.FleetServant(1)), n.subscribe(&one, routingtest.FleetServant(2)),
			n.subscribe(&one, routingtest.FleetServant(1)), n.subscribe(&two, routingtest.FleetServant(2)),
			n.subscribe(&every, anyObject),
		} {
			if !ok {
				t.Fatal("refused")
			}
		}
		time.Sleep(time.Second)
		table.change(1, 3)
		synctest.Wait()
		time.Sleep(time.Millisecond) // a timer of no time
		expectPushed(t, "first", &one, "0 "+routingtest.FleetServant(1))
		expectPushed(t, "second", &two)
		expectPushed(t, "any", &every, "0 ")

		for range 500 { // for half a second
			table.change(1, 2)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		for name, r := range map[string]*fakeReader{"first": &one, "second": &two, "any": &every} {
			byObject := make(map[string]time.Time)
			pushed, at := r.all()
			for i, object := range pushed {
				if last, ok := byObject[object]; ok && at[i].Sub(last) < newsPace {
					t.Errorf("%s: %q pushed after %v", name, object, at[i].Sub(last))
				}
				byObject[object] = at[i]
			}
			// Six rounds of pushes fit into half a second, and none is missing.
			if rounds := len(pushed) / len(byObject); rounds < 5 || rounds > 8 {
				t.Errorf("%s: %d rounds", name, rounds)
			}
			r.set(nil)
		}
		table.SetGroups([]naming.GroupRule{{ID: 1}}, nil)
		time.Sleep(time.Second)
		expectPushed(t, "first", &one, "0 "+routingtest.FleetServant(1), "0 "+routingtest.FleetServant(2))
		expectPushed(t, "any", &every, "0 ")
		one.close()
		two.close()
		every.close()
		one.set(nil)
		table.change(1)
		time.Sleep(time.Second)
		expectPushed(t, "closed", &one)
		if len(n.readers)+len(n.byObject)+len(n.due)+n.total != 0 {
			t.Errorf("left over: %d readers, %d objects, %d due, %d in all", len(n.readers), len(n.byObject), len(n.due), n.total)
		}
	})
}

func expectPushed(t *testing.T, name string, r *fakeReader, want ...string) {
	t.Helper()
	pushed, _ := r.all()
	got := slices.Sorted(slices.Values(pushed))
	if !slices.Equal(got, want) {
		t.Errorf("%s: pushed %q, want %q", name, got, want)
	}
}

// TestNewsUnsent: what a connection does not take is pushed later.
func TestNewsUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newNewsTable()
		n := newNews(table.Table)
		slow := &fakeReader{refuse: rpc.ErrUnsent}
		n.subscribe(slow, routingtest.FleetServant(1))
		n.subscribe(slow, routingtest.FleetServant(2))
		table.change(1, 2)
		time.Sleep(time.Second)
		slow.set(nil)
		time.Sleep(time.Second)
		expectPushed(t, "slow", slow, "0 "+routingtest.FleetServant(1), "0 "+routingtest.FleetServant(2))
		slow.set(rpc.ErrClosed)
		table.change(1)
		time.Sleep(time.Second)
		slow.set(nil)
		time.Sleep(time.Second)
		expectPushed(t, "broken", slow)
	})
}

func TestNewsBounds(t *testing.T) {
	n := newNews(newNewsTable().Table)
	var greedy fakeReader
	for i := range maxSubscriptions {
		if !n.subscribe(&greedy, fmt.Sprint("Object", i)) {
			t.Fatalf("subscription %d refused", i)
		}
	}
	if n.subscribe(&greedy, "One.More") {
		t.Error("more than the bound")
	}
	if !n.subscribe(&greedy, "Object7") {
		t.Error("the same again is refused")
	}
	if n.subscribe(&fakeReader{}, string(make([]byte, maxObjectName+1))) {
		t.Error("an endless name is accepted")
	}
	if len(greedy.closed) != 1 {
		t.Errorf("%d hooks on one connection", len(greedy.closed))
	}
}

// TestRegisterQuery subscribes over TCP and reads the pushes.
func TestRegisterQuery(t *testing.T) {
	table := newNewsTable()
	l := newLookups(table.Table, fakeLocks(noLocks))
	conn := routingtest.Dial(t, netip.MustParseAddr("127.0.0.1"), serveQuery(t, l))
	if code, err := conn.Stub().RegisterQuery(routingtest.FleetServant(1), "client"); err != nil || code != 0 {
		t.Fatalf("registerQuery: %d, %v", code, err)
	}
	if code, err := conn.Stub().RegisterChange(map[string]string{}, "client"); err != nil || code != 0 {
		t.Fatalf("registerChange: %d, %v", code, err)
	}
	table.change(1)
	got := make(map[string]bool)
	for range 2 {
		push := conn.Receive()
		if push.IRequestId != 0 || push.IRet != 0 {
			t.Errorf("push with request id %d, code %d", push.IRequestId, push.IRet)
		}
		got[string(tools.Int8ToByte(push.SBuffer))] = true
	}
	if want := map[string]bool{"": true, routingtest.FleetServant(1): true}; !maps.Equal(got, want) {
		t.Errorf("pushed %v, want %v", got, want)
	}
	// The connection goes on answering.
	var nodes []string
	if _, err := conn.Stub().FindObjectNodeName(routingtest.FleetServant(1), &nodes); err != nil || len(nodes) != 1 {
		t.Errorf("look-up after pushes: %v, %v", nodes, err)
	}
}
