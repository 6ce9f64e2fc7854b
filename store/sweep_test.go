package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

// past makes stored UTC moments older, as if time had gone by for the row.
func past(t *testing.T, d *storetest.Database, table, column string, by time.Duration, where string) {
	t.Helper()
	seconds := int(by.Seconds())
	if d.Kind == "sqlite" {
		d.Exec(t, "UPDATE "+table+" SET "+column+" = strftime('%Y-%m-%d %H:%M:%f', "+column+", ?) WHERE "+where,
			"-"+itoa(seconds)+" seconds")
		return
	}
	d.Exec(t, "UPDATE "+table+" SET "+column+" = "+column+" - INTERVAL ? SECOND WHERE "+where, seconds)
}

func keysOf(leases []store.LeaseAge) []string {
	var names []string
	for _, lease := range leases {
		names = append(names, lease.Key.Node)
	}
	return names
}

func TestR18OnlyOneReplicaHoldsTheSweep(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		first, err := s.HoldSweep(t.Context(), time.Minute)
		if err != nil || !first.Held || first.Release >= 0 {
			t.Fatalf("first hold: %+v, %v", first, err)
		}
		past(t, d, "t_registry_sweep", "held_since", 30*time.Second, "id = 1")
		second, err := s.HoldSweep(t.Context(), time.Minute)
		if err != nil || !second.Held || second.HeldFor < 30*time.Second {
			t.Errorf("a renewal keeps its beginning: %+v, %v", second, err)
		}
		if d.Kind == "sqlite" {
			return // one process only
		}
		other := storetest.Open(t, d.Config("replica-2"))
		if lease, err := other.HoldSweep(t.Context(), time.Minute); err != nil || lease.Held || lease.Holder != "replica-1" {
			t.Errorf("another replica: %+v, %v", lease, err)
		}
		if err := other.ReleaseProtection(t.Context(), "operator"); err != nil {
			t.Fatal(err)
		}
		if lease, _ := s.HoldSweep(t.Context(), time.Minute); lease.Release < 0 || lease.ReleaseBy != "operator" || !lease.Held {
			t.Errorf("the release does not reach the sweeper: %+v", lease)
		}
		if lease, _ := s.HoldSweep(t.Context(), time.Minute); lease.Protected >= 0 {
			t.Errorf("protection is on from the start: %+v", lease)
		}
		if err := s.SetProtected(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if lease, _ := s.HoldSweep(t.Context(), time.Minute); lease.Protected < 0 {
			t.Errorf("protection is not kept: %+v", lease)
		}
		if err := s.SetProtected(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if lease, _ := s.HoldSweep(t.Context(), time.Minute); lease.Protected >= 0 {
			t.Errorf("protection does not end: %+v", lease)
		}
		past(t, d, "t_registry_sweep", "held_until", 2*time.Minute, "id = 1")
		if lease, err := other.HoldSweep(t.Context(), time.Minute); err != nil || !lease.Held || lease.HeldFor > 30*time.Second {
			t.Errorf("after a lapse: %+v, %v", lease, err)
		}
		if lease, err := s.HoldSweep(t.Context(), time.Minute); err != nil || lease.Held {
			t.Errorf("the old holder: %+v, %v", lease, err)
		}
		if err := other.DropSweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if lease, err := s.HoldSweep(t.Context(), time.Minute); err != nil || !lease.Held {
			t.Errorf("after it was dropped: %+v, %v", lease, err)
		}
	})
}

func TestR18SweepReadsWhatTheDatabaseCallsOverdue(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		for _, node := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"} {
			register(t, s, registered(key("App", "Server", node)))
		}
		past(t, d, "t_registry_lease", "last_heartbeat", 100*time.Second, "node_name = '10.0.0.2'")
		past(t, d, "t_registry_lease", "last_heartbeat", time.Hour, "node_name = '10.0.0.3'")
		end(t, s, key("App", "Server", "10.0.0.4"))
		sweep, err := s.ReadSweep(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := keysOf(sweep.Overdue); !slices.Equal(got, []string{"10.0.0.2", "10.0.0.3"}) {
			t.Errorf("overdue: %v", got)
		}
		if got := keysOf(sweep.Fresh); !slices.Equal(got, []string{"10.0.0.1", "10.0.0.2"}) {
			t.Errorf("renewed within two lease times: %v", got)
		}
		if age := sweep.Overdue[0].Age; age < 100*time.Second || age > 130*time.Second {
			t.Errorf("age is %v", age)
		}
		if clock, _, err := s.Clock(t.Context()); err != nil || clock < sweep.Clock || clock > sweep.Clock+time.Minute {
			t.Errorf("the clock went from %v to %v, %v", sweep.Clock, clock, err)
		}
	})
}

func TestR2UnleasedPodsAreThoseOnNodesWithPortZero(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		register(t, s, registered(key("App", "Leased", "10.0.0.1")))
		d.Exec(t, "INSERT INTO t_node_info (node_name, node_obj, present_state) VALUES"+
			" ('10.0.0.2', 'tars.tarsnode.NodeObj@tcp -h 10.0.0.2 -p 0', 'active'),"+
			" ('10.0.0.3', 'tars.tarsnode.NodeObj@tcp -h 10.0.0.3 -p 19385 -t 60000', 'active')")
		d.Exec(t, "INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state) VALUES"+
			" ('App', 'Unleased', '10.0.0.2', 'active', 'active'), ('App', 'Quiet', '10.0.0.2', 'active', 'inactive'),"+
			" ('App', 'Host', '10.0.0.3', 'active', 'active'), ('APP', 'leased ', '10.0.0.2', 'active', 'active')")
		found, err := s.UnleasedPods(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, instance := range found {
			names = append(names, instance.Key.String())
		}
		slices.Sort(names)
		if !slices.Equal(names, []string{"APP.leased @10.0.0.2", "App.Unleased@10.0.0.2"}) {
			t.Errorf("found %q", names)
		}
	})
}

func TestR2SilentMachineEndsWithItsUnleasedServers(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		d.Exec(t, "INSERT INTO t_node_info (node_name, node_obj, present_state, last_heartbeat) VALUES"+
			" ('10.0.0.3', 'tars.tarsnode.NodeObj@tcp -h 10.0.0.3 -p 19385 -t 60000', 'active', '2020-01-01 00:00:00'),"+
			" ('10.0.0.4', 'tars.tarsnode.NodeObj@tcp -h 10.0.0.4 -p 19385 -t 60000', 'active', CURRENT_TIMESTAMP),"+
			" ('10.0.0.5', 'tars.tarsnode.NodeObj@tcp -h 10.0.0.5 -p 0', 'active', '2020-01-01 00:00:00')")
		d.Exec(t, "INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state) VALUES"+
			" ('App', 'Host', '10.0.0.3', 'active', 'active')")
		register(t, s, registered(key("App", "Pod", "10.0.0.3"))) // host network
		silent, err := s.SilentNodes(t.Context(), naming.NodeTimeout)
		if err != nil || len(silent) != 1 || silent[0].Node.Name != "10.0.0.3" || len(silent[0].Servers) != 2 {
			t.Fatalf("silent: %+v, %v", silent, err)
		}
		beaten := silent[0]
		beaten.Node.Heartbeat = "2020-01-01 00:00:01"
		if commit, err := s.ExpireNode(t.Context(), beaten, "silent"); err != nil || len(commit.Instances) != 0 {
			t.Errorf("a node that beat meanwhile was ended: %+v, %v", commit, err)
		}
		commit, err := s.ExpireNode(t.Context(), silent[0], "silent")
		if err != nil || len(commit.Instances) != 1 || commit.Instances[0].Key.Server != "Host" {
			t.Fatalf("ended %+v, %v", commit, err)
		}
		if got := d.Text(t, "SELECT present_state FROM t_node_info WHERE node_name='10.0.0.3'"); got != "inactive" {
			t.Errorf("the node is %s", got)
		}
		if got := d.Text(t, "SELECT present_state FROM t_server_conf WHERE server_name='Pod'"); got != "active" {
			t.Errorf("the pod on it is %s", got)
		}
	})
}

func TestCleanableNeverNamesMachines(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		old := "2020-01-01 00:00:00"
		d.Exec(t, "INSERT INTO t_node_info (node_name, node_obj, present_state, last_heartbeat) VALUES"+
			" ('host', 'tars.tarsnode.NodeObj@tcp -h 10.0.0.3 -p 19385 -t 60000', 'inactive', '"+old+"'),"+
			" ('empty', 'tars.tarsnode.NodeObj@tcp -h 10.0.0.4 -p 0', 'inactive', '"+old+"'),"+
			" ('legacy', 'tars.tarsnode.NodeObj@tcp -h 10.0.0.5 -p 0', 'active', '"+old+"'),"+
			" ('leftover', 'tars.tarsnode.NodeObj@tcp -h 10.0.0.6 -p 0', 'inactive', '"+old+"')")
		d.Exec(t, "INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state) VALUES"+
			" ('App', 'Machine', 'host', 'active', 'inactive'), ('App', 'Legacy', 'legacy', 'active', 'inactive'),"+
			" ('App', 'Busy', 'legacy', 'active', 'active')")
		d.Exec(t, "INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name) VALUES"+
			" ('App', 'Gone', 'leftover', 'a'), ('App', 'Gone', 'host', 'a')")
		for _, node := range []string{"live", "expired", "recent"} {
			register(t, s, registered(key("App", "Pod", node), "tcp -h 10.0.0.9 -p 1"))
		}
		for _, node := range []string{"expired", "recent"} {
			k := key("App", "Pod", node)
			update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
				instance := tx.Instance(k).Clone()
				instance.Lease.State, instance.Server.PresentState = naming.LeaseExpired, naming.Inactive
				tx.Put(instance, naming.Event{Kind: naming.EventExpired})
				return nil
			})
		}
		past(t, d, "t_registry_lease", "state_since", 25*time.Hour, "node_name = 'expired'")
		d.Exec(t, "UPDATE t_node_info SET last_heartbeat = '"+old+"' WHERE node_name = 'expired'")
		stale, err := s.Cleanable(t.Context(), 24*time.Hour, 0)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, k := range stale.Instances {
			names = append(names, k.String())
		}
		slices.Sort(names)
		if !slices.Equal(names, []string{"App.Gone@leftover", "App.Legacy@legacy", "App.Pod@expired"}) {
			t.Errorf("instances: %q", names)
		}
		slices.Sort(stale.Nodes)
		if !slices.Equal(stale.Nodes, []string{"empty", "expired", "leftover"}) {
			t.Errorf("nodes: %q", stale.Nodes)
		}
	})
}

func TestPruneRemovesOnlyWhatIsPast(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		week := 7 * 24 * time.Hour
		for _, node := range []string{"live", "left", "long-gone"} {
			register(t, s, registered(key("App", "Pod", node), "tcp -h 10.0.0.9 -p 1"+itoa(len(node))))
		}
		end(t, s, key("App", "Pod", "left"))
		end(t, s, key("App", "Pod", "long-gone"))
		for _, node := range []string{"live", "long-gone"} {
			past(t, d, "t_registry_lease", "state_since", 8*24*time.Hour, "node_name = '"+node+"'")
		}
		past(t, d, "t_registry_event", "created", 8*24*time.Hour, "node_name = 'long-gone'")
		past(t, d, "t_registry_tombstone", "created", time.Hour, "node_name = 'long-gone'")
		if err := s.WriteFlushMark(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		pruned, err := s.Prune(t.Context(), store.Retention{Events: week, Leases: week, Marks: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if want := (store.Pruned{Events: 2, Leases: 1, Tombstones: 1}); pruned != want {
			t.Errorf("pruned %+v, want %+v", pruned, want)
		}
		if got := d.Text(t, "SELECT COUNT(*) FROM t_registry_lease"); got != "2" {
			t.Errorf("%s leases are left", got)
		}
	})
}
