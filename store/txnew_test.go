package store_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

// statements are the names of those that a store has run.
type statements struct {
	mu    sync.Mutex
	names []string
}

func (s *statements) observe(name string, _ time.Duration, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, name)
}

// take gives the names since the last call.
func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := s.names
	s.names = nil
	return names
}

// openObserved gives a migrated store whose statements are noted.
func openObserved(t *testing.T, d *storetest.Database) (*store.Store, *statements) {
	t.Helper()
	var ran statements
	config := d.Config("replica-1")
	config.Observe = ran.observe
	s := storetest.Open(t, config)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, &ran
}

// registerNew registers an instance that is taken to be new.
func registerNew(t *testing.T, s *store.Store, instance *naming.Instance) *store.Commit {
	t.Helper()
	return update(t, s, store.Scope{New: []naming.Key{instance.Key}}, func(tx *store.Tx) error {
		put, known := instance.Clone(), tx.Instance(instance.Key)
		put.Key = known.Key
		if known.Server != nil {
			put.Server.BakFlag = known.Server.BakFlag
		}
		tx.Put(put, naming.Event{Kind: naming.EventRegistered, State: naming.Active})
		for _, other := range tx.LeasesOn(instance.Node) {
			if other.Key != put.Key {
				ended := tx.Instance(other.Key).Clone()
				ended.Server, ended.Adapters, ended.Lease.State = nil, nil, naming.LeaseLeft
				tx.Put(ended, naming.Event{Kind: naming.EventEnded})
			}
		}
		if tx.Node(instance.Node) == nil {
			tx.PutNode(podNode(instance.Node))
		}
		return nil
	})
}

func TestWhatIsNewIsNotLookedFor(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s, ran := openObserved(t, d)
		k := key("App", "Server", "10.0.0.1")
		ran.take()
		registerNew(t, s, registered(k))
		names := ran.take()
		for _, name := range []string{"leases_locked", "leases_of_nodes", "servers"} {
			if slices.Contains(names, name) {
				t.Errorf("%s was run: %v", name, names)
			}
		}
		if got := load(t, s, k); got.Server == nil || got.Lease == nil || got.Lease.Revision != 1 || len(got.Adapters) != 1 {
			t.Errorf("stored: %+v", got)
		}
	})
}

// TestWhoIsTakenForNew: what the caller did not know of is found all the same, and
// comes out as if it had been looked for at once.
func TestWhoIsTakenForNew(t *testing.T) {
	k := key("App", "Server", "10.0.0.1")
	for name, there := range map[string]func(t *testing.T, s *store.Store, d *storetest.Database){
		"the instance": func(t *testing.T, s *store.Store, _ *storetest.Database) { register(t, s, registered(k)) },
		"the instance in other letters": func(t *testing.T, s *store.Store, _ *storetest.Database) {
			register(t, s, registered(key("APP", "server", k.Node)))
		},
		"a lease that was left": func(t *testing.T, s *store.Store, _ *storetest.Database) {
			register(t, s, registered(k))
			end(t, s, k)
		},
		"a server row": func(t *testing.T, _ *store.Store, d *storetest.Database) {
			d.Exec(t, "INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state, bak_flag, template_name, server_type)"+
				" VALUES ('App', 'Server', '10.0.0.1', 'inactive', 'inactive', 1, '', 'tars_go')")
		},
		"an adapter": func(t *testing.T, _ *store.Store, d *storetest.Database) {
			d.Exec(t, "INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, servant, endpoint)"+
				" VALUES ('App', 'Server', '10.0.0.1', 'App.Server.OldAdapter', 'App.Server.Old', 'tcp -h 10.0.0.1 -p 99 -t 60000')")
		},
		"the node": func(t *testing.T, s *store.Store, _ *storetest.Database) {
			register(t, s, registered(key("App", "Other", k.Node)))
			end(t, s, key("App", "Other", k.Node))
		},
		"another instance on the node": func(t *testing.T, s *store.Store, _ *storetest.Database) {
			register(t, s, registered(key("App", "Other", k.Node)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
				s := d.Open(t, "replica-1")
				there(t, s, d)
				before := load(t, s, k)
				registerNew(t, s, registered(k))
				got := load(t, s, k)
				if got.Server == nil || got.Server.SettingState != naming.Active || len(got.Adapters) != 1 || got.Adapters[0].Name != "App.Server.ObjAAdapter" {
					t.Errorf("stored: %+v %+v", got.Server, got.Adapters)
				}
				if want := before.Revision() + 1; got.Revision() != want {
					t.Errorf("revision %d, want %d", got.Revision(), want)
				}
				if before.Server != nil && (got.Server.BakFlag != before.Server.BakFlag || got.Server.ID != before.Server.ID) {
					t.Errorf("the row was\n%+v, now\n%+v", before.Server, got.Server)
				}
				if other := load(t, s, key("App", "Other", k.Node)); other.Server != nil || other.Lease != nil && other.Lease.State == naming.LeaseLive {
					t.Errorf("the other instance is left: %+v %+v", other.Server, other.Lease)
				}
				if d.Text(t, "SELECT COUNT(*) FROM t_node_info") != "1" {
					t.Error("there is not one row of the node")
				}
			})
		})
	}
}

// TestLeaseThatMovesBeforeItIsLocked: the transaction begins again, although the
// closure takes the failed Load for the failure of one of its requests only.
func TestLeaseThatMovesBeforeItIsLocked(t *testing.T) {
	d := storetest.MariaDB(t)
	s := d.Open(t, "replica-1")
	a, b := key("App", "A", "10.0.0.1"), key("App", "B", "10.0.0.1")
	register(t, s, registered(a), registered(b))
	there, runs := load(t, s, b), 0
	update(t, s, store.Scope{Keys: []naming.Key{a}}, func(tx *store.Tx) error {
		if runs++; runs == 1 {
			d.Exec(t, "UPDATE t_registry_lease SET revision = revision + 1 WHERE id = "+itoa(int(there.Lease.ID)))
		}
		if err := tx.Load(b); err != nil {
			return nil //nolint:nilerr // as a group commit does, whose other requests go on
		}
		tx.Put(tx.Instance(b).Clone(), naming.Event{Kind: naming.EventState})
		return nil
	})
	if got := load(t, s, b); runs != 2 || got.Revision() != 3 {
		t.Errorf("%d runs, revision %d; want 2 and 3", runs, got.Revision())
	}
}
