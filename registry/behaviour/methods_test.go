package behaviour

import (
	"slices"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/tars"
)

// TestMethodsOnStartup: node, server and adapters as the description's SQL leaves
// them, with everything that it does not name at its default.
func TestMethodsOnStartup(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Full", "10.1.0.1")
		r.as("uid-1").register(i, func(req *tars.OnStartupReq) {
			req.SetID, req.State, req.Version = "mall.sz.1", "activating", "v7"
			req.TemplateName, req.ServerType = "tars.go", "tars_go"
			req.Adapters = append(req.Adapters, tars.AdapterConf{
				Servant: "App.Full.Two", Endpoint: "udp -h 10.1.0.1 -p 10001 -t 3000", Protocol: "not_tars", ThreadNum: 1,
			})
		})

		server := d.server(i)
		d.want("t_server_conf", server, row{
			"node_group": "", "base_path": "", "exe_path": "", "template_name": "tars.go", "bak_flag": "0",
			"setting_state": "active", "present_state": "activating", "process_id": "0", "patch_version": "v7",
			"patch_user": "", "tars_version": "", "server_type": "tars_go", "enable_group": "N",
			"enable_set": "Y", "set_name": "mall", "set_area": "sz", "set_group": "1",
			"config_center_port": "0", "async_thread_num": "3", "server_important_type": "0",
		})
		for column, want := range map[string]string{"flow_state": "active", "metrics_port": "0", "grid_flag": "NORMAL"} {
			if d.has("t_server_conf", column) {
				d.want("t_server_conf", server, row{column: want})
			}
		}
		for _, column := range []string{"registry_timestamp", "patch_time", "posttime"} {
			d.recent("t_server_conf", column)
		}

		adapters := d.rows("SELECT * FROM t_adapter_conf ORDER BY adapter_name")
		if len(adapters) != 2 {
			t.Fatalf("%d adapters, want 2", len(adapters))
		}
		d.want("the first adapter", adapters[0], row{
			"application": "App", "server_name": "Full", "node_name": "10.1.0.1", "adapter_name": "App.Full.ObjAdapter",
			"servant": "App.Full.Obj", "endpoint": "tcp -h 10.1.0.1 -p 10000 -t 60000", "protocol": "tars",
			"thread_num": "5", "max_connections": "200000", "queuecap": "10000", "queuetimeout": "60000",
			"allow_ip": "", "handlegroup": "",
		})
		d.want("the second adapter", adapters[1], row{
			"adapter_name": "App.Full.TwoAdapter", "servant": "App.Full.Two", "endpoint": "udp -h 10.1.0.1 -p 10001 -t 3000",
			"protocol": "not_tars", "thread_num": "1",
		})
		d.recent("t_adapter_conf", "registry_timestamp")

		d.want("t_node_info", d.node("10.1.0.1"), row{
			"endpoint_ip": "10.1.0.1", "endpoint_port": "0", "setting_state": "active", "present_state": "active",
			"group_id": "-1", "tars_version": "", "template_name": "",
		})
		if object := d.node("10.1.0.1")["node_obj"]; !strings.HasPrefix(object, "tars.tarsnode.NodeObj@tcp -h 10.1.0.1 -p 0") {
			t.Errorf("node_obj is %q, want a tarsnode at port 0", object)
		}
		for _, column := range []string{"last_reg_time", "last_heartbeat", "modify_time"} {
			d.recent("t_node_info", column)
		}
	})
}

// recent holds every row's column of one of Tars' tables to this moment by the
// database's clock.
func (d *database) recent(table, column string) {
	d.t.Helper()
	query := "SELECT COUNT(*) FROM " + table + " WHERE " + column + " IS NULL OR ABS(TIMESTAMPDIFF(SECOND, " + column + ", CURRENT_TIMESTAMP)) > 60"
	if d.embedded() {
		query = "SELECT COUNT(*) FROM " + table + " WHERE " + column + " IS NULL OR ABS(unixepoch('now') - unixepoch(" + column + ")) > 60"
	}
	if count := d.text(query); count != "0" {
		d.t.Errorf("%s.%s: %s rows are not of this moment", table, column, count)
	}
}

// TestMethodsDefaults: what a request leaves out.
func TestMethodsDefaults(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Plain", "10.1.0.2")
		r.old().register(i, func(req *tars.OnStartupReq) {
			req.State, req.Version = "", ""
			req.Adapters = []tars.AdapterConf{{Servant: i.servant(), Endpoint: i.endpoint()}}
		})
		d.want("t_server_conf", d.server(i), row{
			"present_state": "active", "setting_state": "active", "patch_version": "", "template_name": "",
			"server_type": "tars_cpp", "enable_set": "N",
		})
		d.want("t_adapter_conf", d.one("SELECT * FROM t_adapter_conf"), row{"protocol": "tars", "adapter_name": "App.Plain.ObjAdapter"})
		r.wantFind(i.servant(), "10.1.0.2:10000/")
	})
}

// TestMethodsAgain: onStartup is re-entrant, in every column.
func TestMethodsAgain(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Again", "10.1.0.3")
		full := func(req *tars.OnStartupReq) {
			req.SetID, req.TemplateName, req.ServerType, req.Version = "mall.sz.1", "tars.go", "tars_go", "v1"
		}
		r.as("uid-1").register(i, full)
		id := d.server(i)["id"]
		before := d.lines("SELECT application, server_name, node_name, setting_state, present_state, patch_version, enable_set, set_name, set_area, set_group, template_name, server_type FROM t_server_conf")
		r.as("uid-1").register(i, full)
		after := d.lines("SELECT application, server_name, node_name, setting_state, present_state, patch_version, enable_set, set_name, set_area, set_group, template_name, server_type FROM t_server_conf")
		if !slices.Equal(before, after) {
			t.Errorf("the same registration again made\n%s\nof\n%s", after, before)
		}
		equal(t, "id of the row", d.server(i)["id"], id)

		r.as("uid-1").register(i, func(req *tars.OnStartupReq) {
			req.State, req.Version = "inactive", "v2"
		})
		d.want("after another registration", d.server(i), row{
			"present_state": "inactive", "patch_version": "v2", "enable_set": "N",
			"template_name": "tars.go", "server_type": "tars_go", // '' leaves them as they are (R11)
		})
		d.want("the node of an inactive instance", d.node(i.node), row{"present_state": "inactive"})
		r.wantFind(i.servant(), "/10.1.0.3:10000")
	})
}

// TestMethodsKeepAlive: the state in t_server_conf, and in t_node_info only active
// or inactive.
func TestMethodsKeepAlive(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Beat", "10.1.0.4")
		r.as("uid-1").register(i)
		for _, step := range []struct{ state, server, node, found string }{
			{"activating", "activating", "active", "/10.1.0.4:10000"},
			{"active", "active", "active", "10.1.0.4:10000/"},
			{"inactive", "inactive", "inactive", "/10.1.0.4:10000"},
			{"", "active", "active", "10.1.0.4:10000/"},
			{"deactivating", "deactivating", "active", "/10.1.0.4:10000"},
		} {
			r.as("uid-1").beat(i, step.state)
			d.want("after "+step.state, d.server(i), row{"present_state": step.server, "setting_state": "active"})
			d.want("node after "+step.state, d.node(i.node), row{"present_state": step.node})
			r.wantFind(i.servant(), step.found)
		}
	})
}

// TestMethodsOnPrestop: server, adapters and the host's config files go, nobody
// else's.
func TestMethodsOnPrestop(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i, other := pod("Gone", "10.1.0.5"), pod("Stays", "10.1.0.5")
		r.as("uid-1").register(i)
		r.as("uid-1").register(other, func(req *tars.OnStartupReq) { req.Adapters[0].Endpoint = endpointAt("10.1.0.5", 10005) })
		for _, file := range [][3]string{
			{"App.Gone", "10.1.0.5", "a.conf"}, // the only one of this host and server
			{"App.Gone", "", "a.conf"},         // for all hosts
			{"App.Gone", "10.1.0.6", "a.conf"}, // another host
			{"App.Stays", "10.1.0.5", "a.conf"},
		} {
			d.exec("INSERT INTO t_config_files (server_name, host, filename, config, level) VALUES (?, ?, ?, 'x', 3)", file[0], file[1], file[2])
		}
		r.as("uid-1").leave(i)

		equal(t, "present state", d.present(i), "none")
		equal(t, "adapters", d.adapters(i), "")
		equal(t, "adapters of the other", d.adapters(other), "App.Stays.ObjAdapter")
		files := d.lines("SELECT server_name, host FROM t_config_files")
		want := []string{"host=10.1.0.5|server_name=App.Stays|", "host=10.1.0.6|server_name=App.Gone|", "host=|server_name=App.Gone|"}
		slices.Sort(want)
		if !slices.Equal(files, want) {
			t.Errorf("config files %v, want %v", files, want)
		}
		d.want("the node with one instance left", d.node(i.node), row{"present_state": "active"})
		r.as("uid-1").leave(other)
		d.want("the node with no instance left", d.node(i.node), row{"present_state": "inactive"})
		r.as("uid-1").leave(other) // saying good-bye twice is fine
	})
}

// TestMethodsMetrics: targets by application, server and set, and a filter that
// filters (R14).
func TestMethodsMetrics(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		set := func(id string) func(*tars.OnStartupReq) { return func(req *tars.OnStartupReq) { req.SetID = id } }
		a, b, c, six := pod("One", "10.1.1.1"), pod("One", "10.1.1.2"), pod("Two", "10.1.1.3"), pod("Six", "2001:db8::6")
		r.as("a").register(a)
		r.as("b").register(b, set("mall.sz.1"))
		r.as("c").register(c)
		r.as("six").register(six)
		for _, call := range []struct {
			uid  string
			i    instance
			port int32
		}{{"a", a, 9000}, {"b", b, 9000}, {"c", c, 0}, {"six", six, 65535}} {
			equal(t, "action", r.as(call.uid).metrics(call.i, call.port), "")
		}
		want := []string{"App.One [] 10.1.1.1:9000", "App.One [mall.sz.1] 10.1.1.2:9000", "App.Six [] [2001:db8::6]:65535", "App.Two [] 10.1.1.3:9325"}
		if got := r.targets(nil); !slices.Equal(got, want) {
			t.Errorf("targets %v, want %v", got, want)
		}
		if d.has("t_server_conf", "metrics_port") {
			d.want("t_server_conf", d.server(c), row{"metrics_port": "9325"})
		}
		for _, test := range []struct {
			filter map[string]string
			want   []string
		}{
			{map[string]string{"server": "Two"}, want[3:]},
			{map[string]string{"application": "App", "server": "One", "set": "mall.sz.1"}, want[1:2]},
			{map[string]string{"set": ""}, []string{want[0], want[2], want[3]}},
			{map[string]string{"server": "two"}, nil}, // exactly
			{map[string]string{"color": "red"}, nil},  // an unknown label matches nothing
			{map[string]string{"server": "One", "color": ""}, nil},
		} {
			if got := r.targets(test.filter); !slices.Equal(got, test.want) {
				t.Errorf("filter %v: %v, want %v", test.filter, got, test.want)
			}
		}
		r.as("a").register(a) // survives
		r.as("c").beat(c, "inactive")
		r.as("b").leave(b)
		if got, want := r.targets(nil), []string{want[0], want[2]}; !slices.Equal(got, want) {
			t.Errorf("targets %v, want %v: only live and active ones", got, want)
		}
	})
}
