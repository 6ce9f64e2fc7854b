package follow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/roster"
	"github.com/tarsregistry/tarsregistry/store"
)

// tables stands for the database: server rows with stamps, and an event log.
type tables struct {
	mu      sync.Mutex
	rows    map[naming.Key]*naming.Instance
	events  []naming.Event
	again   map[int64]bool // rows stamped just now
	lastID  int64
	reads   int // instances read by id or key
	looks   int // rows read by id
	wholes  int
	fail    error
	late    bool  // events show by their ids only
	half    error // what reading instances fails with, while the rest is read
	machine string

	nodes     map[string]int64 // ids by name
	nodeReads int
}

func newTables() *tables {
	return &tables{rows: map[naming.Key]*naming.Instance{}, again: map[int64]bool{}, machine: "one"}
}

// put is what another program does: a row with a new stamp.
func (s *tables) put(key naming.Key, state naming.State) {
	s.lastID++
	id := s.lastID
	if old := s.rows[key]; old != nil {
		id = old.Server.ID
	}
	s.rows[key] = &naming.Instance{Key: key, Server: &naming.Server{ID: id, Stamp: fmt.Sprint("t", s.lastID), PresentState: state}}
}

func (s *tables) LoadAll(context.Context) (*store.Snapshot, error) {
	s.sync()
	s.wholes++
	snapshot := &store.Snapshot{Stamps: s.stamps()}
	for _, instance := range s.rows {
		snapshot.Instances = append(snapshot.Instances, instance.Clone())
	}
	return snapshot, errors.Join(s.fail, s.half)
}

func (s *tables) LoadInstances(_ context.Context, keys []naming.Key) (*store.Part, error) {
	s.sync()
	part := &store.Part{}
	for _, key := range keys {
		s.reads++
		instance := s.rows[key]
		if instance == nil {
			instance = &naming.Instance{Key: key}
		}
		part.Instances = append(part.Instances, instance.Clone())
	}
	return part, errors.Join(s.fail, s.half)
}

func (s *tables) LoadByIDs(ctx context.Context, servers, _ []int64) (*store.Part, error) {
	s.sync()
	var keys []naming.Key
	for key, instance := range s.rows {
		if slices.Contains(servers, instance.Server.ID) {
			keys = append(keys, key)
		}
	}
	return s.LoadInstances(ctx, keys)
}

func (s *tables) Rows(_ context.Context, servers, _ []int64, visit store.RowVisitor) error {
	s.sync()
	for key, instance := range s.rows {
		if slices.Contains(servers, instance.Server.ID) {
			s.looks++
			visit.Server(key, instance.Clone().Server)
		}
	}
	return errors.Join(s.fail, s.half)
}

func (s *tables) Stamps(context.Context, *store.Stamps) (*store.Stamps, error) {
	s.sync()
	return s.stamps(), s.fail
}

func (s *tables) stamps() *store.Stamps {
	stamps := &store.Stamps{Server: s.machine}
	for _, instance := range s.rows {
		stamps.Servers = append(stamps.Servers, store.Stamp{
			ID: instance.Server.ID, Text: instance.Server.Stamp, Again: s.again[instance.Server.ID],
		})
	}
	slices.SortFunc(stamps.Servers, func(a, b store.Stamp) int { return cmp.Compare(a.ID, b.ID) })
	return stamps
}

func (s *tables) NodeNames(_ context.Context, known *store.NodeSum) ([]string, store.NodeSum, error) {
	s.sync()
	sum := s.nodeSum()
	if known != nil && *known == sum {
		return nil, sum, s.fail
	}
	s.nodeReads++
	return slices.Collect(maps.Keys(s.nodes)), sum, s.fail
}

func (s *tables) nodeSum() store.NodeSum {
	sum := store.NodeSum{Rows: int64(len(s.nodes))}
	for _, id := range s.nodes {
		sum.IDs += id
	}
	return sum
}

func (s *tables) SmallTables(context.Context) (*store.Small, error) { return &store.Small{}, s.fail }

func (s *tables) EventIDs(context.Context, time.Duration, string) (ids []int64, err error) {
	s.sync()
	for _, event := range s.events {
		ids = append(ids, event.ID)
	}
	return ids, s.fail
}

func (s *tables) EventsByID(_ context.Context, ids []int64) ([]naming.Event, error) {
	s.sync()
	wanted := func(event naming.Event) bool { return !s.late && slices.Contains(ids, event.ID) }
	return slices.DeleteFunc(slices.Clone(s.events), func(event naming.Event) bool { return !wanted(event) }), s.fail
}

func (s *tables) SetGroups([]naming.GroupRule, []naming.GroupPriority) {}
func (s *tables) SetRegistries([]naming.RegistryEntry)                 {}

func key(n int) naming.Key {
	return naming.Key{Application: "App", Server: fmt.Sprint("Server", n), Node: "10.0.0.1"}
}

func state(known *roster.Roster, n int) naming.State {
	instance := known.Get(key(n))
	if instance == nil || instance.Server == nil {
		return "gone"
	}
	return instance.Server.PresentState
}

// following runs a follower over the tables, in fake time.
func following(t *testing.T, s *tables, test func(known *roster.Roster, f *Follower)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		known := roster.New()
		f := New(s, known, s, Options{Logger: slog.New(slog.DiscardHandler)})
		if _, err := f.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()
		test(known, f)
		stop()
		<-done
	})
}

// sync tells the race detector that the follower sees what the test wrote before
// it let time pass.
func (s *tables) sync() {
	s.mu.Lock()
	s.mu.Unlock() //nolint:staticcheck // nothing to guard
}

// pass lets time go by until everything that is due has been done.
func (s *tables) pass(d time.Duration) {
	s.sync()
	time.Sleep(d)
	synctest.Wait()
}

func TestR22OtherReplicasChangesShowAtOnce(t *testing.T) {
	s := newTables()
	following(t, s, func(known *roster.Roster, _ *Follower) {
		s.put(key(1), naming.Active)
		s.events = append(s.events, naming.Event{ID: 7, Key: key(1)})
		s.pass(300 * time.Millisecond)
		if got := state(known, 1); got != naming.Active {
			t.Errorf("300 ms later the instance is %s", got)
		}
		// An event with a smaller id shows later: its transaction took longer.
		s.put(key(2), naming.Active)
		s.events = append(s.events, naming.Event{ID: 3, Key: key(2)})
		s.pass(300 * time.Millisecond)
		if got := state(known, 2); got != naming.Active {
			t.Errorf("the late event was missed: %s", got)
		}
	})
}

func TestR22AnEventIsTakenOnce(t *testing.T) {
	s := newTables()
	following(t, s, func(*roster.Roster, *Follower) {
		s.put(key(1), naming.Active)
		s.events = append(s.events, naming.Event{ID: 7, Key: key(1)})
		s.pass(2 * time.Second)
		if s.reads != 1 {
			t.Errorf("the instance was read %d times for one event", s.reads)
		}
	})
}

// TestR22AnEventThatCannotBeReadYetIsTakenLater: behind a proxy the id may come from
// one node of a cluster, and the question for the event go to another.
func TestR22AnEventThatCannotBeReadYetIsTakenLater(t *testing.T) {
	s := newTables()
	s.put(key(1), naming.Active)
	following(t, s, func(known *roster.Roster, _ *Follower) {
		s.put(key(1), naming.Inactive)
		s.events, s.late = append(s.events, naming.Event{ID: 7, Key: key(1)}), true
		s.pass(time.Second)
		s.late = false
		s.pass(time.Second)
		if got := state(known, 1); got != naming.Inactive {
			t.Errorf("the event was lost: the instance is %s", got)
		}
	})
}

func TestR23OtherProgramsWritesAreFound(t *testing.T) {
	s := newTables()
	s.put(key(1), naming.Active)
	s.put(key(2), naming.Active)
	following(t, s, func(known *roster.Roster, _ *Follower) {
		s.put(key(1), naming.Inactive)
		s.put(key(3), naming.Active)
		delete(s.rows, key(2))
		for n := 4; n < 10; n++ {
			s.put(key(n), naming.Active)
		}
		s.pass(3500 * time.Millisecond)
		for n, want := range map[int]naming.State{1: naming.Inactive, 2: "gone", 3: naming.Active} {
			if got := state(known, n); got != want {
				t.Errorf("instance %d is %s, want %s", n, got, want)
			}
		}
	})
}

func TestR23TheSameSecondHidesNothing(t *testing.T) {
	s := newTables()
	s.put(key(1), naming.Active)
	id := s.rows[key(1)].Server.ID
	following(t, s, func(known *roster.Roster, _ *Follower) {
		s.again[id] = true
		s.pass(3500 * time.Millisecond)
		s.rows[key(1)].Server.PresentState = naming.Inactive // and the stamp stays
		s.pass(3 * time.Second)
		if got := state(known, 1); got != naming.Inactive {
			t.Errorf("a second change within the stamp's second is not seen: %s", got)
		}
		s.rows[key(1)].Server.PresentState = naming.Activating
		s.again[id] = false
		s.pass(3 * time.Second)
		if got := state(known, 1); got != naming.Activating {
			t.Errorf("a change just before the stamp settled is not seen: %s", got)
		}
	})
}

func TestR23EverythingIsComparedAfterAnInterruption(t *testing.T) {
	s := newTables()
	s.put(key(1), naming.Active)
	following(t, s, func(known *roster.Roster, f *Follower) {
		wholes := s.wholes
		s.fail = errors.New("away")
		s.pass(10 * time.Second)
		if f.Status().Broken.IsZero() {
			t.Error("the status does not say that following is broken")
		}
		if got := state(known, 1); got != naming.Active {
			t.Errorf("with the database away the instance is %s", got)
		}
		s.rows[key(1)].Server.PresentState = naming.Inactive // unseen by stamp and event
		s.fail = nil
		s.pass(4 * time.Second)
		if s.wholes == wholes || state(known, 1) != naming.Inactive {
			t.Errorf("after the interruption: %d whole comparisons, state %s", s.wholes-wholes, state(known, 1))
		}
		if !f.Status().Broken.IsZero() {
			t.Error("the status still says broken")
		}
	})
}

func TestR23AnotherServerMeansAnotherLook(t *testing.T) {
	s := newTables()
	s.put(key(1), naming.Active)
	following(t, s, func(known *roster.Roster, _ *Follower) {
		s.machine = "two"
		s.rows[key(1)].Server.PresentState = naming.Inactive
		s.pass(7 * time.Second)
		if got := state(known, 1); got != naming.Inactive {
			t.Errorf("after a change of database server the instance is %s", got)
		}
	})
}

func TestR21MassRemovalIsDoubted(t *testing.T) {
	for _, test := range []struct {
		name    string
		removed int
		after   time.Duration
		want    naming.State // of instance 0
	}{
		{"a few at once", 3, 4 * time.Second, "gone"},
		{"many at first", 4, 9 * time.Second, naming.Active},
		{"many in the end", 4, 17 * time.Second, "gone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newTables()
			for n := range 10 {
				s.put(key(n), naming.Active)
			}
			following(t, s, func(known *roster.Roster, _ *Follower) {
				for n := range test.removed {
					delete(s.rows, key(n))
				}
				s.pass(test.after)
				if got := state(known, 0); got != test.want {
					t.Errorf("%s after %d of 10 were removed the first is %s, want %s", test.after, test.removed, got, test.want)
				}
			})
		})
	}
}

func TestR21WhatComesBackWasNeverGone(t *testing.T) {
	s := newTables()
	for n := range 10 {
		s.put(key(n), naming.Active)
	}
	following(t, s, func(known *roster.Roster, f *Follower) {
		kept := s.rows
		s.rows = map[naming.Key]*naming.Instance{}
		s.pass(7 * time.Second)
		if !f.Status().Doubting {
			t.Error("the status does not say that a removal is held back")
		}
		s.rows = kept
		s.pass(20 * time.Second)
		for n := range 10 {
			if got := state(known, n); got != naming.Active {
				t.Errorf("instance %d is %s", n, got)
			}
		}
	})
}

func TestR23OwnWritesAreNotReadAgain(t *testing.T) {
	s := newTables()
	for n := range 3 {
		s.put(key(n), naming.Active)
	}
	following(t, s, func(known *roster.Roster, _ *Follower) {
		s.pass(3500 * time.Millisecond)
		for n := range 5 { // three changed, two new
			s.put(key(n), naming.Inactive)
			s.again[s.rows[key(n)].Server.ID] = true
			known.Committed([]*naming.Instance{s.rows[key(n)].Clone()}, nil)
		}
		s.pass(3 * time.Second)
		clear(s.again)
		s.pass(3 * time.Second)
		if s.reads != 0 || s.looks != 10 {
			t.Errorf("%d instances were read that this replica wrote itself, and %d rows: want none, and each row while young and when settled", s.reads, s.looks)
		}
		looks := s.looks
		s.put(key(4), naming.Active) // somebody else's
		s.pass(3 * time.Second)
		if got := state(known, 4); got != naming.Active || s.reads != 1 {
			t.Errorf("what somebody else wrote over it is %s after %d reads", got, s.reads)
		}
		s.pass(20 * time.Second)
		if s.looks != looks+1 {
			t.Errorf("settled rows are looked at: %d times", s.looks-looks)
		}
	})
}

func TestMerge(t *testing.T) {
	// stamps are those of the ids 1, 2 and so on; a blank is no row.
	stamps := func(texts string) (list []store.Stamp) {
		for i, text := range texts {
			if text != ' ' {
				list = append(list, store.Stamp{ID: int64(i + 1), Text: string(text)})
			}
		}
		return list
	}
	for name, test := range map[string]struct{ previous, newer, want []store.Stamp }{
		"nothing new":  {stamps("a"), nil, stamps("a")},
		"first":        {nil, stamps("a"), stamps("a")},
		"over another": {stamps("abc"), stamps(" x"), stamps("axc")},
		"on all sides": {stamps(" b d"), stamps("x y z"), stamps("xbydz")},
	} {
		if got := merge(test.previous, test.newer); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestR13NodesAreReadWhenOneHasGone(t *testing.T) {
	s := newTables()
	s.nodes = map[string]int64{"10.0.0.1": 1, "10.0.0.2": 2}
	s.put(key(1), naming.Active)
	s.rows[key(1)].Lease = &naming.Lease{State: naming.LeaseLive, Revision: 1}
	s.rows[key(1)].Adapters = []naming.Adapter{{ID: 1, Name: "a"}}
	following(t, s, func(known *roster.Roster, _ *Follower) {
		s.pass(20 * time.Second)
		if s.nodeReads != 1 {
			t.Errorf("the nodes were read %d times, want once after the start", s.nodeReads)
		}
		delete(s.nodes, "10.0.0.2")
		s.pass(3 * time.Second)
		if s.nodeReads != 2 || known.Get(key(1)).Torn {
			t.Errorf("after another node's row had gone: %d reads, torn %v", s.nodeReads, known.Get(key(1)).Torn)
		}
		delete(s.nodes, "10.0.0.1")
		s.pass(3 * time.Second)
		if !known.Get(key(1)).Torn {
			t.Error("a pod's node has lost its row and nobody noticed")
		}
	})
}

// TestR23AStampOfAClockThatIsBehind: TarsWeb stamps whole seconds of a time zone of
// its own, so that two changes can have one stamp that does not look young.
func TestR23AStampOfAClockThatIsBehind(t *testing.T) {
	s := newTables()
	s.put(key(1), naming.Active)
	following(t, s, func(known *roster.Roster, _ *Follower) {
		s.pass(20 * time.Second)
		s.put(key(1), naming.Inactive)
		s.pass(3 * time.Second)
		if got := state(known, 1); got != naming.Inactive {
			t.Fatalf("after the first change the state is %s", got)
		}
		s.rows[key(1)].Server.PresentState = naming.Active // within the same second
		s.pass(3 * time.Second)
		if got := state(known, 1); got != naming.Active {
			t.Errorf("after the second change, with the same stamp, the state is %s", got)
		}
		reads := s.reads
		s.pass(20 * time.Second)
		if s.reads != reads {
			t.Errorf("%d instances were read while nothing happened", s.reads-reads)
		}
	})
}

// TestR27AnInterruptionIsSaidWhereverItBegins: the event log can still be read, the
// instances that it names cannot.
func TestR27AnInterruptionIsSaidWhereverItBegins(t *testing.T) {
	s := newTables()
	s.put(key(1), naming.Active)
	following(t, s, func(known *roster.Roster, f *Follower) {
		s.half = errors.New("away")
		s.put(key(1), naming.Inactive)
		s.events = append(s.events, naming.Event{ID: 7, Key: key(1)})
		s.pass(10 * time.Second)
		if f.Status().Broken.IsZero() || f.Status().Failure == "" {
			t.Errorf("the status does not say that following is broken: %+v", f.Status())
		}
		s.half = nil
		s.pass(4 * time.Second)
		if got := state(known, 1); got != naming.Inactive {
			t.Errorf("after the interruption the instance is %s", got)
		}
		if !f.Status().Broken.IsZero() {
			t.Error("the status still says broken")
		}
	})
}
