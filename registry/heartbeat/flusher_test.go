package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

func TestR19_FlushedEveryTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(3)
		r.beat(t, 0)
		r.beat(t, 0)
		r.beat(t, 1)
		r.wait(1900 * time.Millisecond)
		if len(r.store.beats) != 0 {
			t.Fatalf("%d heartbeats were written before the interval was over", len(r.store.beats))
		}
		r.wait(100 * time.Millisecond)
		if len(r.store.beats) != 2 {
			t.Fatalf("%d heartbeats were written, want one of each of two leases", len(r.store.beats))
		}
		r.wait(2 * time.Second)
		if len(r.store.beats) != 2 {
			t.Error("heartbeats were written twice")
		}
	})
}

func TestR19_ChunksOf500InIdOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(1200)
		for n := range 1200 {
			r.beat(t, 1199-n)
		}
		r.wait(2 * time.Second)
		if r.store.calls != 3 {
			t.Errorf("%d calls, want 3", r.store.calls)
		}
		for i, beat := range r.store.beats {
			if beat.LeaseID != int64(i+1) {
				t.Fatalf("heartbeat %d is that of lease %d", i, beat.LeaseID)
			}
		}
	})
}

func TestR19_AgesAreThoseOfTheMomentOfWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(1000)
		r.store.delay = time.Second // the second chunk is written a second later
		arrived := time.Now().Add(700 * time.Millisecond)
		time.Sleep(700 * time.Millisecond)
		for n := range 1000 {
			r.beat(t, n)
		}
		r.wait(4 * time.Second)
		for lease, at := range r.store.written {
			if !at.Equal(arrived) {
				t.Fatalf("lease %d: written as arrived %s off", lease, at.Sub(arrived))
			}
		}
		if len(r.store.written) != 1000 {
			t.Errorf("%d leases were written", len(r.store.written))
		}
	})
}

func TestR19_NodesEveryTwentySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.book.Learn(live(server(1, "n"), "", id(1)))
		r.book.Learn(live(server(2, "n"), "", id(2)))
		for range 30 { // a minute
			wantVerdict(t, r.book.BeatNode(nodeBeat("n", "", naming.Active)), Unchanged)
			r.wait(2 * time.Second)
		}
		if len(r.store.nodes) != 3 {
			t.Errorf("the node was stamped %d times in a minute, want 3", len(r.store.nodes))
		}
	})
}

func TestR19_NodeIsStampedAgainAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(1)
		r.store.nodesAway = errors.New("away")
		r.beat(t, 0)
		r.wait(2 * time.Second)
		r.store.set(func() { r.store.nodesAway = nil })
		r.beat(t, 0)
		r.wait(2 * time.Second)
		if len(r.store.nodes) != 1 {
			t.Errorf("the node was stamped %d times", len(r.store.nodes))
		}
	})
}

func TestR19_UnexpectedIsWrittenThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(3)
		r.store.unexpected = func(b store.Beat) bool { return b.LeaseID == 2 }
		for n := range 3 {
			r.beat(t, n)
		}
		r.wait(2 * time.Second)
		if len(r.store.beats) != 2 || len(r.through.beats) != 1 || r.through.beats[0].Key != key(1) {
			t.Fatalf("flushed %v, written through %v", r.store.beats, r.through.beats)
		}
		if age := time.Since(r.through.beats[0].Arrived); age != 2*time.Second {
			t.Errorf("the heartbeat is said to be %s old, want 2s", age)
		}
		r.wait(2 * time.Second)
		if len(r.through.beats) != 1 {
			t.Error("it was written through again")
		}
	})
}

func TestR19_WriteThroughIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(1)
		r.store.unexpected = func(store.Beat) bool { return true }
		r.through.err = errors.New("away")
		r.beat(t, 0)
		r.wait(6 * time.Second)
		if len(r.through.beats) != 3 {
			t.Errorf("%d attempts in three rounds", len(r.through.beats))
		}
		r.wait(10 * time.Minute)
		before := len(r.through.beats)
		r.wait(time.Minute)
		if len(r.through.beats) != before {
			t.Error("a heartbeat from before its lease time is still tried")
		}
	})
}

func TestR18_MarkEveryIntervalBeatsOrNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.wait(20 * time.Second)
		if len(r.store.marks) != 10 {
			t.Errorf("%d flush marks in 20 s, want 10", len(r.store.marks))
		}
	})
}

func TestR18_MarkSaysWhenTheFlushBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(1)
		r.store.delay = time.Second
		began := time.Now().Add(2 * time.Second)
		r.beat(t, 0)
		r.wait(3 * time.Second)
		if len(r.store.marks) != 1 || !r.store.marks[0].Equal(began) {
			t.Errorf("marks are %v, want one of %v", r.store.marks, began)
		}
	})
}

func TestR18_NoMarkWhileHeartbeatsStayBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(501)
		r.store.poisoned = 501
		for n := range 501 {
			r.beat(t, n)
		}
		r.wait(2 * time.Second)
		if len(r.store.beats) != 500 {
			t.Errorf("%d heartbeats were written beside the chunk that fails", len(r.store.beats))
		}
		if len(r.store.marks) != 0 {
			t.Error("a mark was written although a chunk failed")
		}
		r.store.set(func() { r.store.poisoned = 0 })
		r.wait(2 * time.Second)
		if len(r.store.beats) != 501 || len(r.store.marks) != 1 {
			t.Errorf("%d heartbeats and %d marks afterwards", len(r.store.beats), len(r.store.marks))
		}
	})
}

func TestR27_DatabaseAwayLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(2000)
		r.store.away = errors.New("connection refused")
		arrived := make(map[int64]time.Time)
		for range 10 {
			for n := range 2000 {
				r.beat(t, n)
				arrived[int64(n+1)] = time.Now()
			}
			r.wait(30 * time.Second)
		}
		if calls := r.store.calls; calls > 2*150 {
			t.Errorf("%d calls to a database that is away in 150 rounds", calls)
		}
		if got := r.book.Stats(); got.Pending != 2000 || got.OldestPending != 30*time.Second {
			t.Errorf("pending %d, the oldest for %s", got.Pending, got.OldestPending)
		}
		r.store.set(func() { r.store.away = nil })
		r.wait(2 * time.Second)
		for lease, at := range arrived {
			if !r.store.written[lease].Equal(at) {
				t.Fatalf("lease %d: written %v, arrived %v", lease, r.store.written[lease], at)
			}
		}
		if got := strings.Count(r.log.String(), "level=ERROR"); got != 1 {
			t.Errorf("%d errors in the log, want 1:\n%s", got, r.log)
		}
		if !strings.Contains(r.log.String(), "works again") {
			t.Errorf("the end of the outage is not in the log:\n%s", r.log)
		}
	})
}

func TestR27_HangingDatabaseIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(1)
		r.store.delay = time.Hour
		r.beat(t, 0)
		r.wait(6 * time.Second)
		if got := r.flusher.Stats().Failures; got == 0 {
			t.Error("no round has failed after 6 s")
		}
		r.store.set(func() { r.store.delay = 0 })
		r.wait(10 * time.Second)
		if len(r.store.beats) != 1 {
			t.Errorf("%d heartbeats were written once the database answered", len(r.store.beats))
		}
	})
}

func TestCloseDrainsAndWithdrawsTheMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(700)
		for n := range 700 {
			r.beat(t, n)
		}
		if err := r.flusher.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(r.store.beats) != 700 {
			t.Errorf("%d heartbeats were written at the end", len(r.store.beats))
		}
		if len(r.store.dropped) != 1 || r.store.dropped[0] != "one" {
			t.Errorf("withdrawn marks: %v", r.store.dropped)
		}
	})
}

func TestCloseInTheMiddleOfARound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(1)
		r.store.delay = time.Second
		r.beat(t, 0)
		time.Sleep(2500 * time.Millisecond) // the round began half a second ago
		r.store.set(func() { r.store.delay = 0 })
		if err := r.flusher.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(r.store.beats) != 1 {
			t.Errorf("%d heartbeats were written", len(r.store.beats))
		}
		if strings.Contains(r.log.String(), "level=ERROR") {
			t.Errorf("stopping is not an error:\n%s", r.log)
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(1)
		r.store.delay = time.Hour
		r.beat(t, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started := time.Now()
		if err := r.flusher.Close(ctx); err == nil {
			t.Error("no error although a heartbeat was not written")
		}
		if took := time.Since(started); took > time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestBeatsDuringAFlushAreNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.learn(1)
		r.store.delay = time.Second
		r.store.away = errors.New("lost")
		r.beat(t, 0)
		time.Sleep(2500 * time.Millisecond)
		r.beat(t, 0) // while the first one is on its way, and is lost
		last := time.Now()
		r.wait(time.Second)
		r.store.set(func() { r.store.away = nil })
		r.wait(4 * time.Second)
		if got := r.store.written[1]; !got.Equal(last) || len(r.store.beats) != 1 {
			t.Errorf("%d written, the last as arrived at %v, want %v", len(r.store.beats), got, last)
		}
	})
}

// What is learned while a heartbeat is on its way decides what becomes of it
// when it comes back.
func TestGiveBackAfterAChange(t *testing.T) {
	for _, c := range []struct {
		name           string
		then           *naming.Instance // nil: forgotten
		noted, changed int
		unnumbered     bool
	}{
		{name: "other state, of an old client", then: live(key(1), "u", revision(2), reported(naming.Inactive)), changed: 1, unnumbered: true},
		{name: "same state, of an old client", then: live(key(1), "u", revision(2)), noted: 1, unnumbered: true},
		{"renewed", live(key(1), "u", revision(2), sequence(9)), 1, 0, false},
		{"another identity", live(key(1), "v", revision(2)), 0, 0, false},
		{"left", live(key(1), "u", revision(2), leaseState(naming.LeaseLeft)), 0, 0, false},
		{"expired", live(key(1), "u", revision(2), leaseState(naming.LeaseExpired)), 0, 1, false},
		{"older state", live(key(1), "u", revision(2), sequence(3), reported(naming.Inactive)), 0, 1, false},
		{"newer state", live(key(1), "u", revision(2), sequence(9), reported(naming.Inactive)), 1, 0, false},
		{"forgotten", nil, 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := NewBook(ttl)
			b.Learn(live(key(1), "u"))
			number := int64(5)
			if c.unnumbered {
				number = 0
			}
			wantVerdict(t, b.Beat(beat(key(1), "u", naming.Active, number)), Unchanged)
			away, _ := collected(b)
			if c.then != nil {
				b.Learn(c.then)
			} else {
				b.Forget(key(1))
			}
			b.giveBack(away)
			noted, changed := collected(b)
			if len(noted) != c.noted || len(changed) != c.changed {
				t.Errorf("%d to flush and %d to write through, want %d and %d", len(noted), len(changed), c.noted, c.changed)
			}
		})
	}
}

func TestR19_CallsGrowWithLeasesNotWithHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		const instances, rounds, beatsARound = 10_000, 3, 5
		r.learn(instances)
		for range rounds * beatsARound {
			for n := range instances {
				r.beat(t, n)
			}
			r.wait(2 * time.Second / beatsARound)
		}
		if want := rounds * instances / chunkSize; r.store.calls != want {
			t.Errorf("%d calls of the store for %d heartbeats, want %d", r.store.calls, instances*rounds*beatsARound, want)
		}
		if len(r.store.nodes) != instances {
			t.Errorf("%d stamps of %d nodes", len(r.store.nodes), instances)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	b := NewBook(ttl)
	s := &fakeStore{}
	w := &through{}
	f := NewFlusher(Options{
		Book: b, Store: s, WriteThrough: w.write, Replica: "one",
		Interval: time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	const goroutines, each = 8, 300
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for n := range each {
				k := server(g, fmt.Sprint("n", n%7))
				b.Learn(live(k, "", id(int64(1+g*10+n%7)), revision(int64(n+1))))
				b.Beat(beat(k, "", naming.Active, 0))
				b.BeatNode(nodeBeat(k.Node, "", naming.Active))
				b.PassOver(k.Node)
				if n%50 == 49 {
					b.Forget(k)
					b.Stats()
					f.Stats()
				}
			}
		})
	}
	wg.Wait()
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.Stats().Pending; got != 0 {
		t.Errorf("%d heartbeats are left after Close", got)
	}
}
