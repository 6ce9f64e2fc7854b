package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest/schema"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

// lifeOf takes an instance through everything that writes.
func lifeOf(t *testing.T, s *store.Store, k naming.Key) {
	t.Helper()
	instance := registered(k)
	instance.Lease.MetricsPort = 9325
	if got := register(t, s, instance).Instances[0]; got.Serving() != true {
		t.Errorf("registered: %+v", got.Server)
	}
	off := update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
		instance := tx.Instance(k).Clone()
		instance.Server.FlowState, instance.Lease.FlowOffBy = naming.Inactive, naming.FlowOffByOperator
		tx.Put(instance, naming.Event{Kind: naming.EventFlow})
		return nil
	}).Instances[0]
	if !off.FlowOff() || !load(t, s, k).FlowOff() {
		t.Errorf("R12: the flow is on although it was turned off: %+v", off.Server)
	}
	if _, err := s.NodeServers(t.Context(), "", "", k.Node); err != nil {
		t.Error(err)
	}
	if snapshot, err := s.LoadAll(t.Context()); err != nil || len(snapshot.Instances) == 0 {
		t.Errorf("load all: %v", err)
	}
	if got := end(t, s, k).Instances[0]; got.Server != nil {
		t.Errorf("ended: %+v", got.Server)
	}
}

func TestEveryTarsSchemaBehavesTheSame(t *testing.T) {
	for _, variant := range schema.Variants() {
		t.Run(variant.Name, func(t *testing.T) {
			d := storetest.MariaDB(t)
			if err := variant.Apply(t.Context(), d.SQL(t)); err != nil {
				t.Fatal(err)
			}
			s := d.Open(t, "replica-1")
			lifeOf(t, s, key("App", "Server", "10.0.0.1"))
			lifeOf(t, s, key("App", "Server", "fd00:10:244:1:2:3:4:5"))
			d.Exec(t, "INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state, exe_path) VALUES ('App', 'Old', '10.0.0.1', 'active', 'active', '')")
			if found, err := s.UnleasedPods(t.Context()); err != nil || len(found) != 1 {
				t.Errorf("unleased: %+v, %v", found, err)
			}
			for _, read := range []func() error{
				func() error { _, err := s.Cleanable(t.Context(), time.Hour, 10); return err },
				func() error { _, err := s.SilentNodes(t.Context(), time.Minute); return err },
				func() error { _, err := s.Stamps(t.Context(), nil); return err },
			} {
				if err := read(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestR32TarsWebAltersTheTablesUnderARunningRegistry(t *testing.T) {
	d := storetest.MariaDB(t)
	if err := schema.Container().Apply(t.Context(), d.SQL(t)); err != nil {
		t.Fatal(err)
	}
	s := d.Open(t, "replica-1")
	lifeOf(t, s, key("App", "Before", "10.0.0.1"))
	if err := schema.ApplyTarsWeb(t.Context(), d.SQL(t)); err != nil {
		t.Fatal(err)
	}
	k := key("App", "After", "fd00:10:244:1:2:3:4:5") // fits endpoint_ip no more
	lifeOf(t, s, k)
	if got := d.Text(t, "SELECT endpoint_ip FROM t_node_info WHERE node_name = ?", k.Node); got != k.Node[:16] {
		t.Errorf("endpoint_ip is %s", got)
	}
	// And each column away at the worst moment: between two transactions.
	for _, column := range []string{"flow_state", "run_type", "base_image_id"} {
		d.Exec(t, "ALTER TABLE t_server_conf DROP COLUMN "+column)
		if _, err := s.NodeServers(t.Context(), "", "", "10.0.0.1"); err != nil {
			t.Errorf("without %s: %v", column, err)
		}
		lifeOf(t, s, key("App", "Without", "10.0.0.1"))
	}
}

func TestR32WhatNoLookMendsIsAnErrorThatSaysSo(t *testing.T) {
	d := storetest.MariaDB(t)
	s := d.Open(t, "replica-1")
	d.Exec(t, "ALTER TABLE t_server_conf DROP COLUMN patch_version")
	_, err := s.LoadAll(t.Context())
	if !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "patch_version") {
		t.Errorf("got %v", err)
	}
	k := key("App", "Server", "10.0.0.1")
	d.Exec(t, "ALTER TABLE t_server_conf ADD COLUMN patch_version VARCHAR(2) NOT NULL DEFAULT ''")
	instance := registered(k)
	instance.Server.Version = "longer"
	_, err = s.Update(t.Context(), store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
		tx.Put(instance, naming.Event{Kind: naming.EventRegistered})
		return nil
	})
	if !errors.Is(err, store.ErrValue) {
		t.Errorf("a value that does not fit: %v", err)
	}
	if got := d.Text(t, "SELECT COUNT(*) FROM t_registry_lease"); got != "0" {
		t.Error("half of a registration was written")
	}
}

func TestR31SecondOpenerOfTheEmbeddedDatabaseIsRefused(t *testing.T) {
	d := storetest.SQLite(filepath.Join(t.TempDir(), "with space & ?#%", "registry.db"))
	first, err := store.Open(d.Config("replica-1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if second, err := store.Open(d.Config("replica-2")); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("a second opener got %v, %v", second, err)
	}
	register(t, first, registered(key("App", "Server", "10.0.0.1")))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	second := d.Open(t, "replica-1")
	if got := load(t, second, key("App", "Server", "10.0.0.1")); got.Server == nil {
		t.Error("the registration did not survive the restart")
	}
	if mode := d.Text(t, "PRAGMA journal_mode"); mode != "wal" {
		t.Errorf("journal mode is %s", mode)
	}
}

func TestPasswordIsNeverShown(t *testing.T) {
	const secret = "s3cr3t-p@ss/w:rd"
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, dsn := range []string{
		"user:" + secret + "@tcp(127.0.0.1:1)/db_tars",
		"user:" + secret,
		"user:" + secret + "@tcp(127.0.0.1:1/db_tars",
		"user:" + secret + "@" + secret + "(127.0.0.1:1)/db_tars",
		"user:" + secret + "@tcp(127.0.0.1:1)/db_tars?timeout=" + secret,
		"user:" + secret + "@tcp(127.0.0.1:1)/",
	} {
		s, err := store.Open(store.Config{DSN: dsn, Logger: logger})
		if err == nil {
			err = s.Ping(t.Context())
			if strings.Contains(s.Target(), secret) {
				t.Errorf("the target shows it: %s", s.Target())
			}
			_ = s.Close()
		}
		for _, part := range []string{secret, "s3cr3t", "w:rd"} {
			if err == nil || strings.Contains(err.Error(), part) || strings.Contains(log.String(), part) {
				t.Errorf("%q shows in %v, or in the log %q", part, err, log.String())
			}
		}
	}
}

func TestOpenDoesNotConnect(t *testing.T) {
	s := storetest.Open(t, store.Config{DSN: "user:password@tcp(127.0.0.1:1)/db_tars"})
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if _, err := s.LoadAll(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.LoadAll(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller's own end is told as %v", err)
	}
}

// TestR30ReplicasRegisterTheSameInstancesAtOnce makes deadlocks and races of first
// registrations: none may reach the callers, and the rows must agree at the end.
func TestR30ReplicasRegisterTheSameInstancesAtOnce(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		stores := []*store.Store{d.Open(t, "replica-1")}
		if d.Kind != "sqlite" {
			stores = append(stores, d.Open(t, "replica-2"))
		}
		const rounds, instances = 12, 24
		var work sync.WaitGroup
		for n := range 6 {
			s := stores[n%len(stores)]
			work.Go(func() {
				for round := range rounds {
					var scope store.Scope
					for i := range instances {
						at := (i*(n+1) + round) % instances // each in an order of its own
						scope.Keys = append(scope.Keys, key("App", fmt.Sprint("Server", at%5), fmt.Sprint("node-", at%7)))
					}
					_, err := s.Update(context.WithoutCancel(t.Context()), scope, func(tx *store.Tx) error {
						for _, k := range scope.Keys {
							instance := registered(k, fmt.Sprintf("tcp -h %s -p %d", k.Node, 1+n))
							if (round+n)%4 == 3 {
								instance.Server, instance.Adapters = nil, nil
								instance.Lease.State = naming.LeaseLeft
							}
							tx.Put(instance, naming.Event{Kind: naming.EventRegistered})
							if tx.Node(k.Node) == nil {
								tx.PutNode(podNode(k.Node))
							}
						}
						return nil
					})
					if err != nil {
						t.Errorf("replica %d, round %d: %v", n, round, err)
					}
				}
			})
		}
		work.Wait()
		if got := d.Text(t, "SELECT COUNT(*) FROM t_adapter_conf a LEFT JOIN t_server_conf s ON a.application = s.application AND"+
			" a.server_name = s.server_name AND a.node_name = s.node_name WHERE s.id IS NULL"); got != "0" {
			t.Errorf("%s adapters have no server", got)
		}
		if got := d.Text(t, "SELECT COUNT(*) FROM t_registry_lease l LEFT JOIN t_server_conf s ON l.application = s.application AND"+
			" l.server_name = s.server_name AND l.node_name = s.node_name WHERE (s.id IS NULL) <> (l.state = 'left')"); got != "0" {
			t.Errorf("%s leases and servers disagree", got)
		}
		events, leases := d.Text(t, "SELECT COUNT(*) FROM t_registry_event"), d.Text(t, "SELECT SUM(revision) FROM t_registry_lease")
		if d.Kind != "sqlite" && events == "0" || leases == "NULL" {
			t.Errorf("%s events, revisions sum up to %s", events, leases)
		}
	})
}

// TestR30HeartbeatsAndRegistrationsMeet runs flushes against transactions on the
// same leases.
func TestR30HeartbeatsAndRegistrationsMeet(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		var instances []*naming.Instance
		for i := range 200 {
			instances = append(instances, registered(key("App", fmt.Sprint("Server", i%7), fmt.Sprint("node-", i))))
		}
		var beats []store.Beat
		for _, instance := range register(t, s, instances...).Instances {
			beats = append(beats, beatOf(instance, 0))
		}
		ctx := context.WithoutCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() {
			for range 20 {
				if _, err := s.Flush(ctx, beats); err != nil {
					t.Errorf("flush: %v", err)
				}
			}
		})
		work.Go(func() {
			for i := range 20 {
				var scope store.Scope
				for _, instance := range instances[i*10 : i*10+10] {
					scope.Keys = append(scope.Keys, instance.Key)
				}
				_, err := s.Update(ctx, scope, func(tx *store.Tx) error {
					for _, k := range scope.Keys {
						tx.Put(registered(k), naming.Event{Kind: naming.EventRegistered})
					}
					return nil
				})
				if err != nil {
					t.Errorf("register: %v", err)
				}
			}
		})
		work.Wait()
		if unexpected := flush(t, s, beats...); len(unexpected) != 200 {
			t.Errorf("%d beats are of another revision, want 200", len(unexpected))
		}
	})
}

func TestR27FrozenDatabaseNeverHoldsACallLongerThanItsDeadline(t *testing.T) {
	server := mariadbtest.Start(t)
	d := &storetest.Database{Kind: "mariadb", DSN: server.Database(t)}
	patient := d.Open(t, "replica-2")
	k := key("App", "Server", "10.0.0.1")
	instance := register(t, patient, registered(k)).Instances[0]
	config := d.Config("replica-1")
	config.StatementTimeout = time.Second
	s := storetest.Open(t, config)
	eventually(t, "the store works", func() bool { return s.Ping(t.Context()) == nil })
	server.Freeze(t)
	eventually(t, "the signal has arrived", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return s.Ping(ctx) != nil
	})
	calls := map[string]func(context.Context) error{
		"ping":      s.Ping,
		"flush":     func(ctx context.Context) error { _, err := s.Flush(ctx, []store.Beat{beatOf(instance, 0)}); return err },
		"event ids": func(ctx context.Context) error { _, err := s.EventIDs(ctx, time.Minute, ""); return err },
		"events":    func(ctx context.Context) error { _, err := s.EventsByID(ctx, []int64{1}); return err },
		"update": func(ctx context.Context) error {
			_, err := s.Update(ctx, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
				tx.Put(registered(k), naming.Event{Kind: naming.EventRegistered})
				return nil
			})
			return err
		},
	}
	var work sync.WaitGroup
	for name, call := range calls {
		work.Go(func() {
			if err := call(context.WithoutCancel(t.Context())); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
		})
		work.Go(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 800*time.Millisecond)
			defer cancel()
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s within the caller's deadline: %v", name, err)
			}
		})
	}
	work.Wait() // that it ends at all is the point; the test's own time-out is the judge
	server.Thaw(t)
	eventually(t, "the store works again", func() bool { return s.Ping(t.Context()) == nil })
	if got := load(t, patient, k); got.Server == nil {
		t.Error("the registration is gone")
	}
}

func TestDatabaseKilledAndRestartedNeedsNoRestart(t *testing.T) {
	server := mariadbtest.Start(t)
	d := &storetest.Database{Kind: "mariadb", DSN: server.Database(t)}
	s := d.Open(t, "replica-1")
	k := key("App", "Server", "10.0.0.1")
	instance := register(t, s, registered(k)).Instances[0]
	fillPool(t, s) // every connection of it will be dead
	server.Kill(t)
	if _, err := s.Flush(t.Context(), []store.Beat{beatOf(instance, 0)}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("flush: %v", err)
	}
	if _, err := s.LoadAll(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("load all: %v", err)
	}
	server.Start(t)
	register(t, s, registered(key("App", "Other", "10.0.0.2")))
	if got := load(t, s, k); got.Server == nil || got.Lease.Revision != 1 {
		t.Errorf("an acknowledged registration is gone: %+v", got)
	}
	register(t, s, registered(k))
}

// fillPool makes the store open as many connections as it may.
func fillPool(t *testing.T, s *store.Store) {
	t.Helper()
	var here, work sync.WaitGroup
	here.Add(8)
	for i := range 8 {
		work.Go(func() {
			arrived := sync.OnceFunc(here.Done) // a transaction may run again, or fail before it comes here
			defer arrived()
			_, err := s.Update(context.WithoutCancel(t.Context()), store.Scope{Keys: []naming.Key{key("App", "None", itoa(i))}},
				func(*store.Tx) error { arrived(); here.Wait(); return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
}

// eventually waits for a condition that comes true by itself.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
