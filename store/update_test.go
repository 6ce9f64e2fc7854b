package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

func TestRegistrationIsWrittenWhole(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "10.0.0.1")
		commit := register(t, s, registered(k, "tcp -h 10.0.0.1 -p 1 -t 60000", "udp -h 10.0.0.1 -p 2 -t 60000"))
		if len(commit.Instances) != 1 || len(commit.Events) != 1 || len(commit.Nodes) != 1 {
			t.Fatalf("commit has %d instances, %d events, %d nodes", len(commit.Instances), len(commit.Events), len(commit.Nodes))
		}
		got := commit.Instances[0]
		if got.Server.ID == 0 || got.Lease.ID == 0 || got.Adapters[0].ID == 0 || got.Server.Stamp == "" || got.Adapters[1].Stamp == "" {
			t.Errorf("ids or stamps are missing: %+v %+v %+v", got.Server, got.Lease, got.Adapters)
		}
		if got.Lease.Revision != 1 || commit.Events[0].Revision != 1 {
			t.Errorf("revision is %d, of the event %d", got.Lease.Revision, commit.Events[0].Revision)
		}
		read := load(t, s, k)
		if len(read.Adapters) != 2 || read.Server.PresentState != naming.Active || read.Lease.State != naming.LeaseLive {
			t.Errorf("read back: %+v %+v %+v", read.Server, read.Adapters, read.Lease)
		}
		if read.Lease.Registration == nil || len(read.Lease.Registration.Adapters) != 2 {
			t.Errorf("registration read back: %+v", read.Lease.Registration)
		}
	})
}

func TestR4StateChangeTouchesNothingElse(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "10.0.0.1")
		register(t, s, registered(k))
		update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
			instance := tx.Instance(k).Clone()
			instance.Server.PresentState = naming.Deactivating
			instance.Lease.Reported = naming.Deactivating
			// What TarsWeb writes between our read and our write stays.
			if d.Kind != "sqlite" {
				d.Exec(t, "UPDATE t_server_conf SET setting_state='inactive', template_name='edited'")
			}
			tx.Put(instance, naming.Event{Kind: naming.EventState, State: naming.Deactivating})
			return nil
		})
		if got := d.Text(t, "SELECT present_state FROM t_server_conf"); got != "deactivating" {
			t.Errorf("present_state is %s", got)
		}
		if d.Kind == "sqlite" {
			return // one writer at a time: nobody comes between
		}
		if got := d.Text(t, "SELECT CONCAT(setting_state, template_name) FROM t_server_conf"); got != "inactiveedited" {
			t.Errorf("TarsWeb's edit became %s", got)
		}
	})
}

func TestReRegistrationWritesTheDescriptionAndKeepsTheRest(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "10.0.0.1")
		first := register(t, s, registered(k, "tcp -h 10.0.0.1 -p 1", "tcp -h 10.0.0.1 -p 2", "tcp -h 10.0.0.1 -p 3")).Instances[0]
		d.Exec(t, "UPDATE t_server_conf SET setting_state='inactive', template_name='edited', enable_group='Y', exe_path='/x'")
		d.Exec(t, "UPDATE t_adapter_conf SET allow_ip='10.9.9.9'")
		again := update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
			instance := tx.Instance(k).Clone()
			instance.Server.SettingState, instance.Server.Version = naming.Active, "v2"
			instance.Server.EnableSet, instance.Server.SetName, instance.Server.SetArea, instance.Server.SetGroup = true, "n", "a", "g"
			adapters := registered(k, "tcp -h 10.0.0.1 -p 1", "tcp -h 10.0.0.1 -p 22").Adapters
			instance.Adapters = adapters
			tx.Put(instance, naming.Event{Kind: naming.EventRegistered, State: naming.Active})
			return nil
		}).Instances[0]
		if again.Server.ID != first.Server.ID || again.Lease.ID != first.Lease.ID || again.Lease.Revision != 2 {
			t.Errorf("ids or revision changed: %+v, %+v", again.Server, again.Lease)
		}
		got := d.Text(t, "SELECT setting_state || ' ' || patch_version || ' ' || template_name || ' ' || enable_group || ' ' || exe_path || ' ' ||"+
			" set_name || set_area || set_group FROM t_server_conf")
		if want := "active v2 edited Y /x nag"; got != want {
			t.Errorf("the row is %q, want %q", got, want)
		}
		if got := d.Text(t, "SELECT COUNT(*) FROM t_adapter_conf"); got != "2" {
			t.Errorf("%s adapters are left (R11: the list is the whole truth)", got)
		}
		if got := d.Text(t, "SELECT COUNT(*) FROM t_adapter_conf WHERE allow_ip='10.9.9.9'"); got != "2" {
			t.Errorf("%s adapters kept TarsWeb's allow_ip, want 2", got)
		}
		if again.Adapters[0].ID != first.Adapters[0].ID || again.Adapters[0].Stamp == "" || again.Adapters[1].Endpoint != "tcp -h 10.0.0.1 -p 22" {
			t.Errorf("adapters are %+v", again.Adapters)
		}
	})
}

func TestR10EndRemovesRowsAndHostFiles(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k, neighbour := key("App", "Server", "10.0.0.1"), key("App", "Server", "10.0.0.2")
		register(t, s, registered(k), registered(neighbour))
		d.Exec(t, "INSERT INTO t_config_files (server_name, host, filename) VALUES"+
			" ('App.Server', '10.0.0.1', 'a.conf'), ('App.Server', '10.0.0.2', 'a.conf'), ('App.Server', '', 'a.conf'), ('App.Other', '10.0.0.1', 'a.conf')")
		commit := end(t, s, k)
		if commit.Instances[0].Server != nil || commit.Instances[0].Lease.State != naming.LeaseLeft {
			t.Errorf("committed %+v", commit.Instances[0])
		}
		for query, want := range map[string]string{
			"SELECT COUNT(*) FROM t_server_conf":                                   "1",
			"SELECT COUNT(*) FROM t_adapter_conf":                                  "1",
			"SELECT COUNT(*) FROM t_config_files":                                  "3",
			"SELECT COUNT(*) FROM t_config_files WHERE host='10.0.0.1'":            "1",
			"SELECT state FROM t_registry_lease WHERE node_name='10.0.0.1'":        "left",
			"SELECT COUNT(*) FROM t_registry_tombstone WHERE server_name='Server'": "1",
		} {
			if got := d.Text(t, query); got != want {
				t.Errorf("%s is %s, want %s", query, got, want)
			}
		}
	})
}

func TestR15KeysCompareAsTheCollationDoes(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		d.Exec(t, "INSERT INTO t_server_conf (application, server_name, node_name) VALUES ('APP', 'server ', 'Node')")
		d.Exec(t, "INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, endpoint) VALUES ('app', 'SERVER', 'node ', 'a', 'tcp -p 1')")
		d.Exec(t, "INSERT INTO t_node_info (node_name, node_obj) VALUES ('NODE ', 'tars.tarsnode.NodeObj@tcp -h node -p 0')")
		k := key("App", "Server", "node")
		got := load(t, s, k)
		if got.Server == nil || len(got.Adapters) != 1 {
			t.Fatalf("found %+v", got)
		}
		snapshot, err := s.LoadAll(t.Context())
		if err != nil || len(snapshot.Instances) != 1 {
			t.Fatalf("%d instances, %v", len(snapshot.Instances), err)
		}
		update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
			if tx.Node("nOdE") == nil {
				t.Error("the node is not found")
			}
			instance := tx.Instance(k).Clone()
			instance.Lease = registered(k).Lease
			instance.Server.PresentState = naming.Active
			tx.Put(instance, naming.Event{Kind: naming.EventAdopted})
			return nil
		})
		if got := d.Text(t, "SELECT COUNT(*) FROM t_server_conf"); got != "1" {
			t.Errorf("%s rows, want the one that was there", got)
		}
		if got := load(t, s, key("aPP", "sERVER", "nODE")); got.Lease == nil || got.Server.PresentState != naming.Active {
			t.Errorf("found %+v", got)
		}
	})
}

func TestR3NodeOfAMachineIsNeverTouched(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		object := "tars.tarsnode.NodeObj@tcp -h 10.0.0.1 -p 19385 -t 60000"
		d.Exec(t, "INSERT INTO t_node_info (node_name, node_obj, present_state, last_heartbeat) VALUES ('10.0.0.1', '"+object+"', 'active', '2020-01-01 00:00:00')")
		register(t, s, registered(key("App", "Server", "10.0.0.1")))
		update(t, s, store.Scope{Nodes: []string{"10.0.0.1"}}, func(tx *store.Tx) error {
			node := *tx.Node("10.0.0.1")
			node.PresentState = naming.Inactive
			tx.PutNode(node)
			tx.DeleteNode("10.0.0.1")
			return nil
		})
		if err := s.TouchNodes(t.Context(), []store.NodeBeat{{Name: "10.0.0.1"}}); err != nil {
			t.Fatal(err)
		}
		got := d.Text(t, "SELECT node_obj || present_state || substr(last_heartbeat, 1, 10) FROM t_node_info")
		if want := object + "active2020-01-01"; got != want {
			t.Errorf("the node became %s", got)
		}
	})
}

func TestNodeOfAPodIsMadeKeptAndRemoved(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "fd00:10:244:1:2:3:4:5")
		register(t, s, registered(k))
		if got := d.Text(t, "SELECT present_state || setting_state || endpoint_ip FROM t_node_info"); got != "activeactive"+k.Node {
			t.Errorf("the node is %s", got)
		}
		d.Exec(t, "UPDATE t_node_info SET last_heartbeat = '2020-01-01 00:00:00', label = 'kept'")
		register(t, s, registered(k))
		if got := d.Text(t, "SELECT label || (last_heartbeat > '2021-01-01') FROM t_node_info"); got != "kept1" {
			t.Errorf("after a registration the node is %s", got)
		}
		update(t, s, store.Scope{Nodes: []string{k.Node}}, func(tx *store.Tx) error {
			if here := tx.LeasesOn(k.Node); len(here) != 1 || here[0].Server == nil {
				t.Errorf("on the node are %+v", here)
			}
			node := *tx.Node(k.Node)
			node.PresentState = naming.Inactive
			tx.PutNode(node)
			return nil
		})
		if got := d.Text(t, "SELECT present_state FROM t_node_info"); got != "inactive" {
			t.Errorf("the node is %s", got)
		}
		commit := update(t, s, store.Scope{Nodes: []string{k.Node}}, func(tx *store.Tx) error {
			tx.DeleteNode(k.Node)
			return nil
		})
		if got := d.Text(t, "SELECT COUNT(*) FROM t_node_info"); got != "0" || len(commit.NodesGone) != 1 {
			t.Errorf("%s nodes are left, %v gone", got, commit.NodesGone)
		}
	})
}

func TestGroupCommitUndoesOneRequestOnly(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		good, bad := key("App", "Good", "10.0.0.1"), key("App", "Bad", "10.0.0.2")
		register(t, s, registered(bad))
		put := func(tx *store.Tx, instance *naming.Instance) {
			tx.Put(instance, naming.Event{Kind: naming.EventRegistered, Reason: instance.Key.Server})
		}
		commit := update(t, s, store.Scope{Keys: []naming.Key{good, bad}}, func(tx *store.Tx) error {
			put(tx, registered(good))
			mark := tx.Mark()
			changed := tx.Instance(bad).Clone()
			changed.Server.Version = "never"
			put(tx, changed)
			put(tx, registered(good, "tcp -h 10.0.0.1 -p 99"))
			tx.PutNode(podNode("10.0.0.9"))
			tx.Undo(mark)
			if got := tx.Instance(bad).Server.Version; got != "v1" {
				t.Errorf("after Undo the version is %s", got)
			}
			return nil
		})
		if len(commit.Instances) != 1 || commit.Instances[0].Key != good || len(commit.Events) != 1 || len(commit.Nodes) != 0 {
			t.Errorf("commit is %+v", commit)
		}
		if got := d.Text(t, "SELECT patch_version FROM t_server_conf WHERE server_name='Bad'"); got != "v1" {
			t.Errorf("the undone change was written: %s", got)
		}
	})
}

func TestR30ErrorOfAClosureRollsBackAndComesBackAsItIs(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "10.0.0.1")
		refusal := errors.New("refused")
		calls := 0
		commit, err := s.Update(t.Context(), store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
			calls++
			tx.Put(registered(k), naming.Event{Kind: naming.EventRegistered})
			return refusal
		})
		if err != refusal || commit != nil || calls != 1 { //nolint:errorlint // not wrapped either
			t.Errorf("got %v, %v after %d calls", commit, err, calls)
		}
		if got := d.Text(t, "SELECT COUNT(*) FROM t_registry_lease"); got != "0" {
			t.Errorf("%s leases were written", got)
		}
		if commit := update(t, s, store.Scope{Keys: []naming.Key{k}}, func(*store.Tx) error { return nil }); len(commit.Instances) != 0 {
			t.Errorf("a closure that puts nothing commits %+v", commit)
		}
	})
}

func TestR35WorkerIDsAreUniqueAmongInstances(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		take := func(node string) (id int64, ok bool) {
			k := key("App", "Server", node)
			update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) (err error) {
				held, err := tx.WorkerIDs(k)
				if err != nil {
					return err
				}
				if id, ok = int64(len(held)), len(held) < 2; !ok {
					return nil
				}
				if !held[0] {
					id = 0
				}
				instance := registered(k)
				instance.Lease.WorkerID = id
				tx.Put(instance, naming.Event{Kind: naming.EventRegistered})
				return nil
			})
			return id, ok
		}
		for i, node := range []string{"10.0.0.1", "10.0.0.2"} {
			if id, ok := take(node); !ok || id != int64(i) {
				t.Errorf("%s got %d, %v", node, id, ok)
			}
		}
		if id, ok := take("10.0.0.3"); ok {
			t.Errorf("a third of two ids was given: %d", id)
		}
		k := key("App", "Server", "10.0.0.1")
		update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
			instance := tx.Instance(k).Clone()
			instance.Lease.State, instance.Lease.WorkerID = naming.LeaseLeft, -1
			tx.Put(instance, naming.Event{Kind: naming.EventLeft})
			return nil
		})
		if id, ok := take("10.0.0.3"); !ok || id != 0 {
			t.Errorf("the freed id was not given: %d, %v", id, ok)
		}
	})
}

func TestTakeoverLoadsFurtherInstances(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		old, other := key("App", "Old", "10.0.0.1"), key("App", "Other", "10.0.0.2")
		register(t, s, registered(old), registered(other, "tcp -h 10.0.0.1 -p 5"))
		k := key("App", "New", "10.0.0.1")
		commit := update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
			if err := tx.Load(other); err != nil {
				return err
			}
			tx.Put(registered(k, "tcp -h 10.0.0.1 -p 5"), naming.Event{Kind: naming.EventRegistered})
			for _, neighbour := range append(tx.LeasesOn(k.Node), tx.Instance(other)) {
				if neighbour.Key == k {
					continue
				}
				ended := neighbour.Clone() // by its lease only, for Old
				ended.Server, ended.Adapters, ended.Lease.State = nil, nil, naming.LeaseLeft
				tx.Put(ended, naming.Event{Kind: naming.EventEnded})
			}
			return nil
		})
		if len(commit.Instances) != 3 || len(commit.Tombstones) != 1 || commit.Tombstones[0].Key != old {
			t.Errorf("%d instances, tombstones %+v", len(commit.Instances), commit.Tombstones)
		}
		if got := d.Text(t, "SELECT COUNT(*) FROM t_server_conf"); got != "1" {
			t.Errorf("%s servers are left", got)
		}
	})
}

func TestR1LeaseStampsAreWrittenOnlyWhereTheyChange(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "10.0.0.1")
		register(t, s, registered(k))
		past(t, d, "t_registry_lease", "last_heartbeat", time.Hour, "1 = 1")
		past(t, d, "t_registry_lease", "state_since", 2*time.Hour, "1 = 1")
		before := load(t, s, k).Lease
		change := func(fn func(*naming.Lease)) *naming.Lease {
			update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
				instance := tx.Instance(k).Clone()
				fn(instance.Lease)
				tx.Put(instance, naming.Event{Kind: naming.EventState})
				return nil
			})
			return load(t, s, k).Lease
		}
		operated := change(func(l *naming.Lease) { l.FlowOffBy = naming.FlowOffByOperator })
		if operated.Heartbeat != before.Heartbeat || operated.StateAge < 2*time.Hour || operated.Registration == nil {
			t.Errorf("an operator's change moved a stamp: %+v", operated)
		}
		expired := change(func(l *naming.Lease) { l.State = naming.LeaseExpired })
		if expired.Heartbeat != before.Heartbeat || expired.StateAge > time.Minute {
			t.Errorf("expired: %+v", expired)
		}
		revived := change(func(l *naming.Lease) { l.State, l.HeartbeatAge = naming.LeaseLive, 10*time.Minute })
		if revived.HeartbeatAge < 10*time.Minute || revived.HeartbeatAge > 11*time.Minute || revived.Revision != 4 {
			t.Errorf("revived: %+v", revived)
		}
		taken := change(func(l *naming.Lease) {
			*l = naming.Lease{State: naming.LeaseLive, Duration: time.Minute, WorkerID: -1}
		})
		if taken.HeartbeatAge > time.Minute || taken.StateAge > time.Minute || taken.Registration != nil || taken.Revision != 5 {
			t.Errorf("taken over: %+v", taken)
		}
	})
}

func TestPutWithoutALeaseLeavesTheLeaseAsItIs(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "10.0.0.1")
		register(t, s, registered(k))
		commit := update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
			instance := tx.Instance(k).Clone()
			instance.Lease, instance.Server.BakFlag = nil, 1
			tx.Put(instance, naming.Event{Kind: naming.EventFlow})
			return nil
		})
		if got := commit.Instances[0]; got.Lease == nil || got.Lease.State != naming.LeaseLive {
			t.Errorf("committed %+v", got)
		}
		if got := load(t, s, k); got.Lease == nil || got.Lease.Revision != 2 || got.Lease.Registration == nil || got.Server.BakFlag != 1 {
			t.Errorf("read %+v", got)
		}
	})
}
