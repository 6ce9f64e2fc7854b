package routing

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/tars"
)

const obj = "App.Server.Obj"

// instanceOn makes an active instance with one adapter of that object on a node.
func instanceOn(node string, port int) *naming.Instance {
	return &naming.Instance{
		Key: naming.Key{Application: "App", Server: "Server", Node: node},
		Server: &naming.Server{
			SettingState: naming.Active, PresentState: naming.Active, FlowState: naming.Active,
		},
		Adapters: []naming.Adapter{{
			Name: obj + "Adapter", Servant: obj, Endpoint: fmt.Sprintf("tcp -h %s -p %d -t 60000", node, port),
		}},
		Lease: &naming.Lease{Revision: 1},
	}
}

func removed(instance *naming.Instance) *naming.Instance { return &naming.Instance{Key: instance.Key} }

func tableOf(options Options, instances ...*naming.Instance) *Table {
	table := NewTable(options)
	table.Replace(Contents{Instances: instances})
	return table
}

// addresses shows lists as host:port.
func addresses(list []tars.EndpointF) []string {
	result := make([]string, len(list))
	for i, e := range list {
		result[i] = fmt.Sprintf("%s:%d", e.Host, e.Port)
	}
	return result
}

// expect checks the lists of obj without grouping, in their order.
func expect(t *testing.T, p *Picture, active, inactive []string) {
	t.Helper()
	a := p.Any(obj)
	if got := addresses(a.Active()); !slices.Equal(got, active) {
		t.Errorf("active %v, want %v", got, active)
	}
	if got := addresses(a.Inactive()); !slices.Equal(got, inactive) {
		t.Errorf("inactive %v, want %v", got, inactive)
	}
}

func TestNoPictureBeforeTheFirstReplace(t *testing.T) {
	table := NewTable(Options{})
	table.Apply([]*naming.Instance{instanceOn("10.0.0.1", 1)}, nil)
	table.SetGroups([]naming.GroupRule{{ID: 1}}, nil)
	table.SetRegistries([]naming.RegistryEntry{{Servant: "S"}})
	table.Expire()
	if table.Picture() != nil {
		t.Error("a picture that is not whole was published")
	}
	if _, ok := table.Contents(); ok {
		t.Error("there are contents")
	}
	table.Replace(Contents{})
	if table.Picture() == nil {
		t.Error("no picture after Replace")
	}
}

// TestOrder: lists do not depend on the order of rows.
func TestOrder(t *testing.T) {
	instances := []*naming.Instance{
		instanceOn("10.0.0.1", 9), instanceOn("10.0.0.10", 9), instanceOn("10.0.0.2", 9), instanceOn("10.0.0.3", 10),
		instanceOn("10.0.0.4", 1), instanceOn("10.0.0.5", 1), instanceOn("10.0.0.6", 1),
	}
	// The same host twice: by port; the same endpoint on two nodes: by node.
	instances[5].Adapters[0].Endpoint = "tcp -h 10.0.0.3 -p 9 -t 60000"
	instances[6].Adapters[0].Endpoint = "tcp -h 10.0.0.4 -p 1 -t 60000"
	var want []byte
	for range 20 {
		rand.Shuffle(len(instances), func(i, j int) { instances[i], instances[j] = instances[j], instances[i] })
		table := tableOf(Options{}, instances[:3]...)
		for _, instance := range instances[3:] {
			table.Apply([]*naming.Instance{instance}, nil)
		}
		expect(t, table.Picture(), []string{
			"10.0.0.1:9", "10.0.0.10:9", "10.0.0.2:9", "10.0.0.3:9", "10.0.0.3:10", "10.0.0.4:1", "10.0.0.4:1",
		}, []string{})
		body := table.Picture().Any(obj).Body()
		if want != nil && !bytes.Equal(body, want) {
			t.Fatalf("bodies differ:\n%x\n%x", body, want)
		}
		want = body
	}
}

// TestKeysFold: an instance is known by its key without case and trailing
// blanks (R15), objects by their exact names.
func TestKeysFold(t *testing.T) {
	table := tableOf(Options{}, instanceOn("host-A", 1))
	again := instanceOn("HOST-a ", 2)
	again.Application = "APP"
	table.Apply([]*naming.Instance{again}, nil)
	expect(t, table.Picture(), []string{"HOST-a:2"}, []string{})
	if found, ok := table.Picture().Instance(naming.Key{Application: "app", Server: "server", Node: "host-a"}); !ok || found != again {
		t.Errorf("found %v, %v", found, ok)
	}
	if n := len(table.Picture().Any(strings.ToLower(obj)).Active()); n != 0 {
		t.Errorf("object found by another case: %d", n)
	}
	table.Apply([]*naming.Instance{removed(instanceOn("HOST-A", 1))}, nil)
	if stats := table.Picture().Stats(); stats != (Stats{}) {
		t.Errorf("left over: %+v", stats)
	}
}

// TestUnchangedKeepsAnswers: what does not change lists, such as a lease, does
// not cost prepared answers, and does not wake those who watch.
func TestUnchangedKeepsAnswers(t *testing.T) {
	first := instanceOn("10.0.0.1", 1)
	table := tableOf(Options{}, first)
	body := table.Picture().Any(obj).Body()
	var changes []Change
	defer table.Watch(func(c Change) { changes = append(changes, c) })()

	beaten := first.Clone()
	beaten.Lease.Revision = 2
	table.Apply([]*naming.Instance{beaten}, nil)
	if got := table.Picture().Any(obj).Body(); &got[0] != &body[0] {
		t.Error("the answer was encoded again")
	}
	if found, _ := table.Picture().Instance(first.Key); found != beaten {
		t.Error("the picture has the old instance")
	}
	if len(changes) != 0 {
		t.Errorf("watchers were told %v", changes)
	}
	version := table.Picture().Version()
	table.Apply(nil, nil)
	table.Apply([]*naming.Instance{removed(instanceOn("10.9.9.9", 1))}, nil)
	if table.Picture().Version() != version {
		t.Error("a publication without a change")
	}
}

func TestWatch(t *testing.T) {
	table := tableOf(Options{})
	var got []Change
	stop := table.Watch(func(c Change) { got = append(got, c) })
	instance := instanceOn("10.0.0.1", 1)
	instance.Adapters = append(instance.Adapters, naming.Adapter{Name: "b", Servant: "Other.Obj", Endpoint: "tcp -p 1"})
	table.Apply([]*naming.Instance{instance}, nil)
	table.SetGroups([]naming.GroupRule{{ID: 1, AllowRule: "10.0.0.1"}}, nil)
	table.SetGroups([]naming.GroupRule{{ID: 1, AllowRule: "10.0.0.1"}}, nil) // the same
	table.SetRegistries([]naming.RegistryEntry{{Locator: "10.0.0.9:1", Servant: "Reg.Obj", Endpoint: "tcp -p 2", PresentState: naming.Active}})
	table.SetRegistries([]naming.RegistryEntry{{Locator: "10.0.0.9:1", Servant: "Reg.Obj", Endpoint: "tcp -p 2", PresentState: naming.Active, Heartbeat: "now"}})
	stop()
	table.Apply([]*naming.Instance{removed(instance)}, nil)
	if len(got) != 3 {
		t.Fatalf("changes %+v", got)
	}
	slices.Sort(got[0].Objects)
	if !slices.Equal(got[0].Objects, []string{obj, "Other.Obj"}) || got[0].All {
		t.Errorf("after Apply: %+v", got[0])
	}
	if !got[1].All {
		t.Errorf("after SetGroups: %+v", got[1])
	}
	if !slices.Equal(got[2].Objects, []string{"Reg.Obj"}) {
		t.Errorf("after SetRegistries: %+v", got[2])
	}
}

// TestBadRows: they are skipped, counted, listed, and logged once per change.
func TestBadRows(t *testing.T) {
	var log bytes.Buffer
	options := Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	lines := func() int {
		n := strings.Count(log.String(), "row cannot be used")
		log.Reset()
		return n
	}
	bad := instanceOn("10.0.0.1", 1)
	bad.Adapters = append(bad.Adapters, naming.Adapter{Name: "bad", Servant: obj, Endpoint: "tcp -h 10.0.0.1 -p 99999"})
	holes := instanceOn("10.0.0.2", 2)
	holes.Server.EnableSet, holes.Server.SetName, holes.Server.SetGroup = true, "a", "1"
	table := tableOf(options, bad, holes)
	expect(t, table.Picture(), []string{"10.0.0.1:1", "10.0.0.2:2"}, []string{})
	if got := table.Picture().Any(obj).Active()[1].SetId; got != "a..1" {
		t.Errorf("set id sent as %q", got)
	}
	rows := table.Picture().BadRows()
	if len(rows) != 2 || rows[0].Adapter != "bad" || rows[0].Reason == "" || rows[1].Value != "a..1" {
		t.Errorf("bad rows %+v", rows)
	}
	if n := lines(); n != 2 {
		t.Errorf("%d lines logged", n)
	}
	same := bad.Clone()
	same.Lease.Revision++
	table.Apply([]*naming.Instance{same}, nil)
	table.Replace(Contents{Instances: []*naming.Instance{same, holes}})
	if n := lines(); n != 0 {
		t.Errorf("%d lines logged again", n)
	}
	worse := bad.Clone()
	worse.Adapters[1].Endpoint = "nonsense"
	table.Apply([]*naming.Instance{worse}, nil)
	if n := lines(); n != 1 {
		t.Errorf("%d lines logged after a change", n)
	}
	table.SetRegistries([]naming.RegistryEntry{{Locator: "10.0.0.9:1", Servant: "Reg.Obj", Endpoint: "nonsense"}})
	if n := lines(); n != 1 {
		t.Errorf("%d lines logged for t_registry_info", n)
	}
	if n := table.Picture().Stats().BadRows; n != 3 {
		t.Errorf("%d bad rows counted", n)
	}
	table.Apply([]*naming.Instance{removed(bad), instanceOn("10.0.0.2", 2)}, nil)
	table.SetRegistries(nil)
	if n := table.Picture().Stats().BadRows; n != 0 || len(table.Picture().BadRows()) != 0 {
		t.Errorf("%d bad rows left: %v", n, table.Picture().BadRows())
	}
}

// TestBodiesAreBounded: beyond the budget bodies are encoded for every reply,
// and what objects held is given back when they change.
func TestBodiesAreBounded(t *testing.T) {
	first := instanceOn("10.0.0.1", 1)
	table := tableOf(Options{MaxBodyBytes: 60}, first)
	kept := table.Picture().Any(obj).Body()
	if again := table.Picture().Any(obj).Body(); &again[0] != &kept[0] {
		t.Error("a small body is not kept")
	}
	held := table.Picture().Stats().BodyBytes
	if held != int64(len(kept)) {
		t.Errorf("%d bytes held for %d", held, len(kept))
	}
	over := table.Picture().InSameSet(obj, "a.b.c", Caller{}).Body()
	if again := table.Picture().InSameSet(obj, "a.b.c", Caller{}).Body(); &again[0] == &over[0] || !bytes.Equal(again, over) {
		t.Error("a body beyond the budget is kept, or another one")
	}
	for range 10 {
		table.Picture().Any("Unknown.Obj").Body()
	}
	for port := 2; port < 10; port++ { // each takes the place of the one before
		table.Apply([]*naming.Instance{instanceOn("10.0.0.1", port)}, nil)
		table.Picture().Any(obj).Body()
		table.SetGroups([]naming.GroupRule{{ID: int32(port)}}, nil)
		table.Picture().Any(obj).Body()
	}
	unknown := int64(len(table.Picture().Any("Unknown.Obj").Body()))
	if got := table.Picture().Stats().BodyBytes; got > held+unknown+2 {
		t.Errorf("%d bytes held after changes, %d before", got, held)
	}
}

// TestReadersAndWriters is for the race detector: look-ups during changes are
// whole, never a mixture.
func TestReadersAndWriters(t *testing.T) {
	table := tableOf(Options{Tombstone: time.Minute}, instanceOn("10.0.0.1", 1), instanceOn("10.0.0.2", 1))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			caller := Caller{Address: netip.MustParseAddr("10.0.0.1")}
			for {
				select {
				case <-stop:
					return
				default:
				}
				p := table.Picture()
				a := p.InSameGroup(obj, caller)
				if n := len(a.Active()) + len(a.Inactive()); n != 2 {
					t.Errorf("%d endpoints", n)
					return
				}
				a.Body()
				p.Explain(obj, caller, "")
			}
		})
	}
	for i := range 500 {
		// Both move at once, from one port to the next.
		batch := []*naming.Instance{instanceOn("10.0.0.1", i), instanceOn("10.0.0.2", i)}
		batch[i%2].Server.PresentState = naming.Inactive
		table.Apply(batch, nil)
		if i%50 == 0 {
			table.SetGroups([]naming.GroupRule{{ID: int32(i), AllowRule: "10.0.0.*"}}, nil)
		}
	}
	close(stop)
	readers.Wait()
}
