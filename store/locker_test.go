package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

// lockTime is longer than any of these tests takes.
const lockTime = 5 * time.Minute

func ask(t *testing.T, s *store.Store, node string, change ...func(*store.LockRequest)) store.LockResult {
	t.Helper()
	request := store.LockRequest{Application: "App", Server: "Server", Node: node, Timeout: lockTime}
	for _, c := range change {
		c(&request)
	}
	result, err := s.Lock(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func master(r *store.LockRequest)    { r.Master = true }
func errored(r *store.LockRequest)   { r.LastError = true }
func switching(r *store.LockRequest) { r.SwitchRoutes = true }

func TestR34OneHolderAtATime(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		if got := ask(t, s, "a"); !got.Granted || got.Holder != "a" {
			t.Fatalf("the first who asks: %+v", got)
		}
		if got := ask(t, s, "b"); got.Granted || got.Holder != "a" {
			t.Errorf("another: %+v", got)
		}
		if got := ask(t, s, "b", master); got.Granted {
			t.Errorf("another that believes it is master: %+v", got)
		}
		if got := ask(t, s, "a", master); !got.Granted {
			t.Errorf("renewal: %+v", got)
		}
		other := ask(t, s, "b", func(r *store.LockRequest) { r.Server = "Other" })
		if !other.Granted {
			t.Errorf("another server's lock: %+v", other)
		}
	})
}

func TestR34LastHolderHasPrecedenceAfterALapse(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		lapse := func() {
			past(t, d, "t_registry_lock", "held_until", time.Hour, "1 = 1")
			past(t, d, "t_registry_lock", "reserved_until", time.Hour, "1 = 1")
		}
		ask(t, s, "a")
		lapse() // an outage much longer than the lock
		if got := ask(t, s, "b"); got.Granted {
			t.Errorf("another got the lock at once: %+v", got)
		}
		if got := ask(t, s, "a"); got.Granted {
			t.Errorf("the last holder got it although it lost its memory: %+v", got)
		}
		if got := ask(t, s, "a", errored); !got.Granted {
			t.Errorf("the last holder did not get it: %+v", got)
		}
		lapse()
		ask(t, s, "b") // begins the reservation
		past(t, d, "t_registry_lock", "reserved_until", lockTime+time.Second, "1 = 1")
		if got := ask(t, s, "b"); !got.Granted {
			t.Errorf("after the reservation: %+v", got)
		}
		if got := ask(t, s, "a", master); got.Granted {
			t.Errorf("the old master got it back: %+v", got)
		}
	})
}

func TestR34LockIsFreedByTheEndOfTheInstance(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		register(t, s, registered(key("App", "Server", "a")))
		ask(t, s, "a")
		end(t, s, key("App", "Server", "a"))
		if got := ask(t, s, "b"); !got.Granted {
			t.Errorf("after onPrestop: %+v", got)
		}
	})
}

func TestR34RoutesFollowTheLock(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		a, b := key("App", "Server", "a"), key("App", "Server", "b")
		register(t, s, registered(a), registered(b, "tcp -h 10.0.0.2 -p 1"))
		first := ask(t, s, "a", switching)
		if !first.Granted || len(first.Commit.Instances) != 1 || first.Commit.Instances[0].Key != b || first.Commit.Instances[0].Server.BakFlag != 1 {
			t.Errorf("the standby is not taken out: %+v", first.Commit)
		}
		if got := ask(t, s, "a", switching, master); len(got.Commit.Instances) != 0 {
			t.Errorf("a renewal changed routes: %+v", got.Commit)
		}
		end(t, s, a)
		if got := ask(t, s, "b", switching); !got.Granted || load(t, s, b).Server.BakFlag != 0 {
			t.Errorf("the new master is not handed out: %+v", got)
		}
	})
}

func TestR34RacingCallersGetOneGrant(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		var granted atomic.Int32
		var work sync.WaitGroup
		for _, node := range []string{"a", "b", "c", "d", "e", "f"} {
			work.Go(func() {
				result, err := s.Lock(context.WithoutCancel(t.Context()), store.LockRequest{
					Application: "App", Server: "Server", Node: node, Timeout: time.Minute,
				})
				if err != nil {
					t.Error(err)
				}
				if result.Granted {
					granted.Add(1)
				}
			})
		}
		work.Wait()
		if granted.Load() != 1 {
			t.Errorf("%d were granted the lock", granted.Load())
		}
	})
}

func TestTarsnodeRegistersBeatsAndReports(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		node := naming.Node{
			Name: "10.0.0.1", Object: "tars.tarsnode.NodeObj@tcp -h 10.0.0.1 -p 19385 -t 60000",
			EndpointIP: "10.0.0.1", EndpointPort: 19385, Version: "3",
		}
		load := store.LoadAverage{One: 1, Five: 2, Fifteen: 3}
		if known, err := s.BeatNode(t.Context(), node.Name, load); err != nil || known {
			t.Errorf("a node that never registered: %v, %v", known, err)
		}
		if got, err := s.RegisterNode(t.Context(), node, "/data", load); err != nil || got != store.NodeRegistered {
			t.Fatalf("register: %v, %v", got, err)
		}
		d.Exec(t, "UPDATE t_node_info SET template_name='kept', label='kept', group_id=7")
		impostor := node
		impostor.Object = "tars.tarsnode.NodeObj@tcp -h 10.9.9.9 -p 19385 -t 60000"
		if got, err := s.RegisterNode(t.Context(), impostor, "/data", load); err != nil || got != store.NodeTaken {
			t.Errorf("another machine of that name: %v, %v", got, err)
		}
		d.Exec(t, "UPDATE t_node_info SET last_heartbeat='2020-01-01 00:00:00', present_state='inactive'")
		if got, err := s.RegisterNode(t.Context(), impostor, "/data", load); err != nil || got != store.NodeRegistered {
			t.Errorf("after the first one's silence: %v, %v", got, err)
		}
		if got := d.Text(t, "SELECT template_name || label || group_id || present_state FROM t_node_info"); got != "keptkept7active" {
			t.Errorf("the row is %s", got)
		}
		if known, err := s.BeatNode(t.Context(), node.Name, load); err != nil || !known {
			t.Errorf("heartbeat: %v, %v", known, err)
		}
		if name, err := s.NodeTemplate(t.Context(), node.Name); err != nil || name != "kept" {
			t.Errorf("template %q, %v", name, err)
		}
	})
}

func TestTarsnodeReadsAndReportsItsServers(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		d.Exec(t, "INSERT INTO t_node_info (node_name, node_obj, present_state) VALUES ('host', 'x@tcp -h host -p 19385', 'active')")
		d.Exec(t, "INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state, profile, enable_set, set_name, set_area, set_group)"+
			" VALUES ('App', 'One', 'host', 'active', 'inactive', '<tars/>', 'Y', 'n', 'a', '1'), ('App', 'Two', 'host', 'active', 'inactive', NULL, 'N', NULL, NULL, NULL)")
		d.Exec(t, "INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, allow_ip, queuecap) VALUES ('App', 'One', 'host', 'a', '10.*', NULL)")
		all, err := s.NodeServers(t.Context(), "", "", "host")
		if err != nil || len(all) != 2 || all[0].SetID != "n.a.1" || all[0].Profile != "<tars/>" || len(all[0].Adapters) != 1 || all[0].Adapters[0].AllowIP != "10.*" {
			t.Fatalf("servers: %+v, %v", all, err)
		}
		if one, err := s.NodeServers(t.Context(), "App", "Two", "host"); err != nil || len(one) != 1 || one[0].AsyncThreadNum != 3 {
			t.Errorf("one server: %+v, %v", one, err)
		}
		pod := key("App", "Pod", "host")
		register(t, s, registered(pod))
		commit, err := s.ReportServers(t.Context(), []store.ServerState{
			{Key: all[0].Key, Present: naming.Active, ProcessID: 42},
			{Key: all[1].Key, Present: naming.Inactive},
			{Key: pod, Present: naming.Inactive},
			{Key: key("App", "Unknown", "host"), Present: naming.Active},
		}, "10.0.0.1")
		if err != nil || len(commit.Instances) != 1 || commit.Instances[0].Server.ProcessID != 42 || len(commit.Events) != 1 {
			t.Errorf("reported: %+v, %v", commit, err)
		}
		if err := s.ReportVersion(t.Context(), all[0].Key, "3.1"); err != nil {
			t.Error(err)
		}
		if err := s.ReportPatch(t.Context(), all[0].Key, "17", "somebody"); err != nil {
			t.Error(err)
		}
		if got := d.Text(t, "SELECT tars_version || ' ' || patch_version || ' ' || patch_user FROM t_server_conf WHERE server_name='One'"); got != "3.1 17 somebody" {
			t.Errorf("the row is %s", got)
		}
		gone, err := s.DestroyNode(t.Context(), "host")
		if err != nil || len(gone.Instances) != 1 || d.Text(t, "SELECT present_state FROM t_node_info WHERE node_name='host'") != "inactive" {
			t.Errorf("destroyed: %+v, %v", gone, err)
		}
		if got := load(t, s, pod).Server.PresentState; got != naming.Active {
			t.Errorf("a pod on it became %s", got)
		}
	})
}

func TestTemplatesFollowTheirParentsOnce(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		d.Exec(t, "INSERT INTO t_profile_template (template_name, parents_name, profile) VALUES"+
			" ('tars.default', 'tars.default', 'root'), ('child', 'TARS.default', 'leaf'), ('x', 'y', '1'), ('y', 'x', '2'), ('orphan', 'none', '3')")
		for name, want := range map[string]int{"child": 2, "x": 2, "orphan": 1, "unknown": 0, "": 0} {
			chain, err := s.Templates(t.Context(), name)
			if err != nil || len(chain) != want {
				t.Errorf("%q has %+v, %v", name, chain, err)
			}
		}
	})
}
