package store_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

// TestManyTogetherAreAsOneByOne: whether changes of many instances share a statement
// or each has its own, the tables hold the same afterwards.
func TestManyTogetherAreAsOneByOne(t *testing.T) {
	const count = 30
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		keys := map[bool][]naming.Key{} // by whether they are changed together
		for n := range count {
			for _, together := range []bool{true, false} {
				k := key("App", fmt.Sprint("Server", n), fmt.Sprintf("together-%v", together))
				keys[together] = append(keys[together], k)
				instance := registered(k, "tcp -h 10.0.0.1 -p "+itoa(7000+n))
				instance.Lease.Identity.UID = "uid"
				register(t, s, instance)
			}
		}
		for step, change := range []func(n int, i *naming.Instance){
			func(_ int, i *naming.Instance) { i.Lease.HeartbeatAge = 0 },
			func(_ int, i *naming.Instance) { i.Lease.HeartbeatAge += time.Hour }, // an older beat
			func(n int, i *naming.Instance) {
				i.Server.Version = fmt.Sprint("2.", n%2)
				i.Lease.State, i.Lease.MetricsPort = naming.LeaseExpired, 9000
				i.Lease.Identity = naming.Identity{UID: fmt.Sprint("uid-", n%2), Kind: naming.KindPod}
			},
			func(_ int, i *naming.Instance) {
				i.Lease.State, i.Lease.FlowOffBy = naming.LeaseLive, naming.FlowOffByOperator
				i.Lease.Registration = &naming.Registration{Key: i.Key, Version: "it's 3"}
			},
			func(_ int, i *naming.Instance) { i.Server.SetName, i.Lease.Registration = "what?", nil },
		} {
			changed := func(tx *store.Tx, n int, k naming.Key) {
				instance := tx.Instance(k).Clone()
				change(n, instance)
				tx.Put(instance, naming.Event{Kind: naming.EventRegistered})
			}
			update(t, s, store.Scope{Keys: keys[true]}, func(tx *store.Tx) error {
				for n, k := range keys[true] {
					changed(tx, n, k)
				}
				return nil
			})
			for n, k := range keys[false] {
				update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
					changed(tx, n, k)
					return nil
				})
			}
			for n := range count {
				together, alone := withoutItsOwn(t, s, keys[true][n]), withoutItsOwn(t, s, keys[false][n])
				if !reflect.DeepEqual(together, alone) {
					t.Fatalf("step %d: %d is %+v %+v %+v together, and alone %+v %+v %+v", step, n,
						together.Server, together.Lease, together.Lease.Registration, alone.Server, alone.Lease, alone.Lease.Registration)
				}
			}
		}
	})
}

// withoutItsOwn is an instance without what belongs to one row only. Of moments there
// remains whether they lie more than a minute back.
func withoutItsOwn(t *testing.T, s *store.Store, k naming.Key) *naming.Instance {
	t.Helper()
	instance, err := s.LoadWhole(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	instance.Node = ""
	instance.Server.ID, instance.Server.Stamp = 0, ""
	for i := range instance.Adapters {
		instance.Adapters[i].ID, instance.Adapters[i].Stamp = 0, ""
	}
	lease := instance.Lease
	lease.ID, lease.Heartbeat = 0, ""
	lease.HeartbeatAge, lease.StateAge = lease.HeartbeatAge.Truncate(time.Minute), lease.StateAge.Truncate(time.Minute)
	if lease.Registration != nil {
		lease.Registration.Key.Node = ""
	}
	return instance
}

// TestAnotherProgramTakesARowMeanwhile: a row that is replaced or deleted after a
// transaction has read it, and before that writes it with many others, is not
// forgotten.
func TestAnotherProgramTakesARowMeanwhile(t *testing.T) {
	for _, statement := range []string{
		"REPLACE INTO t_server_conf (application, server_name, node_name, registry_timestamp) VALUES ('App', 'Server', '10.0.0.0', NOW())",
		"DELETE FROM t_server_conf WHERE node_name = '10.0.0.0'",
	} {
		const count = 14
		d := storetest.MariaDB(t)
		s := d.Open(t, "replica-1")
		var scope store.Scope
		for n := range count {
			k := key("App", "Server", "10.0.0."+itoa(n))
			scope.Keys = append(scope.Keys, k)
			register(t, s, registered(k))
		}
		runs := 0
		commit := update(t, s, scope, func(tx *store.Tx) error {
			for _, k := range scope.Keys {
				again := registered(k)
				again.Server.Version = "v2"
				tx.Put(again, naming.Event{Kind: naming.EventRegistered})
			}
			if runs++; runs == 1 {
				d.Exec(t, statement)
			}
			return nil
		})
		if got := d.Text(t, "SELECT COUNT(*) FROM t_server_conf WHERE patch_version = 'v2'"); got != itoa(count) {
			t.Errorf("after %s: %s rows are as they registered, want %d", statement, got, count)
		}
		for _, instance := range commit.Instances {
			if instance.Server.Stamp == "" {
				t.Errorf("after %s: the stamp of %s is not known", statement, instance.Key)
			}
		}
	}
}
