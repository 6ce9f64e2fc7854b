package clients

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver that the embedded database is read by

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/tars"
)

// What TarsWeb has deployed on the machine: two servers, inactive so far.
const (
	machine       = "192.0.2.10"
	machineObject = "tars.tarsnode.NodeObj@tcp -h 192.0.2.10 -p 19385 -t 60000"
	mainObject    = "Machine.MainServer.MainObj"
	sideObject    = "Machine.SideServer.SideObj"
)

// TestTarsnode plays a machine's tarsnode through its life, in the order in which
// the real one calls; tables and look-ups show what it says.
func TestTarsnode(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		r := replica.Start(t)
		playTarsnode(t, r, open(t, "sqlite", "file:"+filepath.Join(r.DataDir, registry.DatabaseFile)+"?_pragma=busy_timeout(10000)"))
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		dsn := mariadbtest.Database(t)
		playTarsnode(t, replica.Start(t, "--dsn", dsn), open(t, "mysql", dsn))
	})
}

func open(t *testing.T, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func playTarsnode(t *testing.T, r *replica.Replica, db *sql.DB) {
	t.Helper()
	n := &tarsnode{t: t, db: db, registry: new(tars.Registry), query: new(tars.QueryF)}
	n.registry.SetServant(replica.NewCaller(replica.NodeServant, long, r.Addresses.Node))
	n.query.SetServant(replica.NewCaller(replica.QueryServant, long, r.Addresses.Query))
	n.deploy()
	n.start()
	n.fetchServers()
	n.reportStates()
	n.reportDetails()
	n.askForImages()
	n.end()
}

// tarsnode is the one that is played, with a view of the tables of its own.
type tarsnode struct {
	t        *testing.T
	db       *sql.DB
	registry *tars.Registry
	query    *tars.QueryF
}

// deploy does what TarsWeb does: templates, servers and adapters, by plain SQL.
func (n *tarsnode) deploy() {
	n.t.Helper()
	const stamp = "2020-01-01 00:00:00"
	for _, statement := range []string{
		`INSERT INTO t_profile_template (template_name, parents_name, profile) VALUES
			('tars.tarsnode', '', '<tars><node>keepAlive=10</node></tars>'),
			('tars.default', '', '<tars><application><client>timeout=3000</client></application></tars>'),
			('Machine.own', 'tars.default', '<tars><application><client>timeout=5000</client></application></tars>')`,
		`INSERT INTO t_server_conf (application, server_name, node_name, registry_timestamp, base_path, exe_path, template_name, profile,
				setting_state, present_state, server_type, async_thread_num) VALUES
			('Machine', 'MainServer', '192.0.2.10', '` + stamp + `', '/base', '/base/bin', 'Machine.own', '<tars><application><server>own=1</server></application></tars>', 'active', 'inactive', 'tars_cpp', 5),
			('Machine', 'SideServer', '192.0.2.10', '` + stamp + `', '', '', 'tars.default', '', 'active', 'inactive', 'tars_go', 1)`,
		`INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, registry_timestamp, servant, endpoint, thread_num, max_connections, queuecap, queuetimeout, protocol, allow_ip, handlegroup) VALUES
			('Machine', 'MainServer', '192.0.2.10', 'Machine.MainServer.MainObjAdapter', '` + stamp + `', 'Machine.MainServer.MainObj', 'tcp -h 192.0.2.10 -p 10001 -t 60000', 5, 2000, 300, 400, 'tars', '', 'group'),
			('Machine', 'SideServer', '192.0.2.10', 'Machine.SideServer.SideObjAdapter', '` + stamp + `', 'Machine.SideServer.SideObj', 'tcp -h 192.0.2.10 -p 10002 -t 60000', 2, 1000, 100, 200, 'not_tars', '', '')`,
	} {
		if _, err := n.db.Exec(statement); err != nil {
			n.t.Fatal(err)
		}
	}
	n.found(mainObject, 0, 1)
	n.found(sideObject, 0, 1)
}

func (n *tarsnode) start() {
	n.t.Helper()
	var found []tars.EndpointF
	if code, err := n.query.FindObjectById4Any(replica.NodeServant, &found, new([]tars.EndpointF)); err != nil || code != 0 || len(found) != 1 {
		n.t.Errorf("tarsnode finds %+v for its registry, code %d, %v", found, code, err)
	}
	var address, profile string
	n.ok(n.registry.GetClientIp(&address))
	if address != "127.0.0.1" {
		n.t.Errorf("getClientIp says %q", address)
	}
	n.ok(n.registry.GetNodeTemplate(machine, &profile))
	n.holds(profile, "keepAlive=10")
	if code, err := n.registry.KeepAlive(machine, &tars.LoadInfo{}); err != nil || code != 1 {
		n.t.Errorf("the heartbeat of a machine that is not known: code %d, %v; want 1, register", code, err)
	}
	n.ok(n.registry.RegisterNode(machine, &tars.NodeInfo{
		NodeName: machine, NodeObj: machineObject, EndpointIp: machine, EndpointPort: 19385, DataDir: "/data", Version: "2.4.0",
	}, &tars.LoadInfo{Avg1: 0.5}))
	n.row("192.0.2.10|19385|active|active|2.4.0", `SELECT endpoint_ip, endpoint_port, setting_state, present_state, tars_version FROM t_node_info WHERE node_name = '192.0.2.10'`)
	code, err := n.registry.RegisterNode(machine, &tars.NodeInfo{NodeName: machine, NodeObj: "tars.tarsnode.NodeObj@tcp -h 192.0.2.99 -p 19385 -t 60000"}, &tars.LoadInfo{})
	if err != nil || code != 1 {
		n.t.Errorf("another live machine of the same name: code %d, %v; want 1", code, err)
	}
	n.ok(n.registry.ReportNode(&tars.ReportNode{NodeName: machine, Sid: "1"}))
	n.ok(n.registry.KeepAlive(machine, &tars.LoadInfo{Avg1: 1.5, Avg5: 2.5, Avg15: 3.5}))
	n.row("1.5|2.5|3.5", `SELECT load_avg1, load_avg5, load_avg15 FROM t_node_info WHERE node_name = '192.0.2.10'`)
}

func (n *tarsnode) fetchServers() {
	n.t.Helper()
	servers, err := n.registry.GetServers("", "", machine)
	if err != nil || len(servers) != 2 {
		n.t.Fatalf("getServers gives %d servers, %v; want 2", len(servers), err)
	}
	first := servers[0]
	if first.ServerName != "MainServer" || first.BasePath != "/base" || first.SettingState != "active" || first.PresentState != "inactive" || first.AsyncThreadNum != 5 {
		n.t.Errorf("the first server is %+v", first)
	}
	n.holds(first.Profile, "own=1")
	n.holds(first.Profile, "timeout=5000") // over that of the parent template
	adapter := first.Adapters["Machine.MainServer.MainObjAdapter"]
	if adapter.Servant != mainObject || adapter.Endpoint != "tcp -h 192.0.2.10 -p 10001 -t 60000" || adapter.ThreadNum != "5" || adapter.Handlegroup != "group" {
		n.t.Errorf("its adapter is %+v", adapter)
	}
	one, err := n.registry.GetServers("Machine", "SideServer", machine)
	if err != nil || len(one) != 1 || one[0].ServerName != "SideServer" || one[0].AsyncThreadNum != 3 {
		n.t.Errorf("getServers of one gives %+v, %v", one, err)
	}
}

func (n *tarsnode) reportStates() {
	n.t.Helper()
	n.ok(n.registry.UpdateServer(machine, "Machine", "MainServer", &tars.ServerStateInfo{ServerState: tars.ServerState_Activating, ProcessId: 4711}))
	n.row("activating|4711", `SELECT present_state, process_id FROM t_server_conf WHERE server_name = 'MainServer'`)
	n.found(mainObject, 0, 1)
	n.ok(n.registry.UpdateServer(machine, "Machine", "MainServer", &tars.ServerStateInfo{ServerState: tars.ServerState_Active, ProcessId: 4711}))
	n.row("active|4711", `SELECT present_state, process_id FROM t_server_conf WHERE server_name = 'MainServer'`)
	n.found(mainObject, 1, 0)
	n.ok(n.registry.UpdateServerBatch([]tars.ServerStateInfo{
		{ServerState: tars.ServerState_Active, ProcessId: 4712, NodeName: machine, Application: "Machine", ServerName: "MainServer"},
		{ServerState: tars.ServerState_Active, ProcessId: 4713, NodeName: machine, Application: "Machine", ServerName: "SideServer"},
	}))
	n.row("4712", `SELECT process_id FROM t_server_conf WHERE server_name = 'MainServer'`)
	n.row("active|4713", `SELECT present_state, process_id FROM t_server_conf WHERE server_name = 'SideServer'`)
	n.found(sideObject, 1, 0)
}

func (n *tarsnode) reportDetails() {
	n.t.Helper()
	n.ok(n.registry.ReportVersion("Machine", "MainServer", machine, "3.0.1"))
	n.ok(n.registry.UpdatePatchResult(&tars.PatchResult{SApplication: "Machine", SServerName: "MainServer", SNodeName: machine, SVersion: "77", SUserName: "somebody"}))
	n.row("3.0.1|77|somebody|1", `SELECT tars_version, patch_version, patch_user, patch_time IS NOT NULL FROM t_server_conf WHERE server_name = 'MainServer'`)
}

func (n *tarsnode) askForImages() {
	n.t.Helper()
	n.ok(n.registry.GetDockerRegistry(new([]tars.DockerRegistry)))
	n.ok(n.registry.GetFrameworkKey(new(tars.FrameworkKey)))
}

func (n *tarsnode) end() {
	n.t.Helper()
	n.ok(n.registry.DestroyNode(machine))
	n.row("inactive", `SELECT present_state FROM t_node_info WHERE node_name = '192.0.2.10'`)
	n.row("inactive", `SELECT DISTINCT present_state FROM t_server_conf WHERE node_name = '192.0.2.10'`)
	n.found(mainObject, 0, 1)
	n.found(sideObject, 0, 1)
}

func (n *tarsnode) ok(code int32, err error) {
	n.t.Helper()
	if err != nil || code != 0 {
		n.t.Errorf("code %d, %v; want 0", code, err)
	}
}

func (n *tarsnode) holds(text, part string) {
	n.t.Helper()
	if !strings.Contains(text, part) {
		n.t.Errorf("%q has no %q", text, part)
	}
}

// row checks the one row of a query, columns joined by a bar.
func (n *tarsnode) row(want, query string) {
	n.t.Helper()
	rows, err := n.db.Query(query)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		n.t.Fatal(err)
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var got []string
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			n.t.Fatal(err)
		}
		line := values[0].String
		for _, value := range values[1:] {
			line += "|" + value.String
		}
		got = append(got, line)
	}
	if err := rows.Err(); err != nil || len(got) != 1 || got[0] != want {
		n.t.Errorf("%s gives %q, %v; want %q", query, got, err, want)
	}
}

// found waits until a look-up has so many active and inactive endpoints: what
// another program wrote is found within seconds (R23).
func (n *tarsnode) found(object string, active, inactive int) {
	n.t.Helper()
	replica.Eventually(n.t, patience, "look-ups of "+object, func() error {
		var on, off []tars.EndpointF
		code, err := n.query.FindObjectById4Any(object, &on, &off)
		if err != nil || code != 0 {
			return fmt.Errorf("code %d: %w", code, err)
		}
		if len(on) != active || len(off) != inactive {
			return fmt.Errorf("active %+v, inactive %+v; want %d and %d", on, off, active, inactive)
		}
		return nil
	})
}
