package behaviour

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/tars"
)

// listening puts an instance's adapter somewhere.
func listening(endpoint string) func(*tars.OnStartupReq) {
	return func(req *tars.OnStartupReq) { req.Adapters[0].Endpoint = endpoint }
}

func TestR9TakeOver(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Mine", "10.4.0.1")
		r.as("uid-1").register(i)
		r.as("uid-1").metrics(i, 9000)
		equal(t, "action of another life's onStartup", r.as("uid-2").register(i), "")
		d.want("the lease", d.lease(i), row{"uid": "uid-2", "state": "live", "metrics_port": "0"})
		equal(t, "rows", d.text("SELECT COUNT(*) FROM t_server_conf"), "1")
		equal(t, "the life before", r.as("uid-1").beat(i, "inactive"), "superseded")
		equal(t, "its good-bye", r.as("uid-1").leave(i), "superseded")
		equal(t, "present state", d.present(i), "active")
		r.wantFind(i.servant(), "10.4.0.1:10000/")
		r.old().register(i) // as does one without identity
		equal(t, "uid", d.lease(i)["uid"], "")
	})
}

func TestR9OnOneNode(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		for n, test := range []struct {
			name       string
			before     func(*replica) caller
			after      func(*replica) caller
			wantBefore string // lease of who was there first
		}{
			{"pods", func(r *replica) caller { return r.as("p1") }, func(r *replica) caller { return r.as("p2") }, "left"},
			{"one pod with two servers", func(r *replica) caller { return r.as("p1") }, func(r *replica) caller { return r.as("p1") }, "live"},
			{"hosts", func(r *replica) caller { return r.host("h1") }, func(r *replica) caller { return r.host("h2") }, "live"},
			{"a pod after a host", func(r *replica) caller { return r.host("h1") }, func(r *replica) caller { return r.as("p2") }, "live"},
			{"a host after a pod", func(r *replica) caller { return r.as("p1") }, func(r *replica) caller { return r.host("h2") }, "live"},
			{"a pod after nobody", func(r *replica) caller { return r.old() }, func(r *replica) caller { return r.as("p2") }, "live"},
			{"nobody after a pod", func(r *replica) caller { return r.as("p1") }, func(r *replica) caller { return r.old() }, "live"},
		} {
			node := fmt.Sprintf("10.4.1.%d", n+1)
			first, second := pod("First", node), pod("Second", node)
			test.before(r).register(first, listening(endpointAt(node, 10001)))
			test.after(r).register(second, listening(endpointAt(node, 10002)))
			equal(t, test.name+": lease of the first", d.leaseState(first), test.wantBefore)
			equal(t, test.name+": lease of the second", d.leaseState(second), "live")
			d.want(test.name+": the node", d.node(node), row{"present_state": "active"})
		}
		ended := pod("First", "10.4.1.1")
		equal(t, "rows of who was ended", d.present(ended)+d.adapters(ended), "none")
		equal(t, "its events", d.events(ended), "registered ended")
		reason := d.text("SELECT reason FROM t_registry_event WHERE kind = 'ended' AND node_name = '10.4.1.1'")
		if reason == "" || reason == "none" {
			t.Errorf("the end has no reason: %q", reason)
		}
		equal(t, "its heartbeat", r.as("p1").beat(ended, "active"), "left")
	})
}

func TestR9OneEndpoint(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		endpoint := "tcp -h 10.4.2.9 -p 8080 -t 60000"
		first, second, third := pod("First", "10.4.2.1"), pod("Second", "10.4.2.2"), pod("Third", "10.4.2.3")
		r.host("h1").register(first, listening(endpoint))
		r.host("h2").register(second, listening("tcp -h 10.4.2.9 -p 8081 -t 60000"))
		equal(t, "another port", d.leaseState(first), "live")
		r.host("h3").register(third, listening("udp -h 10.4.2.9 -p 8080"))
		equal(t, "another protocol", d.leaseState(first), "live")

		second.server = "Fourth"
		r.host("h4").register(second, listening("ssl -h 10.4.2.9 -p 8080 -t 3000"))
		equal(t, "the same port of the kernel", d.leaseState(first), "left")
		equal(t, "its rows", d.present(first)+d.adapters(first), "none")
		r.wantFind(first.servant(), "/10.4.2.9:8080") // a tombstone

		// The same identity may move its endpoint from one of its servers to another.
		fifth, sixth := pod("Fifth", "10.4.2.5"), pod("Sixth", "10.4.2.5")
		r.as("p5").register(fifth)
		r.as("p5").register(sixth, listening(fifth.endpoint()))
		equal(t, "one identity, one endpoint", d.leaseState(fifth), "live")
		// Another one does end both who hold it.
		seventh := pod("Seventh", "10.4.2.7")
		r.host("h7").register(seventh, listening(fifth.endpoint()))
		equal(t, "Fifth", d.leaseState(fifth), "left")
		equal(t, "Sixth", d.leaseState(sixth), "left")
	})
}

// TestR9AtAnotherReplica: what was registered through one replica has to make room
// for what is registered through another.
func TestR9AtAnotherReplica(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	a, b := d.start(), d.second()
	first, second := pod("First", "10.4.3.1"), pod("Second", "10.4.3.1")
	a.as("uid-1").register(first)
	b.as("uid-2").register(second, listening(endpointAt("10.4.3.1", 10002)))
	equal(t, "a pod on a node that another has", d.leaseState(first), "left")
	a.awaitFind(first.servant(), "/10.4.3.1:10000")

	third, fourth := pod("Third", "10.4.3.3"), pod("Fourth", "10.4.3.4")
	a.host("h3").register(third)
	b.awaitFind(third.servant(), "10.4.3.3:10000/")
	b.host("h4").register(fourth, listening(third.endpoint()))
	equal(t, "who held the endpoint", d.leaseState(third), "left")
	a.awaitAction(func() string { return a.host("h3").beat(third, "active") }, "left")

	fifth := pod("Fifth", "10.4.3.5")
	a.as("uid-5").register(fifth)
	b.as("uid-6").register(fifth)
	before := d.snapshot()
	a.awaitAction(func() string { return a.as("uid-5").beat(fifth, "active") }, "superseded")
	a.awaitAction(func() string { return a.as("uid-6").beat(fifth, "active") }, "")
	d.unchanged("after heartbeats of the life before", before)
}

func TestR10End(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Ends", "10.4.4.1")
		r.as("uid-1").register(i)
		d.exec("INSERT INTO t_config_files (server_name, host, filename, config) VALUES ('App.Ends', '10.4.4.1', 'a.conf', 'x')")
		r.as("uid-2").register(pod("Next", "10.4.4.1"), listening(endpointAt("10.4.4.1", 10002))) // ends it
		equal(t, "rows", d.present(i)+d.adapters(i), "none")
		equal(t, "config files", d.text("SELECT COUNT(*) FROM t_config_files"), "0")
		equal(t, "lease", d.leaseState(i), "left")
		d.want("the tombstone", d.one("SELECT * FROM t_registry_tombstone"), row{
			"application": "App", "server_name": "Ends", "node_name": "10.4.4.1", "servant": i.servant(), "endpoint": i.endpoint(),
		})
		d.want("the event", d.one("SELECT * FROM t_registry_event WHERE server_name = 'Ends' AND kind = 'ended'"), row{
			"revision": d.changes(i), "actor": "127.0.0.1",
		})
		r.wantFind(i.servant(), "/10.4.4.1:10000")
	})
}

func TestR11Adapters(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("List", "10.4.5.1")
		list := func(names ...string) func(*tars.OnStartupReq) {
			return func(req *tars.OnStartupReq) {
				req.Adapters = nil
				for n, name := range names {
					req.Adapters = append(req.Adapters, tars.AdapterConf{Servant: "App.List." + name, Endpoint: endpointAt(i.node, 10001+n)})
				}
			}
		}
		r.as("uid-1").register(i, list("A", "B", "C"))
		equal(t, "adapters", d.adapters(i), "App.List.AAdapter App.List.BAdapter App.List.CAdapter")
		kept := d.text("SELECT id FROM t_adapter_conf WHERE servant = 'App.List.C'")
		r.as("uid-1").register(i, list("B", "C", "D"))
		equal(t, "adapters", d.adapters(i), "App.List.BAdapter App.List.CAdapter App.List.DAdapter")
		equal(t, "id of one that stays", d.text("SELECT id FROM t_adapter_conf WHERE servant = 'App.List.C'"), kept)
		r.wantFind("App.List.A", "/") // its endpoint has registered again, under another name (R25)
		r.wantFind("App.List.B", "10.4.5.1:10001/")
		r.wantFind("App.List.D", "10.4.5.1:10003/")
		before := d.snapshot()
		for _, names := range [][]string{{"B", "B"}, {"B", "b"}} {
			_, err := r.as("uid-1").onStartup(i.startup(list(names...)))
			if code, text := refusal(err); code != 1 || !strings.Contains(text, "adapters[1]") {
				t.Errorf("adapters %v: code %d, %q", names, code, text)
			}
		}
		d.unchanged("after a list with one name twice", before)
		r.as("uid-1").register(i, list())
		equal(t, "adapters after an empty list", d.adapters(i), "")
		equal(t, "present state", d.present(i), "active")

		// The edits of TarsWeb to an adapter go with the next registration.
		r.as("uid-1").register(i, list("E"))
		d.change(i, "UPDATE t_adapter_conf SET thread_num = 77, endpoint = 'tcp -h 10.4.5.1 -p 9'")
		d.addAdapter(i, "App.List.Extra", endpointAt(i.node, 10099))
		r.awaitFind("App.List.Extra", "10.4.5.1:10099/")
		r.as("uid-1").register(i, list("E"))
		d.want("the adapter", d.one("SELECT * FROM t_adapter_conf"), row{"endpoint": endpointAt(i.node, 10001), "thread_num": "0"})
		r.wantFind("App.List.E", "10.4.5.1:10001/10.4.5.1:9")
	})
}

func TestR12Flow(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Flow", "10.4.6.1")
		on, off := "10.4.6.1:10000/", "/10.4.6.1:10000"
		column := d.has("t_server_conf", "flow_state")
		disabled := func(req *tars.OnStartupReq) { req.DisableFlow = true }
		check := func(what, found, flow string) {
			t.Helper()
			r.wantFind(i.servant(), found)
			if column {
				d.want(what, d.server(i), row{"flow_state": flow})
			}
		}
		r.as("uid-1").register(i, disabled)
		check("disableFlow", off, "inactive")
		equal(t, "by", d.lease(i)["flow_off_by"], "pod")
		equal(t, "present state", d.present(i), "active")
		r.as("uid-1").register(i)
		check("the pod turns it on again", on, "active")

		// An operator, by SQL: in today's column, or in that of old.
		operator := func(flow string) {
			t.Helper()
			if column {
				d.change(i, "UPDATE t_server_conf SET flow_state = ?", flow)
				return
			}
			d.change(i, "UPDATE t_server_conf SET grid_flag = ?", map[string]string{"active": "NORMAL", "inactive": "NO_FLOW"}[flow])
		}
		operator("inactive")
		r.awaitFind(i.servant(), off)
		r.as("uid-1").register(i)
		check("an operator's off survives a registration", off, "inactive")
		r.as("uid-1").register(i, disabled)
		r.as("uid-1").register(i)
		check("and the pod's own off and on", off, "inactive")
		operator("active")
		r.awaitFind(i.servant(), on)
		r.as("uid-1").register(i)
		check("on again", on, "active")

		operator("inactive")
		r.awaitFind(i.servant(), off)
		r.as("uid-1").leave(i)
		r.as("uid-1").register(i)
		check("it ends with the instance", on, "active")

		if d.has("t_server_conf", "grid_flag") && column {
			d.change(i, "UPDATE t_server_conf SET grid_flag = 'NO_FLOW', lastuser = 'somebody'")
			r.as("uid-1").beat(i, "inactive")
			r.as("uid-1").beat(i, "active") // has read the row
			check("grid_flag where flow_state is there", on, "active")
		}
	})
}

// TestR12FlowOfAnotherLife: an operator's off ends with the life it was meant for.
func TestR12FlowOfAnotherLife(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Flow", "10.4.6.2")
		r.as("uid-1").register(i)
		d.change(i, "UPDATE t_server_conf SET flow_state = 'inactive'")
		r.awaitFind(i.servant(), "/10.4.6.2:10000")
		r.as("uid-2").register(i)
		r.wantFind(i.servant(), "10.4.6.2:10000/")
		equal(t, "flow_state", d.server(i)["flow_state"], "active")
	})
}

// TestR12FlowSurvivesARestart where only the lease knows of it.
func TestR12FlowSurvivesARestart(t *testing.T) {
	t.Parallel()
	d := installation(t, older())
	r := d.start()
	i := pod("Flow", "10.4.6.3")
	r.as("uid-1").register(i, func(req *tars.OnStartupReq) { req.DisableFlow = true })
	r.wantFind(i.servant(), "/10.4.6.3:10000")
	r.stop()
	r = d.start()
	r.wantFind(i.servant(), "/10.4.6.3:10000")
}

func TestR13RowsDeletedByHandComeBack(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Back", "10.4.7.1")
		r.as("uid-1").register(i, func(req *tars.OnStartupReq) {
			req.SetID, req.Version = "mall.sz.1", "v5"
			req.Adapters = append(req.Adapters, tars.AdapterConf{Servant: "App.Back.Two", Endpoint: endpointAt("10.4.7.1", 10002)})
		})
		both := d.adapters(i)
		comesBack := func(what string, whole func() bool) {
			t.Helper()
			await(t, func() string {
				r.as("uid-1").beat(i, "active")
				if whole() {
					return ""
				}
				return what + " do not come back"
			})
			d.want("after "+what, d.server(i), row{"present_state": "active", "set_name": "mall", "patch_version": "v5"})
			equal(t, "adapters after "+what, d.adapters(i), both)
			r.awaitFind("App.Back.Two", "10.4.7.1:10002/")
		}
		d.change(i, "DELETE FROM t_adapter_conf")
		d.change(i, "DELETE FROM t_server_conf")
		comesBack("all rows deleted", func() bool { return d.present(i) == "active" && d.adapters(i) == both })
		if !slices.Contains(strings.Fields(d.events(i)), "restored") {
			t.Errorf("events %s, want a restored among them", d.events(i))
		}
		if !r.log.mentions("rows of an instance came back") {
			t.Error("the log does not say that rows came back")
		}
		d.change(i, "DELETE FROM t_server_conf")
		comesBack("only the server's row deleted", func() bool { return d.present(i) == "active" })
		d.exec("DELETE FROM t_adapter_conf WHERE servant = 'App.Back.Two'")
		comesBack("one adapter's row deleted", func() bool { return d.adapters(i) == both })
		d.change(i, "DELETE FROM t_adapter_conf")
		comesBack("all adapters' rows deleted", func() bool { return d.adapters(i) == both })
		d.exec("DELETE FROM t_node_info WHERE node_name = ?", i.node)
		comesBack("the node's row deleted", func() bool {
			return d.text("SELECT present_state FROM t_node_info WHERE node_name = ?", i.node) == "active"
		})
	})
}

// TestR13RowsDeletedWhileNobodyLooked: also what was deleted while no replica ran
// comes back at the next heartbeat.
func TestR13RowsDeletedWhileNobodyLooked(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		names := []string{"Part", "Whole", "Server", "Both", "Well"}
		var pods []instance
		for n, name := range names {
			i := pod(name, fmt.Sprintf("10.4.7.%d", n+11))
			r.as("uid-1").register(i, func(req *tars.OnStartupReq) {
				req.Adapters = append(req.Adapters, tars.AdapterConf{Servant: i.application + "." + i.server + ".Two", Endpoint: endpointAt(i.node, 10002)})
			})
			pods = append(pods, i)
		}
		both := func(i instance) string {
			return fmt.Sprintf("%[1]s.%[2]s.ObjAdapter %[1]s.%[2]s.TwoAdapter", i.application, i.server)
		}
		equal(t, "adapters at first", d.adapters(pods[0]), both(pods[0]))
		r.stop()
		d.exec("DELETE FROM t_adapter_conf WHERE servant = 'App.Part.Two'")
		d.exec("DELETE FROM t_adapter_conf WHERE server_name IN ('Whole', 'Both')")
		d.exec("DELETE FROM t_server_conf WHERE server_name IN ('Server', 'Both')")
		if !d.embedded() {
			d.second().stop() // its heartbeats were not heard by this one either
		}
		r = d.start()
		for _, i := range pods {
			await(t, func() string {
				r.as("uid-1").beat(i, "active")
				if d.adapters(i) != both(i) || d.present(i) != "active" {
					return fmt.Sprintf("%s has adapters %q and is %s", i.server, d.adapters(i), d.present(i))
				}
				return ""
			})
			r.awaitFind(i.servant(), i.node+":10000/")
			r.awaitFind(i.application+"."+i.server+".Two", i.node+":10002/")
			want := map[bool]string{true: "registered", false: "registered restored"}[i.server == "Well"]
			equal(t, "events of "+i.server, d.events(i), want)
		}
	})
}

func TestR14RegisterMetrics(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Metrics", "10.4.8.1")
		equal(t, "unknown", r.as("uid-1").metrics(i, 9000), "register")
		equal(t, "its lease", d.leaseState(i), "none")
		r.as("uid-1").register(i)
		r.as("uid-1").metrics(i, 0)
		equal(t, "port", d.lease(i)["metrics_port"], "9325")
		r.as("uid-1").metrics(i, 9001)
		r.as("uid-1").register(i)
		equal(t, "port after onStartup", d.lease(i)["metrics_port"], "9001")
		before := d.snapshot()
		for _, port := range []int32{-1, 65536, 1 << 30} {
			_, err := r.as("uid-1").registerMetrics(i.metrics(port))
			if code, text := refusal(err); code != 1 || !strings.Contains(text, "metricsPort") {
				t.Errorf("port %d: code %d, %q", port, code, text)
			}
		}
		r.as("uid-1").metrics(i, 9001) // nothing new
		d.unchanged("after ports that cannot be", before)
		d.expire(i, "10")
		await(t, func() string { return strings.Join(r.targets(nil), " ") })
		r.as("uid-1").beat(i, "active")
		equal(t, "targets of one that is back", strings.Join(r.targets(nil), " "), "App.Metrics [] 10.4.8.1:9001")
		r.as("uid-1").leave(i)
		equal(t, "one that has left", r.as("uid-1").metrics(i, 9001), "left")
		six := pod("Metrics", "fd00::7")
		r.as("uid-6").register(six, func(req *tars.OnStartupReq) { req.Adapters = nil })
		r.as("uid-6").metrics(six, 9002)
		equal(t, "targets with IPv6", strings.Join(r.targets(nil), " "), "App.Metrics [] [fd00::7]:9002")
		r.as("uid-6").beat(six, "inactive")
		equal(t, "targets of an inactive one", len(r.targets(nil)), 0)
	})
}

func TestR15KeysAsTheCollationHasThem(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i := instance{"App", "Fold", "Host-1.example"}
		other := instance{"aPP", "FOLD ", "hOST-1.EXAMPLE "}
		r.as("uid-1").register(i)
		equal(t, "keepAlive in another spelling", r.as("uid-1").beat(other, "active"), "")
		r.as("uid-1").beat(other, "inactive")
		equal(t, "present state", d.present(i), "inactive")
		equal(t, "for all of the node", r.as("uid-1").beatNode("HOST-1.example", "active"), "")
		equal(t, "another identity in another spelling", r.as("uid-2").beat(other, "active"), "superseded")
		r.as("uid-1").metrics(other, 9000)
		r.as("uid-1").register(other, func(req *tars.OnStartupReq) {
			req.Adapters[0].Servant, req.Adapters[0].Endpoint, req.Version = "App.Fold.Obj", i.endpoint(), "v2"
		})
		for _, table := range []string{"t_server_conf", "t_adapter_conf", "t_registry_lease", "t_node_info"} {
			equal(t, "rows of "+table, d.text("SELECT COUNT(*) FROM "+table), "1")
		}
		d.want("the row", d.one("SELECT * FROM t_server_conf"), row{"application": "App", "server_name": "Fold", "node_name": "Host-1.example", "patch_version": "v2"})
		r.wantFind("App.Fold.Obj", "Host-1.example:10000/")
		r.wantFind("app.fold.obj", "/") // servants are exact
		r.as("uid-1").leave(other)
		equal(t, "rows", d.text("SELECT COUNT(*) FROM t_server_conf")+d.text("SELECT COUNT(*) FROM t_adapter_conf"), "00")
	})
}
