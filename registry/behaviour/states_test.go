package behaviour

import (
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/tars"
)

func TestR5KeepAliveByLeaseState(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start(func(o *registry.Options) { o.CleanAfter = time.Minute })
		me := r.as("uid-1")

		expired := pod("Expired", "10.3.0.1")
		me.register(expired)
		d.expire(expired, "30")
		r.awaitFind(expired.servant(), "/10.3.0.1:10000")
		equal(t, "action after expiry", me.beat(expired, "active"), "")
		equal(t, "present state", d.present(expired), "active") // written before the answer
		equal(t, "lease", d.leaseState(expired), "live")
		d.want("its node", d.node(expired.node), row{"present_state": "active"})
		r.wantFind(expired.servant(), "10.3.0.1:10000/")

		cleaned := pod("Cleaned", "10.3.0.2")
		me.register(cleaned, func(req *tars.OnStartupReq) {
			req.SetID, req.TemplateName, req.ServerType, req.Version = "mall.sz.2", "tars.go", "tars_go", "v3"
		})
		before := d.lines("SELECT application, server_name, node_name, patch_version, present_state, setting_state, set_name, set_area, set_group, template_name, server_type FROM t_server_conf WHERE server_name = 'Cleaned'")
		d.expire(cleaned, "120")
		r.awaitFind(cleaned.servant(), "/10.3.0.2:10000")
		d.exec("UPDATE t_node_info SET last_heartbeat = NULL WHERE node_name = ?", cleaned.node)
		if report := r.mustAdmin("clean n"); !strings.Contains(report, "server App.Cleaned@10.3.0.2") || !strings.Contains(report, "node 10.3.0.2") {
			t.Errorf("the report of clean is %q", report)
		}
		equal(t, "present state", d.present(cleaned), "none")
		equal(t, "node", d.text("SELECT COUNT(*) FROM t_node_info WHERE node_name = ?", cleaned.node), "0")
		equal(t, "lease", d.leaseState(cleaned), "cleaned")
		equal(t, "action after cleaning", me.beat(cleaned, "active"), "")
		after := d.lines("SELECT application, server_name, node_name, patch_version, present_state, setting_state, set_name, set_area, set_group, template_name, server_type FROM t_server_conf WHERE server_name = 'Cleaned'")
		equal(t, "the restored row", strings.Join(after, "\n"), strings.Join(before, "\n"))
		equal(t, "adapters", d.adapters(cleaned), "App.Cleaned.ObjAdapter")
		d.want("its node", d.node(cleaned.node), row{"present_state": "active"})
		r.wantFind(cleaned.servant(), "10.3.0.2:10000/")

		left := pod("Left", "10.3.0.3")
		me.register(left)
		me.leave(left)
		equal(t, "action after onPrestop", me.beat(left, "active"), "left")
		equal(t, "present state", d.present(left), "none")
		d.change(left, "UPDATE t_registry_lease SET state_since = "+d.ago("601"))
		equal(t, "action 10 minutes after onPrestop", me.beat(left, "active"), "register")
		equal(t, "present state", d.present(left), "none")
		me.register(left)
		equal(t, "present state after onStartup", d.present(left), "active")
		equal(t, "action", me.beat(left, "active"), "")

		equal(t, "action for an unknown instance", me.beat(pod("Unknown", "10.3.0.4"), "active"), "register")
		equal(t, "its lease", d.leaseState(pod("Unknown", "10.3.0.4")), "none")
		equal(t, "its node", d.text("SELECT COUNT(*) FROM t_node_info WHERE node_name = '10.3.0.4'"), "0")
	})
}

func TestR5CleanedTooLongAgo(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Old", "10.3.0.5")
		r.as("uid-1").register(i)
		d.change(i, "DELETE FROM t_adapter_conf")
		d.change(i, "DELETE FROM t_server_conf")
		d.otherReplica(i, "cleaned", "state = 'cleaned', state_since = "+d.ago("604801"))
		r.awaitFind(i.servant(), "/")
		equal(t, "action after 7 days", r.as("uid-1").beat(i, "active"), "register")
		equal(t, "present state", d.present(i), "none")
	})
}

func TestR6AnotherIdentity(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Mine", "10.3.0.6")
		r.as("uid-1").register(i)
		before := d.snapshot()
		for name, other := range map[string]caller{"another pod": r.as("uid-2"), "a caller without identity": r.old(), "the same uid in capitals": r.as("UID-1")} {
			equal(t, name+": keepAlive", other.beat(i, "inactive"), "superseded")
			equal(t, name+": keepAlive that says nothing new", other.beat(i, "active"), "superseded")
			equal(t, name+": onPrestop", other.leave(i), "superseded")
			equal(t, name+": registerMetrics", other.metrics(i, 9999), "superseded")
		}
		d.unchanged("after calls of others", before)
		r.wantFind(i.servant(), "10.3.0.6:10000/")

		// A lease without an identity is not an identity's to end either.
		none := pod("Nobody", "10.3.0.7")
		r.old().register(none)
		equal(t, "keepAlive with an identity on a lease without", r.as("uid-1").beat(none, "inactive"), "superseded")
		equal(t, "present state", d.present(none), "active")
		equal(t, "keepAlive without one", r.old().beat(none, "inactive"), "")
		equal(t, "present state", d.present(none), "inactive")
	})
}

func TestR7NodeWideCalls(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		node := "10.3.1.1"
		one, two, expired := pod("One", node), pod("Two", node), pod("Expired", node)
		at := func(port int) func(*tars.OnStartupReq) {
			return func(req *tars.OnStartupReq) { req.Adapters[0].Endpoint = endpointAt(node, port) }
		}
		r.old().register(expired, at(10003))
		d.expire(expired, "30")
		r.awaitFind(expired.servant(), "/10.3.1.1:10003")
		equal(t, "revived: nobody registered since", r.old().beatNode(node, "active"), "")
		equal(t, "present state", d.present(expired), "active")

		d.expire(expired, "30")
		r.awaitFind(expired.servant(), "/10.3.1.1:10003")
		r.old().register(one, at(10001))
		r.old().register(two, at(10002))
		for _, state := range []string{"inactive", "active", "inactive"} {
			equal(t, "action", r.old().beatNode(node, state), "")
			equal(t, "One", d.present(one), state)
			equal(t, "Two", d.present(two), state)
			equal(t, "who expired before others registered", d.leaseState(expired), "expired")
		}
		equal(t, "an identity that has nothing there", r.as("uid-1").beatNode(node, "active"), "superseded")
		equal(t, "One", d.present(one), "inactive")
		equal(t, "unknown node", r.old().beatNode("10.3.1.9", "active"), "register")

		equal(t, "action of onPrestop", r.old().leaveNode(node), "")
		for _, i := range []instance{one, two, expired} {
			equal(t, "rows of "+i.server, d.present(i)+d.adapters(i), "none")
			equal(t, "lease of "+i.server, d.leaseState(i), "left")
		}
		d.want("the node", d.node(node), row{"present_state": "inactive"})
	})
}

func TestR7IdentitiesSpeakForThemselves(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Mine", "10.3.1.2")
		r.as("uid-1").register(i)
		equal(t, "keepAlive for the node", r.old().beatNode(i.node, "inactive"), "superseded")
		equal(t, "onPrestop for the node", r.old().leaveNode(i.node), "superseded")
		equal(t, "present state", d.present(i), "active")
		equal(t, "keepAlive for the node by its pod", r.as("uid-1").beatNode(i.node, "inactive"), "")
		equal(t, "present state", d.present(i), "inactive")
	})
}

func TestR7OneNameEmpty(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Mine", "10.3.1.3")
		r.old().register(i)
		before := d.snapshot()
		for field, key := range map[string]instance{"application": {"", "Mine", i.node}, "server": {"App", "", i.node}} {
			_, err := r.old().keepAlive(key.beat("inactive"))
			if code, text := refusal(err); code != 1 || !strings.Contains(text, field) {
				t.Errorf("keepAlive without %s: code %d, %q", field, code, text)
			}
			_, err = r.old().onPrestop(key.prestop())
			if code, text := refusal(err); code != 1 || !strings.Contains(text, field) {
				t.Errorf("onPrestop without %s: code %d, %q", field, code, text)
			}
		}
		d.unchanged("after calls with one name", before)
	})
}

func TestR8States(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("State", "10.3.2.1")
		r.old().register(i)
		before := d.snapshot()
		for _, state := range []string{"Active", "destroyed", "up", "active ", "1", "deactivatingg"} {
			_, err := r.old().keepAlive(i.beat(state))
			if code, text := refusal(err); code != 1 || !strings.Contains(text, "state") {
				t.Errorf("state %q: code %d, %q", state, code, text)
			}
			_, err = r.old().onStartup(i.startup(func(req *tars.OnStartupReq) { req.State = state }))
			if code, text := refusal(err); code != 1 || !strings.Contains(text, "State") {
				t.Errorf("onStartup with state %q: code %d, %q", state, code, text)
			}
		}
		d.unchanged("after unknown states", before)
		r.old().beat(i, "deactivating")
		r.old().beat(i, "active") // old clients: the last arrival wins
		equal(t, "present state", d.present(i), "active")
		r.old().beat(i, "inactive")
		equal(t, "action of a heartbeat without a state", r.old().beat(i, ""), "")
		equal(t, "present state after it", d.present(i), "active")
		r.old().register(i, func(req *tars.OnStartupReq) { req.State = "" })
		equal(t, "present state after onStartup without a state", d.present(i), "active")
	})
}

func TestR8LateReports(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Late", "10.3.2.2")
		report := func(sequence string) caller { return r.as("uid-1").with("tars-seq", sequence) }
		report("1").register(i)
		report("5").beat(i, "deactivating")
		equal(t, "a late report is answered", report("4").beat(i, "active"), "")
		equal(t, "and has no effect", d.present(i), "deactivating")
		report("5").beat(i, "deactivating")
		report("6").beat(i, "active")
		equal(t, "a new one has", d.present(i), "active")
		report("9").beat(i, "active") // answered from memory
		report("8").beat(i, "inactive")
		equal(t, "the number of a heartbeat that changed nothing counts", d.present(i), "active")
		report("1").register(i) // a new life begins to count anew
		report("2").beat(i, "inactive")
		equal(t, "after onStartup", d.present(i), "inactive")
	})
}
