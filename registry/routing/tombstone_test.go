package routing

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

const tombstoneTime = 150 * time.Second

// clock is a monotonic clock that a test moves.
type clock struct{ now time.Duration }

func (c *clock) options() Options {
	return Options{Tombstone: tombstoneTime, Now: func() time.Duration { return c.now }}
}

func tombstoneOf(id int64, instance *naming.Instance) naming.Tombstone {
	return naming.Tombstone{ID: id, Key: instance.Key, Server: *instance.Server, Adapter: instance.Adapters[0]}
}

// TestR25 walks through the life of a tombstone.
func TestR25(t *testing.T) {
	c := &clock{now: time.Hour}
	one, two := instanceOn("10.0.0.1", 1), instanceOn("10.0.0.2", 2)
	one.Adapters[0].Endpoint += " -w 7"
	table := tableOf(c.options(), one, two)
	last := table.Picture().Any(obj).Active()[0]

	leave := func() { table.Apply([]*naming.Instance{removed(one)}, []naming.Tombstone{tombstoneOf(1, one)}) }
	leave()
	expect(t, table.Picture(), []string{"10.0.0.2:2"}, []string{"10.0.0.1:1"})
	if got := table.Picture().Any(obj).Inactive()[0]; got != last {
		t.Errorf("kept as %+v, was %+v", got, last)
	}
	if nodes := table.Picture().NodeNames(obj); !slices.Equal(nodes, []string{"10.0.0.2"}) {
		t.Errorf("deployed on %v", nodes)
	}

	// Seen again, by the feed and the comparison: one event.
	c.now += 149 * time.Second
	leave()
	table.Expire()
	expect(t, table.Picture(), []string{"10.0.0.2:2"}, []string{"10.0.0.1:1"})
	c.now += time.Second
	table.Expire()
	expect(t, table.Picture(), []string{"10.0.0.2:2"}, []string{})
	if n := table.Picture().Stats().Tombstones; n != 0 {
		t.Errorf("%d tombstones left", n)
	}
}

// TestR25RegisteredAgain: an endpoint of the same protocol, host, port and
// timeout ends the tombstone, wherever it comes from; others do not.
func TestR25RegisteredAgain(t *testing.T) {
	for name, again := range map[string]struct {
		endpoint string
		ends     bool
	}{
		"same":             {"tcp -h 10.0.0.1 -p 1 -t 60000", true},
		"other weight":     {"tcp -h 10.0.0.1 -p 1 -t 60000 -w 5", true},
		"other port":       {"tcp -h 10.0.0.1 -p 2 -t 60000", false},
		"other protocol":   {"udp -h 10.0.0.1 -p 1 -t 60000", false},
		"other timeout":    {"tcp -h 10.0.0.1 -p 1 -t 3000", false},
		"other host":       {"tcp -h 10.0.0.2 -p 1 -t 60000", false},
		"cannot be read":   {"tcp -h 10.0.0.1 -p 100000", false},
		"on another node":  {"tcp -p 1 -h 10.0.0.1 -t 60000", true},
		"standby is a row": {"tcp -h 10.0.0.1 -p 1 -t 60000 -e 0", true},
	} {
		t.Run(name, func(t *testing.T) {
			one := instanceOn("10.0.0.1", 1)
			table := tableOf((&clock{}).options(), one)
			stones := []naming.Tombstone{tombstoneOf(1, one)}
			table.Apply([]*naming.Instance{removed(one)}, stones)
			other := instanceOn("node-b", 1)
			other.Adapters[0].Endpoint = again.endpoint
			if name == "standby is a row" {
				other.Server.BakFlag = standby
			}
			table.Apply([]*naming.Instance{other}, nil)
			if got := table.Picture().Stats().Tombstones == 0; got != again.ends {
				t.Errorf("tombstone ended: %v", got)
			}
			// The removal seen late does not bring it back.
			table.Apply(nil, stones)
			if got := table.Picture().Stats().Tombstones == 0; got != again.ends {
				t.Errorf("tombstone ended, seen again: %v", got)
			}
		})
	}
}

// TestR25TakeOver: one transaction that removes an endpoint from one instance
// and gives it to another leaves no tombstone, in whatever order.
func TestR25TakeOver(t *testing.T) {
	one, other := instanceOn("10.0.0.1", 1), instanceOn("node-b", 1)
	other.Adapters[0].Endpoint = one.Adapters[0].Endpoint
	for _, batch := range [][]*naming.Instance{{removed(one), other}, {other, removed(one)}} {
		table := tableOf((&clock{}).options(), one)
		table.Apply(batch, []naming.Tombstone{tombstoneOf(1, one)})
		expect(t, table.Picture(), []string{"10.0.0.1:1"}, []string{})
		// And when that one leaves too, it has its own.
		table.Apply([]*naming.Instance{removed(other)}, []naming.Tombstone{tombstoneOf(2, other)})
		expect(t, table.Picture(), []string{}, []string{"10.0.0.1:1"})
		// The older one, seen late, changes nothing.
		table.Apply([]*naming.Instance{removed(one)}, []naming.Tombstone{tombstoneOf(1, one)})
		if got := table.Picture().Any(obj).Inactive(); len(got) != 1 || got[0].NodeName != "node-b" {
			t.Errorf("inactive %+v", got)
		}
	}
}

// TestR25Choice: steps are chosen from rows that exist; tombstones are appended
// where they would have matched.
func TestR25Choice(t *testing.T) {
	gone := instanceOn("10.1.0.1", 1) // group 1, set a.b.1
	gone.Server.EnableGroup = true
	gone.Server.EnableSet, gone.Server.SetName, gone.Server.SetArea, gone.Server.SetGroup = true, "a", "b", "1"
	grouped := instanceOn("10.2.0.1", 2)
	grouped.Server.EnableGroup = true
	grouped.Server.EnableSet, grouped.Server.SetName, grouped.Server.SetArea, grouped.Server.SetGroup = true, "a", "b", "*"
	table := NewTable((&clock{}).options())
	table.Replace(Contents{
		Instances:  []*naming.Instance{gone, grouped},
		Rules:      []naming.GroupRule{{ID: 1, AllowRule: "10.1.0.*"}, {ID: 2, AllowRule: "10.2.0.*"}},
		Priorities: []naming.GroupPriority{{ID: 1, Groups: "1", Station: "one"}, {ID: 2, Groups: "2", Station: "two", Order: 1}},
	})
	caller := Caller{Address: netip.MustParseAddr("10.1.0.9")}
	before := table.Picture()
	table.Apply([]*naming.Instance{removed(gone)}, []naming.Tombstone{tombstoneOf(1, gone)})
	for name, step := range map[string]struct {
		ask              func(*Picture) Answer
		code             int32
		active, inactive []string
	}{
		// The caller's group has nobody now: all, and the tombstone with them.
		"group":          {func(p *Picture) Answer { return p.InSameGroup(obj, caller) }, 0, []string{"10.2.0.1:2"}, []string{"10.1.0.1:1"}},
		"other group":    {func(p *Picture) Answer { return p.InSameGroup(obj, Caller{Name: "10.2.0.9"}) }, 0, []string{"10.2.0.1:2"}, []string{}},
		"station":        {func(p *Picture) Answer { return p.InSameStation(obj, "one") }, 0, []string{}, []string{"10.1.0.1:1"}},
		"other station":  {func(p *Picture) Answer { return p.InSameStation(obj, "two") }, 0, []string{"10.2.0.1:2"}, []string{}},
		"its set":        {func(p *Picture) Answer { return p.InSameSet(obj, "a.b.1", caller) }, 0, []string{"10.2.0.1:2"}, []string{}},
		"its area":       {func(p *Picture) Answer { return p.InSameSet(obj, "a.b.*", caller) }, 0, []string{"10.2.0.1:2"}, []string{"10.1.0.1:1"}},
		"no grouping":    {func(p *Picture) Answer { return p.Any(obj) }, 0, []string{"10.2.0.1:2"}, []string{"10.1.0.1:1"}},
		"active only":    {func(p *Picture) Answer { return p.ByID(obj) }, 0, []string{"10.2.0.1:2"}, []string{"10.1.0.1:1"}},
		"nobody's set":   {func(p *Picture) Answer { return p.InSameSet(obj, "a.c.1", caller) }, -1, []string{}, []string{}},
		"set of no name": {func(p *Picture) Answer { return p.InSameSet(obj, "x.b.1", caller) }, 0, []string{"10.2.0.1:2"}, []string{"10.1.0.1:1"}},
	} {
		a := step.ask(table.Picture())
		if a.Code() != step.code || !slices.Equal(addresses(a.Active()), step.active) || !slices.Equal(addresses(a.Inactive()), step.inactive) {
			t.Errorf("%s: %d %v %v", name, a.Code(), addresses(a.Active()), addresses(a.Inactive()))
		}
	}
	if got := addresses(before.InSameGroup(obj, caller).Active()); !slices.Equal(got, []string{"10.1.0.1:1"}) {
		t.Errorf("the picture before changed: %v", got)
	}
}

func TestR25NotKept(t *testing.T) {
	standing := func(change func(*naming.Tombstone)) naming.Tombstone {
		stone := tombstoneOf(1, instanceOn("10.0.0.1", 1))
		change(&stone)
		return stone
	}
	for name, stone := range map[string]naming.Tombstone{
		"standby":        standing(func(s *naming.Tombstone) { s.Server.BakFlag = standby }),
		"over":           standing(func(s *naming.Tombstone) { s.AgeMS = tombstoneTime.Milliseconds() }),
		"cannot be read": standing(func(s *naming.Tombstone) { s.Adapter.Endpoint = "nonsense" }),
	} {
		table := tableOf((&clock{}).options())
		table.Apply(nil, []naming.Tombstone{stone})
		if n := table.Picture().Stats().Tombstones; n != 0 {
			t.Errorf("%s: %d kept", name, n)
		}
	}
	off := tableOf(Options{})
	off.Apply(nil, []naming.Tombstone{tombstoneOf(1, instanceOn("10.0.0.1", 1))})
	if n := off.Picture().Stats().Tombstones; n != 0 {
		t.Errorf("switched off: %d kept", n)
	}
	few := (&clock{}).options()
	few.MaxTombstones = 2
	bounded := tableOf(few)
	for port := range 5 {
		bounded.Apply(nil, []naming.Tombstone{tombstoneOf(int64(1+port), instanceOn("10.0.0.1", port))})
	}
	if n := bounded.Picture().Stats().Tombstones; n != 2 {
		t.Errorf("bounded to 2: %d kept", n)
	}
}

// TestContents: tombstones keep their age over a restart.
func TestContents(t *testing.T) {
	c := &clock{now: time.Hour}
	gone, there := instanceOn("10.0.0.1", 1), instanceOn("10.0.0.2", 2)
	stone := tombstoneOf(1, gone)
	stone.AgeMS = 10_000
	given := Contents{
		Instances:  []*naming.Instance{there},
		Rules:      []naming.GroupRule{{ID: 1, Name: "g", AllowRule: "10.0.0.*"}},
		Priorities: []naming.GroupPriority{{ID: 1, Groups: "1"}},
		Registries: []naming.RegistryEntry{{Locator: "l", Servant: "s", Endpoint: "tcp -p 1"}},
		Tombstones: []naming.Tombstone{stone},
	}
	table := NewTable(c.options())
	table.Replace(given)
	c.now += 30 * time.Second
	got, _ := table.Contents()
	if got.Tombstones[0].AgeMS != 40_000 {
		t.Errorf("age %d ms", got.Tombstones[0].AgeMS)
	}
	if !slices.Equal(got.Instances, given.Instances) || !slices.Equal(got.Rules, given.Rules) ||
		!slices.Equal(got.Priorities, given.Priorities) || !slices.Equal(got.Registries, given.Registries) {
		t.Errorf("contents %+v", got)
	}
	restarted := NewTable((&clock{}).options())
	restarted.Replace(got)
	expect(t, restarted.Picture(), []string{"10.0.0.2:2"}, []string{"10.0.0.1:1"})
}

func TestRunEndsTombstones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := instanceOn("10.0.0.1", 1)
		table := tableOf(Options{Tombstone: tombstoneTime}, one)
		go table.Run(t.Context())
		table.Apply([]*naming.Instance{removed(one)}, []naming.Tombstone{tombstoneOf(1, one)})
		time.Sleep(tombstoneTime - time.Second)
		synctest.Wait()
		expect(t, table.Picture(), []string{}, []string{"10.0.0.1:1"})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		expect(t, table.Picture(), []string{}, []string{})
		if n := table.Picture().Stats().Objects; n != 0 {
			t.Errorf("%d objects left", n)
		}
	})
}
