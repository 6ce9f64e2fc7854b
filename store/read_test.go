package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

func TestLoadAllReadsThePicture(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "10.0.0.1")
		register(t, s, registered(k, "tcp -h 10.0.0.1 -p 2", "tcp -h 10.0.0.1 -p 1"))
		register(t, s, registered(key("App", "Gone", "10.0.0.2")))
		end(t, s, key("App", "Gone", "10.0.0.2"))
		d.Exec(t, "INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, servant, endpoint) VALUES"+
			" ('App', 'Orphan', '10.0.0.3', 'a', NULL, NULL)")
		d.Exec(t, "INSERT INTO t_server_conf (application, server_name, node_name, enable_set, set_name, ip_group_name, bak_flag) VALUES"+
			" ('App', 'Host', '10.0.0.4', 'y', 'n', NULL, 1)")
		d.Exec(t, "INSERT INTO t_server_group_rule (group_id, allow_ip_rule, group_name) VALUES (2, '10.0.0.*', 'two'), (1, NULL, 'one')")
		d.Exec(t, "INSERT INTO t_group_priority (name, group_list, list_order, station) VALUES ('late', '1', 9, 's'), ('early', '2|1', 1, '')")
		if err := s.BeatRegistry(t.Context(), []naming.RegistryEntry{{Locator: "h:1", Servant: "tars.tarsregistry.QueryObj", Endpoint: "tcp -h h -p 1"}}, naming.Active); err != nil {
			t.Fatal(err)
		}
		snapshot, err := s.LoadAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		byServer := map[string]*naming.Instance{}
		for _, instance := range snapshot.Instances {
			byServer[instance.Key.Server] = instance
		}
		if len(byServer) != 4 {
			t.Fatalf("%d instances", len(byServer))
		}
		if got := byServer["Server"]; got.Key != k || len(got.Adapters) != 2 || got.Adapters[0].Name > got.Adapters[1].Name || !got.Serving() || got.Lease.Revision != 1 {
			t.Errorf("Server is %+v", got)
		}
		if got := byServer["Gone"]; got.Server != nil || got.Lease.State != naming.LeaseLeft {
			t.Errorf("Gone is %+v", got)
		}
		if got := byServer["Orphan"]; got.Server != nil || len(got.Adapters) != 1 || got.Adapters[0].Servant != "" {
			t.Errorf("Orphan is %+v", got)
		}
		if got := byServer["Host"].Server; got.SetID() != "n.." || got.BakFlag != 1 || got.EnableGroup {
			t.Errorf("Host is %+v", got)
		}
		if len(snapshot.Rules) != 2 || snapshot.Rules[0].ID != 1 || snapshot.Priorities[0].GroupName != "early" {
			t.Errorf("small tables: %+v %+v", snapshot.Rules, snapshot.Priorities)
		}
		if names, _, err := s.NodeNames(t.Context(), nil); err != nil || len(names) != 2 {
			t.Errorf("nodes: %v, %v", names, err)
		}
		if len(snapshot.Registries) != 1 || len(snapshot.Tombstones) != 1 || snapshot.Tombstones[0].Key.Server != "Gone" || snapshot.Stamps.Clock == 0 {
			t.Errorf("registries %+v, tombstones %+v", snapshot.Registries, snapshot.Tombstones)
		}
	})
}

// TestLoadAllFindsTheRowsOfAnInstance: wherever they stand in their tables, and
// however they spell its name.
func TestLoadAllFindsTheRowsOfAnInstance(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		const count = 130
		var list []*naming.Instance
		for i := range count {
			node := fmt.Sprintf("10.0.%d.%d", i/100, i%100)
			list = append(list, registered(key("App", "Server", node), "tcp -h "+node+" -p 1", "tcp -h "+node+" -p 2"))
		}
		for part := range slices.Chunk(list, 30) {
			register(t, s, part...)
		}
		// Rows made anew stand behind all others.
		for i, instance := range list {
			if i%10 == 0 {
				end(t, s, instance.Key)
				register(t, s, instance)
			}
		}
		d.Exec(t, "UPDATE t_adapter_conf SET server_name = 'SERVER' WHERE node_name = '10.0.0.7'")
		snapshot, err := s.LoadAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(snapshot.Instances) != count {
			t.Fatalf("%d instances", len(snapshot.Instances))
		}
		for _, instance := range snapshot.Instances {
			if instance.Server == nil || instance.Lease == nil || len(instance.Adapters) != 2 {
				t.Errorf("%s misses rows: %+v", instance.Key, instance)
			}
			for _, adapter := range instance.Adapters {
				if endpoint, err := naming.ParseEndpoint(adapter.Endpoint); err != nil || endpoint.Host != instance.Node {
					t.Errorf("%s has %s", instance.Key, adapter.Endpoint)
				}
			}
		}
	})
}

func TestR22EventsAreAFeedAndAHistory(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		register(t, s, registered(key("App", "Server", "10.0.0.1")))
		register(t, s, registered(key("App", "Other", "10.0.0.2")))
		end(t, s, key("App", "Server", "10.0.0.1"))
		past(t, d, "t_registry_event", "created", time.Hour, "server_name = 'Other'")
		const window = 10 * time.Minute
		ids, err := s.EventIDs(t.Context(), window, "")
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(ids)
		events, err := s.EventsByID(t.Context(), append(ids, 4711))
		if err != nil || len(events) != 2 || events[0].Kind != naming.EventRegistered || events[1].Kind != naming.EventLeft {
			t.Fatalf("events: %+v, %v", events, err)
		}
		if events[1].Revision != 2 || events[1].Replica != "replica-1" || events[1].Actor != "" || events[0].Actor != "test" {
			t.Errorf("events: %+v", events)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z", events[0].Time); err != nil {
			t.Error(err)
		}
		if own, err := s.EventIDs(t.Context(), window, "replica-1"); err != nil || len(own) != 0 {
			t.Errorf("one's own are not left out: %v, %v", own, err)
		}
		history, err := s.EventHistory(t.Context(), store.EventFilter{Application: "app", Server: "SERVER"})
		if err != nil || len(history) != 2 || history[0].Kind != naming.EventLeft {
			t.Errorf("history: %+v, %v", history, err)
		}
		page, err := s.EventHistory(t.Context(), store.EventFilter{Before: history[0].ID, Limit: 1})
		if err != nil || len(page) != 1 || page[0].Key.Server != "Other" {
			t.Errorf("page: %+v, %v", page, err)
		}
		resumed, err := s.EventHistory(t.Context(), store.EventFilter{After: page[0].ID})
		if err != nil || len(resumed) != 1 || resumed[0].ID != history[0].ID {
			t.Errorf("resumed: %+v, %v", resumed, err)
		}
	})
}

func TestR23StampsShowWhatOthersChange(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "10.0.0.1")
		ours := register(t, s, registered(k)).Instances[0]
		d.Exec(t, "INSERT INTO t_server_conf (application, server_name, node_name, registry_timestamp) VALUES"+
			" ('App', 'Old', 'n', '2020-01-01 00:00:00'), ('App', 'Ahead', 'n', '2037-01-01 00:00:00')")
		stamps, err := s.Stamps(t.Context(), nil)
		if err != nil || len(stamps.Servers) != 3 || len(stamps.Adapters) != 1 {
			t.Fatalf("stamps: %+v, %v", stamps, err)
		}
		if stamps.Servers[0].Text != ours.Server.Stamp || stamps.Adapters[0].Text != ours.Adapters[0].Stamp {
			t.Errorf("a commit's stamps %s, %s are read as %+v", ours.Server.Stamp, ours.Adapters[0].Stamp, stamps)
		}
		for i, want := range map[int]bool{1: false, 2: true} {
			if stamps.Servers[i].Again != want {
				t.Errorf("stamp %+v is to be read again: want %v", stamps.Servers[i], want)
			}
		}
		eventually(t, "what was stamped just now is to be read again", func() bool {
			d.Exec(t, "UPDATE t_server_conf SET registry_timestamp = "+d.WallAgo(0)+" WHERE server_name = 'Server'")
			return readStamps(t, s, nil).Servers[0].Again
		})
		d.Exec(t, "UPDATE t_server_conf SET bak_flag = 1 WHERE server_name = 'Old'") // as TarsWeb does, by the on-update rule
		after, err := s.Stamps(t.Context(), nil)
		if err != nil || after.Servers[1].Text == stamps.Servers[1].Text {
			t.Errorf("the change does not show: %+v, %v", after.Servers, err)
		}
		part, err := s.LoadByIDs(t.Context(), []int64{after.Servers[1].ID, 4711}, []int64{after.Adapters[0].ID})
		if err != nil || len(part.Instances) != 2 {
			t.Errorf("loaded %+v, %v", part, err)
		}
	})
}

func TestR25TombstonesComeAndGo(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "10.0.0.1")
		instance := registered(k, "tcp -h 10.0.0.1 -p 1 -t 3000", "tcp -h 10.0.0.1 -p 2")
		instance.Server.EnableSet, instance.Server.SetName, instance.Server.SetArea, instance.Server.SetGroup = true, "n", "a", "*"
		register(t, s, instance)
		commit := end(t, s, k)
		if len(commit.Tombstones) != 2 || commit.Tombstones[0].Server.SetID() != "n.a.*" || commit.Tombstones[0].ID == 0 {
			t.Fatalf("made %+v", commit.Tombstones)
		}
		part, err := s.LoadInstances(t.Context(), []naming.Key{k})
		if err != nil || len(part.Tombstones) != 2 || part.Instances[0].Server != nil {
			t.Errorf("another replica reads %+v, %v", part, err)
		}
		// The same protocol, host, port and timeout, however it is written, and of whatever instance.
		register(t, s, registered(key("App", "Other", "10.0.0.1"), "tcp -p 1 -h 10.0.0.1", "udp -h 10.0.0.1 -p 2"))
		if left := d.Text(t, "SELECT group_concat(id) FROM t_registry_tombstone"); left != fmt.Sprint(commit.Tombstones[1].ID) {
			t.Errorf("left: %s, want %d", left, commit.Tombstones[1].ID)
		}
		// A changed weight is the same endpoint; a changed timeout another.
		k = key("App", "Other", "10.0.0.1")
		if changed := register(t, s, registered(k, "tcp -p 1 -h 10.0.0.1 -w 50", "udp -h 10.0.0.1 -p 2 -t 5000")); len(changed.Tombstones) != 1 {
			t.Errorf("made %+v", changed.Tombstones)
		}
		past(t, d, "t_registry_tombstone", "created", time.Hour, "1 = 1")
		if snapshot, err := s.LoadAll(t.Context()); err != nil || len(snapshot.Tombstones) != 0 {
			t.Errorf("past their time: %+v, %v", snapshot.Tombstones, err)
		}
	})
}

func TestR28RegistriesBeatAndEnd(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		rows := []naming.RegistryEntry{
			{Locator: "10.0.0.1:17890", Servant: "tars.tarsregistry.QueryObj", Endpoint: "tcp -h 10.0.0.1 -p 17890", Version: "1"},
			{Locator: "10.0.0.1:17890", Servant: "tars.tarsregistry.Registry", Endpoint: "tcp -h 10.0.0.1 -p 17892", Version: "1"},
		}
		for range 2 {
			if err := s.BeatRegistry(t.Context(), rows, naming.Active); err != nil {
				t.Fatal(err)
			}
		}
		read, err := s.Registries(t.Context())
		if err != nil || len(read) != 2 || read[1].Endpoint != rows[1].Endpoint || read[0].Heartbeat == "" || read[0].PresentState != naming.Active {
			t.Fatalf("read %+v, %v", read, err)
		}
		stale := read[1]
		stale.Heartbeat = "2020-01-01 00:00:00"
		if ended, err := s.EndRegistries(t.Context(), []naming.RegistryEntry{read[0], stale}); err != nil || ended != 1 {
			t.Errorf("ended %d, %v", ended, err)
		}
		read, _ = s.Registries(t.Context())
		if read[0].PresentState != naming.Inactive || read[1].PresentState != naming.Active {
			t.Errorf("read %+v", read)
		}
	})
}
