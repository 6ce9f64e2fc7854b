package behaviour

import (
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/tars"
)

func TestR1LeaseRow(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Leased", "10.2.0.1")
		caller := r.as("uid-1").with("tars-beat-ms", "30000").with("tars-seq", "7")
		caller.register(i)
		d.want("the lease", d.lease(i), row{
			"uid": "uid-1", "kind": "pod", "state": "live", "revision": d.changes(i), "reported_state": "active",
			"report_sequence": "7", "interval_ms": "30000", "interval_told": "1", "lease_ms": "90000",
			"metrics_port": "0", "worker_id": "NULL", "flow_off_by": "",
		})
		if text := d.lease(i)["registration"]; text == "NULL" || text == "" {
			t.Error("the lease keeps no registration")
		}
		for _, step := range []func() string{
			func() string { caller.beat(i, "inactive"); return "a change of state" },
			func() string { caller.metrics(i, 9000); return "registerMetrics" },
			func() string { caller.register(i); return "onStartup again" },
			func() string { caller.leave(i); return "onPrestop" },
		} {
			before := d.changes(i)
			what := step()
			equal(t, "revision after "+what, d.lease(i)["revision"], d.changes(i))
			if d.changes(i) == before {
				t.Error("no event tells of " + what)
			}
		}
		before := d.changes(i)
		caller.beat(i, "active")
		equal(t, "revision after a heartbeat without effect", d.lease(i)["revision"], before)
		d.want("the lease that has left", d.lease(i), row{"state": "left", "metrics_port": "0", "flow_off_by": ""})
		equal(t, "leases", d.text("SELECT COUNT(*) FROM t_registry_lease"), "1")
	})
}

func TestR2AdoptionOfWhatOldRegistriesLeft(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i, whole := pod("Legacy", "10.2.0.2"), pod("Whole", "10.2.0.3")
		d.legacyPod(i, "active")
		d.legacyPod(whole, "active")
		r.awaitFind(i.servant(), "10.2.0.2:10000/") // present_state alone decides (R4)

		equal(t, "action of a heartbeat for all of the node", r.old().beatNode(whole.node, "active"), "register")
		equal(t, "lease after it", d.leaseState(whole), "none")

		equal(t, "action of the first named heartbeat", r.old().beat(i, "active"), "")
		d.want("the lease", d.lease(i), row{"state": "live", "uid": "", "reported_state": "active", "lease_ms": "250000"})
		equal(t, "events", d.events(i), "adopted")
		r.old().beat(i, "inactive")
		r.wantFind(i.servant(), "/10.2.0.2:10000")
		d.want("its node", d.node(i.node), row{"present_state": "inactive"})

		// Without a lease it can leave as well.
		r.old().leave(whole)
		equal(t, "present state", d.present(whole), "none")
		equal(t, "adapters", d.adapters(whole), "")
	})
}

func TestR2MachinesAreNotPods(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start(func(o *registry.Options) { o.CleanAfter = time.Second })
		i := pod("Machine", "10.2.0.4")
		d.machine(i)
		r.awaitFind(i.servant(), "10.2.0.4:10000/")
		before := d.snapshot()
		equal(t, "action of keepAlive", r.old().beat(i, "inactive"), "register")
		equal(t, "action of keepAlive for the node", r.old().beatNode(i.node, "inactive"), "register")
		r.as("uid-1").beat(i, "inactive")
		r.old().leave(i)
		r.old().leaveNode(i.node)
		equal(t, "action of registerMetrics", r.old().metrics(i, 9000), "register")
		r.mustAdmin("clean n")
		d.unchanged("after calls about a machine's server", before)
	})
}

func TestR3NodesOfPods(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		machine := pod("Machine", "10.2.0.5")
		d.machine(machine)
		nodeBefore := d.node(machine.node)
		guest := pod("Guest", machine.node) // a pod on the host's network
		r.host("uid-1").register(guest, func(req *tars.OnStartupReq) { req.Adapters[0].Endpoint = endpointAt(machine.node, 10005) })
		r.host("uid-1").beat(guest, "inactive")
		r.host("uid-1").leave(guest)
		d.want("the machine's row", d.node(machine.node), nodeBefore)

		one, two := pod("One", "10.2.0.6"), pod("Two", "10.2.0.6")
		node := func(want string) {
			t.Helper()
			d.want("the pod's node", d.node(one.node), row{"present_state": want})
		}
		r.as("uid-2").register(one)
		r.as("uid-2").register(two, func(req *tars.OnStartupReq) { req.Adapters[0].Endpoint = endpointAt(two.node, 10002) })
		r.as("uid-2").beat(one, "inactive")
		node("active")
		r.as("uid-2").beat(two, "inactive")
		node("inactive")
		r.as("uid-2").beat(two, "activating")
		node("active")
		r.as("uid-2").leave(two)
		node("inactive")
	})
}

func TestR4SettingState(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Setting", "10.2.0.7")
		r.as("uid-1").register(i)
		d.change(i, "UPDATE t_server_conf SET setting_state = 'inactive', bak_flag = 1, node_group = 'x'")
		r.awaitFind(i.servant(), "/") // a standby is in neither list
		for _, state := range []string{"active", "inactive", "active"} {
			r.as("uid-1").beat(i, state)
			d.want("after keepAlive "+state, d.server(i), row{"setting_state": "inactive", "bak_flag": "1", "present_state": state})
		}
		r.wantFind(i.servant(), "/")
		r.as("uid-1").register(i)
		d.want("after onStartup", d.server(i), row{"setting_state": "active", "bak_flag": "1", "node_group": "x"})
		d.change(i, "UPDATE t_server_conf SET bak_flag = 0")
		r.awaitFind(i.servant(), "10.2.0.7:10000/")
	})
}
