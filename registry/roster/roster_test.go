package roster

import (
	"slices"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// recorder notes what a follower is told.
type recorder struct {
	changed    []*naming.Instance
	tombstones int
}

func (r *recorder) Follow(changed []*naming.Instance, tombstones []naming.Tombstone) {
	r.changed = append(r.changed, changed...)
	r.tombstones += len(tombstones)
}

func (r *recorder) take() int {
	n := len(r.changed)
	r.changed = nil
	return n
}

var key = naming.Key{Application: "App", Server: "Server", Node: "10.0.0.1"}

func at(revision int64, state naming.State) *naming.Instance {
	return &naming.Instance{
		Key:      key,
		Server:   &naming.Server{ID: 1, PresentState: state},
		Lease:    &naming.Lease{ID: 1, Revision: revision, State: naming.LeaseLive},
		Adapters: []naming.Adapter{{Name: "a", Endpoint: "tcp -h 10.0.0.1 -p 80"}},
	}
}

func list(instances ...*naming.Instance) []*naming.Instance { return instances }

func TestR22OnlyAGreaterRevisionCounts(t *testing.T) {
	told := &recorder{}
	r := New(told)
	r.Committed(list(at(2, naming.Active)), nil)
	r.Committed(list(at(1, naming.Inactive)), nil)
	if got := r.Get(key).Server.PresentState; got != naming.Active {
		t.Errorf("an older revision came through: %s", got)
	}
	r.Committed(list(at(3, naming.Inactive)), nil)
	if got := r.Get(key).Server.PresentState; got != naming.Inactive {
		t.Errorf("a newer revision did not come through: %s", got)
	}
	if got := told.take(); got != 2 {
		t.Errorf("followers were told of %d changes, want 2", got)
	}
}

func TestR22ANewLeaseRowBeginsAnew(t *testing.T) {
	r := New()
	r.Committed(list(at(9, naming.Active)), nil)
	anew := at(1, naming.Inactive)
	anew.Lease.ID = 2 // the old row was pruned
	r.Committed(list(anew), nil)
	if got := r.Get(key).Server.PresentState; got != naming.Inactive {
		t.Errorf("the registration after the old lease was forgotten did not come through: %s", got)
	}
	r.Committed(list(at(9, naming.Active)), nil)
	if got := r.Get(key).Server.PresentState; got != naming.Inactive {
		t.Errorf("the old lease came back: %s", got)
	}
}

func TestR24SeenThreeWaysIsOneChange(t *testing.T) {
	told := &recorder{}
	r := New(told)
	version := r.Version()
	r.Committed(list(at(1, naming.Active)), nil)         // own
	r.Committed(list(at(1, naming.Active)), nil)         // by the event log
	r.Compared(list(at(1, naming.Active)), nil, version) // by comparison
	if got := told.take(); got != 1 {
		t.Errorf("followers were told %d times, want once", got)
	}
}

func TestR23ComparisonUndoesNothing(t *testing.T) {
	r := New()
	r.Committed(list(at(5, naming.Active)), nil)
	before := r.Version()
	r.Committed(list(at(6, naming.Inactive)), nil)
	r.Compared(list(at(6, naming.Active)), nil, before)
	if got := r.Get(key).Server.PresentState; got != naming.Inactive {
		t.Errorf("a comparison that began earlier undid a change: %s", got)
	}
	r.Compared(list(at(5, naming.Active)), nil, r.Version())
	if got := r.Get(key).Revision(); got != 6 {
		t.Errorf("a comparison lowered the revision to %d", got)
	}
	r.Compared(list(at(6, naming.Active)), nil, r.Version())
	if got := r.Get(key).Server.PresentState; got != naming.Active {
		t.Errorf("another program's edit at the same revision is not seen: %s", got)
	}
	r.Compared(list(&naming.Instance{Key: key}), nil, r.Version())
	if r.Get(key) != nil {
		t.Error("an instance that is gone from the tables is still known")
	}
}

func TestR15NamesAreComparedAsTheCollationDoes(t *testing.T) {
	r := New()
	r.Committed(list(at(1, naming.Active)), nil)
	if r.Get(naming.Key{Application: "APP", Server: "server ", Node: "10.0.0.1 "}) == nil {
		t.Error("another spelling of the name finds nothing")
	}
	if got := r.OnNode("10.0.0.1 "); !slices.Equal(got, []naming.Key{key}) {
		t.Errorf("on the node: %v", got)
	}
}

func TestHolding(t *testing.T) {
	r := New()
	r.Committed(list(at(1, naming.Active)), nil)
	other := naming.Key{Application: "App", Server: "Other", Node: "elsewhere"}
	same := []naming.Adapter{{Endpoint: "tcp -h 10.0.0.1 -p 80 -t 1"}}
	if got := r.Holding(same, other); !slices.Equal(got, []naming.Key{key}) {
		t.Errorf("who holds the address: %v, want %v", got, key)
	}
	if got := r.Holding(same, key); len(got) != 0 {
		t.Errorf("an instance is in its own way: %v", got)
	}
	if got := r.Holding([]naming.Adapter{{Endpoint: "udp -h 10.0.0.1 -p 80"}}, other); len(got) != 0 {
		t.Errorf("udp and tcp do not share a port, but: %v", got)
	}
	gone := at(2, naming.Active)
	gone.Server, gone.Adapters = nil, nil
	r.Committed(list(gone), nil)
	if got := r.Holding(same, other); len(got) != 0 {
		t.Errorf("after it left somebody holds the address: %v", got)
	}
}

func TestTombstonesComeWithTheirChange(t *testing.T) {
	told := &recorder{}
	r := New(told)
	r.Committed(list(at(1, naming.Active)), nil)
	told.take()
	gone := at(2, naming.Active)
	gone.Server = nil
	r.Committed(list(gone), []naming.Tombstone{{Key: key}})
	if told.take() != 1 || told.tombstones != 1 {
		t.Errorf("the follower was told of %d tombstones", told.tombstones)
	}
}

// TestR13FewerAdaptersAreLookedAt: rows that were deleted before a replica could see
// it come back all the same, and a pod that has no adapters is looked at once only.
func TestR13FewerAdaptersAreLookedAt(t *testing.T) {
	bare := func(revision int64) *naming.Instance {
		i := at(revision, naming.Active)
		i.Adapters = nil
		return i
	}
	for name, arrive := range map[string]func(*Roster){
		"at the first load":           func(r *Roster) { r.Replace(list(bare(1))) },
		"with another one's change":   func(r *Roster) { r.Replace(list(at(1, naming.Active))); r.Committed(list(bare(2)), nil) },
		"with what was there on disk": func(r *Roster) { r.Replace(list(at(1, naming.Active))); r.Replace(list(bare(1))) },
	} {
		t.Run(name, func(t *testing.T) {
			r := New()
			arrive(r)
			if !r.Get(key).Torn {
				t.Fatal("a live instance without its adapters is taken for whole")
			}
			looked := bare(r.Get(key).Revision())
			r.Committed(list(looked), nil) // the heartbeat found nothing to bring back
			if r.Get(key).Torn {
				t.Error("an instance that has no adapters is looked at again and again")
			}
		})
	}
}

// TestTheFirstInstancesCountAsLaterOnes: those that an empty roster is filled with are
// found and told on as those that come one by one.
func TestTheFirstInstancesCountAsLaterOnes(t *testing.T) {
	other := at(1, naming.Active)
	other.Key.Server = "Other"
	told := &recorder{}
	r := New(told)
	held := r.Replace(list(at(1, naming.Active), other, &naming.Instance{Key: naming.Key{Server: "gone"}}))
	if len(held) != 2 || r.Len() != 2 || told.take() != 2 {
		t.Fatalf("of two instances it holds %d and gives %d", r.Len(), len(held))
	}
	if got := r.OnNode(key.Node); len(got) != 2 {
		t.Errorf("on the node: %v", got)
	}
	if got := r.Holding(other.Adapters, key); !slices.Equal(got, []naming.Key{other.Key}) {
		t.Errorf("at the address: %v", got)
	}
	if got := r.Changed(0, r.Version()); len(got) != 2 {
		t.Errorf("changed: %v", got)
	}
	again := at(1, naming.Inactive)
	if held := r.Replace(list(again)); !slices.Equal(held, list(again)) || told.take() != 2 {
		t.Errorf("after the second time it holds %v", held)
	}
}

// TestWhoIsOnANodeAndHoldsAnAddress: whichever of several leaves, the others are
// still found.
func TestWhoIsOnANodeAndHoldsAnAddress(t *testing.T) {
	for leaver := range 3 {
		r := New()
		var keys []naming.Key
		for _, server := range []string{"A", "B", "C"} {
			instance := at(1, naming.Active)
			instance.Key.Server = server
			keys = append(keys, instance.Key)
			r.Committed(list(instance), nil)
			r.Committed(list(instance.Clone()), nil) // again: it counts once
		}
		adapters := at(1, naming.Active).Adapters
		check := func(when string, want ...naming.Key) {
			t.Helper()
			for what, got := range map[string][]naming.Key{
				"on the node": r.OnNode("10.0.0.1"), "at the address": r.Holding(adapters, naming.Key{}),
			} {
				slices.SortFunc(got, naming.Key.Compare)
				if !slices.Equal(got, want) {
					t.Errorf("%s: %s are %v, want %v", when, what, got, want)
				}
			}
		}
		check("all there", keys...)
		if got := r.Holding(adapters, keys[leaver]); len(got) != 2 || slices.Contains(got, keys[leaver]) {
			t.Errorf("besides %s the address has %v", keys[leaver], got)
		}
		r.Compared(list(&naming.Instance{Key: keys[leaver]}), nil, r.Version())
		check("one gone", slices.Delete(slices.Clone(keys), leaver, leaver+1)...)
		for _, key := range keys {
			r.Compared(list(&naming.Instance{Key: key}), nil, r.Version())
		}
		check("all gone")
		if len(r.entries)+len(r.nodes)+len(r.addresses) != 0 {
			t.Errorf("left behind: %v %v %v", r.entries, r.nodes, r.addresses)
		}
	}
}

func TestHas(t *testing.T) {
	r := New()
	inactive := func(i *naming.Instance) bool { return i.Server.PresentState == naming.Inactive }
	if r.Has(inactive) {
		t.Error("an empty roster has one")
	}
	r.Committed(list(at(1, naming.Active)), nil)
	if r.Has(inactive) {
		t.Error("none is inactive")
	}
	r.Committed(list(at(2, naming.Inactive)), nil)
	if !r.Has(inactive) {
		t.Error("the inactive one is not found")
	}
}
