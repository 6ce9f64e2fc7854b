package clean

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }

var _ Store = (*store.Store)(nil)

// realRemover makes the changes with real transactions.
type realRemover struct{ store *store.Store }

func (r realRemover) Remove(ctx context.Context, key naming.Key, reason, actor string) (removed bool, err error) {
	_, err = r.store.Update(ctx, store.Scope{Keys: []naming.Key{key}}, func(tx *store.Tx) error {
		removed = transition.Clean(tx, key, reason, actor).Changed
		return nil
	})
	return removed, err
}

func (r realRemover) RemoveNode(ctx context.Context, node, _ string) (bool, error) {
	commit, err := r.store.Update(ctx, store.Scope{Nodes: []string{node}}, func(tx *store.Tx) error {
		if len(tx.LeasesOn(node)) == 0 && tx.Node(node) != nil {
			tx.DeleteNode(node)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	return len(commit.NodesGone) > 0, nil
}

// installation is one with something of every kind in its tables.
type installation struct {
	t       *testing.T
	d       *storetest.Database
	store   *store.Store
	cleaner *Cleaner
}

func newInstallation(t *testing.T, d *storetest.Database) *installation {
	t.Helper()
	s := d.Open(t, "one")
	i := &installation{t: t, d: d, store: s}
	i.cleaner = New(Options{Store: s, Remover: realRemover{s}, Logger: slog.New(slog.DiscardHandler)})
	return i
}

// pod registers an instance with an adapter and a config file for its host.
func (i *installation) pod(server, node string) naming.Key {
	i.t.Helper()
	key := naming.Key{Application: "Shop", Server: server, Node: node}
	servant := key.ServerName() + ".Obj"
	registration := &naming.Registration{
		Key: key, State: naming.Active,
		Adapters: []naming.Adapter{{Servant: servant, Endpoint: "tcp -h " + node + " -p " + port(server) + " -t 60000"}},
	}
	if err := registration.Normalize(); err != nil {
		i.t.Fatal(err)
	}
	_, err := i.store.Update(i.t.Context(), store.Scope{Keys: []naming.Key{key}}, func(tx *store.Tx) error {
		_, err := transition.Rules{LeaseTTL: 95 * time.Second}.Register(tx, registration, transition.Caller{}, nil)
		return err
	})
	if err != nil {
		i.t.Fatal(err)
	}
	i.config(key.ServerName(), node)
	return key
}

func port(server string) string {
	if server == "One" {
		return "10001"
	}
	return "10002"
}

func (i *installation) config(server, host string) {
	i.t.Helper()
	i.d.Exec(i.t, "INSERT INTO t_config_files (server_name, host, filename, config, posttime, lastuser) VALUES (?, ?, 'a.conf', 'x', "+i.d.WallAgo(10)+", 'test')", server, host)
}

// expire has a pod's lease have expired so many seconds ago.
func (i *installation) expire(key naming.Key, seconds int) {
	i.t.Helper()
	i.d.Exec(i.t, "UPDATE t_registry_lease SET state = 'expired', revision = revision + 1, state_since = "+i.d.Ago(seconds)+
		", last_heartbeat = "+i.d.Ago(seconds)+" WHERE server_name = ? AND node_name = ?", key.Server, key.Node)
	i.d.Exec(i.t, "UPDATE t_server_conf SET present_state = 'inactive' WHERE server_name = ? AND node_name = ?", key.Server, key.Node)
	i.d.Exec(i.t, "UPDATE t_node_info SET present_state = 'inactive', last_heartbeat = "+i.d.WallAgo(seconds)+" WHERE node_name = ?", key.Node)
}

// row inserts rows as other programs do, on a node with tarsnode at that port.
func (i *installation) row(node, tarsnodePort, state string, seconds int) {
	i.t.Helper()
	i.d.Exec(i.t, "INSERT INTO t_node_info (node_name, node_obj, endpoint_ip, endpoint_port, last_reg_time, last_heartbeat, setting_state, present_state, tars_version, template_name, modify_time)"+
		" VALUES (?, ?, ?, 0, "+i.d.WallAgo(seconds)+", "+i.d.WallAgo(seconds)+", 'active', ?, '', '', "+i.d.WallAgo(seconds)+")",
		node, "tars.tarsnode.NodeObj@tcp -h "+node+" -p "+tarsnodePort+" -t 60000", node, state)
	i.d.Exec(i.t, "INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state, server_type) VALUES ('Old', 'Server', ?, 'active', ?, 'tars_cpp')", node, state)
	i.d.Exec(i.t, "INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, servant, endpoint) VALUES ('Old', 'Server', ?, 'Old.Server.ObjAdapter', 'Old.Server.Obj', ?)",
		node, "tcp -h "+node+" -p 1 -t 1")
	i.config("Old.Server", node)
}

// rows tells what there is of a node: node, servers, adapters, config files.
func (i *installation) rows(node string) string {
	i.t.Helper()
	var counts []string
	for _, query := range []string{
		"SELECT COUNT(*) FROM t_node_info WHERE node_name = ?",
		"SELECT COUNT(*) FROM t_server_conf WHERE node_name = ?",
		"SELECT COUNT(*) FROM t_adapter_conf WHERE node_name = ?",
		"SELECT COUNT(*) FROM t_config_files WHERE host = ?",
	} {
		counts = append(counts, i.d.Text(i.t, query, node))
	}
	return strings.Join(counts, " ")
}

func (i *installation) wantRows(node, want string) {
	i.t.Helper()
	if got := i.rows(node); got != want {
		i.t.Errorf("%s: node, servers, adapters and config files are %s, want %s", node, got, want)
	}
}

func (i *installation) clean(request Request) Report {
	i.t.Helper()
	report, err := i.cleaner.Clean(i.t.Context(), request)
	if err != nil {
		i.t.Fatal(err)
	}
	return report
}

const (
	day  = 90000 // 25 h, in seconds
	hour = 3600
)

func TestCleanInTheTables(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		i := newInstallation(t, d)
		i.pod("One", "10.0.0.1")                 // alive
		i.expire(i.pod("One", "10.0.0.2"), day)  // long gone
		i.expire(i.pod("One", "10.0.0.3"), hour) // not for long
		i.expire(i.pod("One", "10.0.0.4"), day)  // long gone, beside a live one
		i.pod("Two", "10.0.0.4")
		d.Exec(t, "UPDATE t_node_info SET present_state = 'active', last_heartbeat = "+d.WallAgo(1)+" WHERE node_name = '10.0.0.4'")
		i.row("10.0.0.5", "0", "inactive", day)     // of a registry without leases
		i.row("10.0.0.6", "19385", "inactive", day) // a machine
		i.row("10.0.0.7", "0", "active", day)       // not inactive yet: that is the sweep's to decide
		i.config("Shop.One", "")                    // for all hosts

		dry := i.clean(Request{DryRun: true})
		for _, node := range []string{"10.0.0.2", "10.0.0.5", "10.0.0.6"} {
			i.wantRows(node, "1 1 1 1")
		}
		report := i.clean(Request{Actor: "anna"})
		wantReport := []string{
			"server Shop.One@10.0.0.2", "server Shop.One@10.0.0.4", "server Old.Server@10.0.0.5",
			"node 10.0.0.2", "node 10.0.0.5",
		}
		for name, text := range map[string]string{"dry run": dry.String(), "report": report.String()} {
			lines := strings.Split(text, "\n")
			if got := lines[:len(lines)-1]; strings.Join(got, "|") != strings.Join(wantReport, "|") {
				t.Errorf("%s:\n%s\nwant %v", name, text, wantReport)
			}
		}
		i.wantRows("10.0.0.1", "1 1 1 1")
		i.wantRows("10.0.0.2", "0 0 0 0")
		i.wantRows("10.0.0.3", "1 1 1 1")
		i.wantRows("10.0.0.4", "1 1 1 1")
		i.wantRows("10.0.0.5", "0 0 0 0")
		i.wantRows("10.0.0.6", "1 1 1 1")
		i.wantRows("10.0.0.7", "1 1 1 1")
		i.wantRows("", "0 0 0 1")
		if got := d.Text(t, "SELECT state FROM t_registry_lease WHERE node_name = '10.0.0.2'"); got != "cleaned" {
			t.Errorf("R5: the lease is %s, want cleaned, so that the pod can come back", got)
		}
		if got := d.Text(t, "SELECT reason FROM t_registry_event WHERE kind = 'cleaned' AND node_name = '10.0.0.2'"); !strings.HasPrefix(got, "inactive since before ") {
			t.Errorf("reason %q", got)
		}
		if got := d.Text(t, "SELECT actor FROM t_registry_event WHERE kind = 'cleaned' AND node_name = '10.0.0.2'"); got != "anna" {
			t.Errorf("actor %q", got)
		}
		if again := i.clean(Request{}); len(again.Servers)+len(again.Nodes) != 0 {
			t.Errorf("the second time:\n%s", again)
		}
	})
}

func TestCutOffInTheDatabasesTimeZone(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		i := newInstallation(t, d)
		i.expire(i.pod("One", "10.0.0.1"), 7200)
		i.expire(i.pod("One", "10.0.0.2"), 600)
		before := d.Text(t, "SELECT "+d.WallAgo(hour))[:len(time.DateTime)]
		request, err := ParseCommand("n " + before)
		if err != nil {
			t.Fatal(err)
		}
		report := i.clean(request)
		if len(report.Servers) != 1 || report.Servers[0].Node != "10.0.0.1" || report.Before != before {
			t.Errorf("report:\n%s", report)
		}
		for _, seconds := range []int{-60, 60} {
			refused := d.Text(t, "SELECT "+d.WallAgo(seconds))[:len(time.DateTime)]
			if _, err := i.cleaner.Clean(t.Context(), Request{Before: refused}); err == nil {
				t.Errorf("the cut-off %d s ago was not refused", seconds)
			}
		}
	})
}

func TestExpiredLeaseWithoutRows(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		i := newInstallation(t, d)
		key := i.pod("One", "10.0.0.1")
		i.expire(key, day)
		d.Exec(t, "DELETE FROM t_server_conf")
		d.Exec(t, "DELETE FROM t_adapter_conf")
		i.clean(Request{})
		if got := d.Text(t, "SELECT state FROM t_registry_lease"); got != "cleaned" {
			t.Errorf("the lease is %s", got)
		}
		if report := i.clean(Request{DryRun: true}); len(report.Servers) != 0 {
			t.Errorf("it is found for ever:\n%s", report)
		}
	})
}

func TestPruneInTheTables(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		i := newInstallation(t, d)
		const eightDays = 691200
		i.pod("One", "10.0.0.1")
		i.pod("One", "10.0.0.2")
		i.pod("One", "10.0.0.3")
		d.Exec(t, "UPDATE t_registry_lease SET state = 'cleaned', state_since = "+d.Ago(eightDays)+" WHERE node_name = '10.0.0.2'")
		d.Exec(t, "UPDATE t_registry_lease SET state = 'cleaned', state_since = "+d.Ago(day)+" WHERE node_name = '10.0.0.3'")
		d.Exec(t, "UPDATE t_registry_event SET created = "+d.Ago(eightDays)+" WHERE node_name <> '10.0.0.1'")
		d.Exec(t, "INSERT INTO t_registry_flush (replica, flushed_at) VALUES ('gone', "+d.Ago(day)+")")
		d.Exec(t, "INSERT INTO t_registry_flush (replica, flushed_at) VALUES ('here', "+d.Ago(60)+")")
		if err := i.cleaner.job(t.Context()); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]string{
			"SELECT COUNT(*) FROM t_registry_lease":                              "2",
			"SELECT COUNT(*) FROM t_registry_lease WHERE node_name = '10.0.0.2'": "0",
			"SELECT COUNT(*) FROM t_registry_event WHERE kind = 'registered'":    "1",
			"SELECT COUNT(*) FROM t_registry_flush":                              "1",
			"SELECT replica FROM t_registry_flush":                               "here",
		} {
			if got := d.Text(t, query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	})
}
