package heartbeat_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/heartbeat"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }

const ttl = 95 * time.Second

var _ heartbeat.Store = (*store.Store)(nil)

// registry is as much of one as heartbeats need.
type registry struct {
	book    *heartbeat.Book
	store   *store.Store
	flusher *heartbeat.Flusher

	mu      sync.Mutex
	through []heartbeat.Unexpected
}

func newRegistry(t *testing.T, d *storetest.Database, replica string) *registry {
	t.Helper()
	r := &registry{book: heartbeat.NewBook(ttl), store: d.Open(t, replica)}
	r.flusher = heartbeat.NewFlusher(heartbeat.Options{
		Book: r.book, Store: r.store, Replica: replica, Interval: time.Hour, // rounds are called for
		WriteThrough: func(_ context.Context, beat heartbeat.Unexpected) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.through = append(r.through, beat)
			return nil
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	return r
}

func pod(n int) naming.Key {
	return naming.Key{Application: "Shop", Server: "OrderServer", Node: fmt.Sprintf("10.0.%d.%d", n/250, n%250)}
}

// register makes pods as onStartup does, and has the book learn of them.
func (r *registry) register(t *testing.T, from, to int) {
	t.Helper()
	rules := transition.Rules{LeaseTTL: ttl}
	for first := from; first < to; first += 50 {
		var scope store.Scope
		for n := first; n < min(first+50, to); n++ {
			scope.Keys = append(scope.Keys, pod(n))
		}
		commit, err := r.store.Update(t.Context(), scope, func(tx *store.Tx) error {
			for _, key := range scope.Keys {
				registration := &naming.Registration{Key: key, State: naming.Active}
				caller := transition.Caller{Identity: naming.Identity{UID: "uid-" + key.Node, Kind: naming.KindPod}, Interval: 30 * time.Second}
				if _, err := rules.Register(tx, registration, caller, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, instance := range commit.Instances {
			r.book.Learn(instance)
		}
	}
}

func (r *registry) beat(n int) heartbeat.Verdict {
	key := pod(n)
	return r.book.Beat(&heartbeat.Beat{
		Node: []byte(key.Node), Application: []byte(key.Application), Server: []byte(key.Server),
		UID: []byte("uid-" + key.Node), State: naming.Active, Interval: 30 * time.Second,
	})
}

// age has all stamps of a moment ago be so many seconds old.
func age(t *testing.T, d *storetest.Database, seconds int) {
	t.Helper()
	d.Exec(t, "UPDATE t_registry_lease SET last_heartbeat = "+d.Ago(seconds))
	d.Exec(t, "UPDATE t_node_info SET last_heartbeat = "+d.WallAgo(seconds))
}

func TestR19_FlushedToTheDatabase(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		r := newRegistry(t, d, "one")
		const pods, beating = 600, 550
		r.register(t, 0, pods)
		age(t, d, 60)
		for n := range beating {
			if verdict := r.beat(n); verdict != heartbeat.Unchanged {
				t.Fatalf("heartbeat of %s: %s", pod(n), verdict)
			}
		}
		if err := r.flusher.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		recent := " > " + d.Ago(30)
		if got := d.Text(t, "SELECT COUNT(*) FROM t_registry_lease WHERE last_heartbeat"+recent); got != strconv.Itoa(beating) {
			t.Errorf("%s leases were renewed, want %d", got, beating)
		}
		if got := d.Text(t, "SELECT COUNT(*) FROM t_registry_lease WHERE last_heartbeat > "+d.Ago(0)); got != "0" {
			t.Errorf("%s leases have a stamp in the future", got)
		}
		if got := d.Text(t, "SELECT COUNT(*) FROM t_node_info WHERE last_heartbeat > "+d.WallAgo(30)); got != strconv.Itoa(beating) {
			t.Errorf("%s nodes were stamped, want %d", got, beating)
		}
		marks, err := r.store.FlushMarks(t.Context())
		if err != nil || len(marks) != 1 || marks[0].Replica != "one" || marks[0].Age > time.Minute {
			t.Errorf("flush marks: %v (%v)", marks, err)
		}
		if len(r.through) > 0 {
			t.Errorf("%d heartbeats were not as expected", len(r.through))
		}
		if err := r.flusher.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if marks, err := r.store.FlushMarks(t.Context()); err != nil || len(marks) != 0 {
			t.Errorf("flush marks after Close: %v (%v)", marks, err)
		}
	})
}

func TestR19_WhatChangedMeanwhileIsWrittenThrough(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		r := newRegistry(t, d, "one")
		r.register(t, 0, 4)
		age(t, d, 60)
		for n := range 4 {
			r.beat(n)
		}
		// Another replica has changed three of them, and this one has not heard yet.
		d.Exec(t, "UPDATE t_registry_lease SET revision = revision + 1 WHERE node_name = ?", pod(1).Node)
		d.Exec(t, "UPDATE t_registry_lease SET state = 'expired', revision = revision + 1 WHERE node_name = ?", pod(2).Node)
		d.Exec(t, "DELETE FROM t_registry_lease WHERE node_name = ?", pod(3).Node)
		if err := r.flusher.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		var through []string
		for _, beat := range r.through {
			through = append(through, beat.Key.Node)
			if beat.State != naming.Active || beat.UID != "uid-"+beat.Key.Node || time.Since(beat.Arrived) > time.Minute {
				t.Errorf("%+v", beat)
			}
		}
		if len(through) != 3 {
			t.Errorf("written through: %v", through)
		}
		for n, renewed := range []string{"1", "0", "0", "0"} {
			query := "SELECT COUNT(*) FROM t_registry_lease WHERE node_name = ? AND last_heartbeat > " + d.Ago(30)
			if got := d.Text(t, query, pod(n).Node); got != renewed {
				t.Errorf("%s: renewed %s, want %s", pod(n), got, renewed)
			}
		}
		if err := r.flusher.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestR19_NeverReplacesANewerStamp(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		r := newRegistry(t, d, "one")
		r.register(t, 0, 1)
		r.beat(0)
		d.Exec(t, "UPDATE t_registry_lease SET last_heartbeat = "+d.Ago(-60)) // another replica's, later whenever this one is flushed
		before := d.Text(t, "SELECT last_heartbeat FROM t_registry_lease")
		if err := r.flusher.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := d.Text(t, "SELECT last_heartbeat FROM t_registry_lease"); after != before {
			t.Errorf("the stamp went from %s to %s", before, after)
		}
		if err := r.flusher.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// The one test of an outage with a real database; the rest of R27 is tested
// under a fake clock.
func TestR27_MariaDBKilledAndBack(t *testing.T) {
	server := mariadbtest.Start(t)
	d := &storetest.Database{Kind: "mariadb", DSN: server.Database(t)}
	s := d.Open(t, "one")
	r := &registry{book: heartbeat.NewBook(ttl), store: s}
	r.register(t, 0, 600)
	age(t, d, 3600)
	r.flusher = heartbeat.NewFlusher(heartbeat.Options{
		Book: r.book, Store: s, Replica: "one", Interval: 100 * time.Millisecond,
		WriteThrough: func(context.Context, heartbeat.Unexpected) error { return nil },
		Logger:       slog.New(slog.DiscardHandler),
	})
	server.Kill(t)
	for n := range 600 {
		if verdict := r.beat(n); verdict != heartbeat.Unchanged {
			t.Fatalf("a heartbeat without the database: %s", verdict)
		}
	}
	await(t, "a round fails, and all is kept in memory", func() bool { // but for the moment of a further round
		return r.flusher.Stats().Failing > 0 && r.book.Stats().Pending == 600
	})
	server.Start(t)
	await(t, "all is written", func() bool { return r.book.Stats().Pending == 0 && r.flusher.Stats().Failing == 0 })
	if err := r.flusher.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.Text(t, "SELECT COUNT(*) FROM t_registry_lease WHERE last_heartbeat > "+d.Ago(1800)); got != "600" {
		t.Errorf("%s heartbeats were written, want 600", got)
	}
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(time.Minute)
	for !condition() {
		select {
		case <-ticker.C:
		case <-timeout:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
