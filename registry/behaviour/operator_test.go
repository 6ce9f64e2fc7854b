package behaviour

import (
	"fmt"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/adminf"
)

// What others do to the tables, by plain SQL: machines with tarsnode, TarsWeb,
// registries of the time before leases, other replicas.

// machine makes a node with tarsnode and a server on it, as tarsnode and TarsWeb do.
func (d *database) machine(i instance) {
	d.t.Helper()
	d.exec("INSERT INTO t_node_info (node_name, node_obj, endpoint_ip, endpoint_port, setting_state, present_state, last_reg_time, last_heartbeat)"+
		" VALUES (?, ?, ?, 19385, 'active', 'active', "+d.wall()+", "+d.wall()+")",
		i.node, "tars.tarsnode.NodeObj@tcp -h "+i.node+" -p 19385 -t 60000", i.node)
	d.deploy(i, "active")
}

// legacyPod makes what a registry without leases left of a pod.
func (d *database) legacyPod(i instance, present string) {
	d.t.Helper()
	d.exec("INSERT INTO t_node_info (node_name, node_obj, endpoint_ip, endpoint_port, setting_state, present_state, last_reg_time, last_heartbeat)"+
		" VALUES (?, ?, ?, 0, 'active', 'active', "+d.wall()+", "+d.wall()+")",
		i.node, "tars.tarsnode.NodeObj@tcp -h "+i.node+" -p 0 -t 60000", i.node)
	d.deploy(i, present)
}

// deploy makes an instance's server and adapter rows.
func (d *database) deploy(i instance, present string) {
	d.t.Helper()
	d.exec("INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state, server_type, patch_time)"+
		" VALUES (?, ?, ?, 'active', ?, 'tars_cpp', "+d.wall()+")", i.application, i.server, i.node, present)
	d.addAdapter(i, i.servant(), i.endpoint())
}

func (d *database) addAdapter(i instance, servant, endpoint string) {
	d.t.Helper()
	d.exec("INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, servant, endpoint, protocol, thread_num, max_connections, queuecap, queuetimeout)"+
		" VALUES (?, ?, ?, ?, ?, ?, 'tars', 5, 200000, 10000, 60000)",
		i.application, i.server, i.node, servant+"Adapter", servant, endpoint)
}

// change runs an UPDATE or DELETE of one of Tars' tables for an instance's rows.
func (d *database) change(i instance, statement string, args ...any) {
	d.t.Helper()
	query, keys := i.keyed(statement)
	if d.exec(query, append(args, keys...)...) == 0 {
		d.t.Fatalf("%s: no row of %v", statement, i)
	}
}

// otherReplica changes an instance's lease as another replica would: with the next
// revision, and an event that tells of it.
func (d *database) otherReplica(i instance, kind, set string) {
	d.t.Helper()
	d.change(i, "UPDATE t_registry_lease SET revision = revision + 1, "+set)
	d.exec("INSERT INTO t_registry_event (application, server_name, node_name, kind, revision, replica, created) VALUES (?, ?, ?, ?, 0, 'another', "+d.ago("0")+")",
		i.application, i.server, i.node, kind)
}

// expire ends a lease some seconds ago, as another replica's sweep would.
func (d *database) expire(i instance, secondsAgo string) {
	d.t.Helper()
	d.change(i, "UPDATE t_server_conf SET present_state = 'inactive'")
	d.otherReplica(i, "expired", "state = 'expired', state_since = "+d.ago(secondsAgo)+", last_heartbeat = "+d.ago(secondsAgo))
}

// admin runs a management command.
func (r *replica) admin(command string) (string, error) {
	r.t.Helper()
	stub := new(adminf.AdminF)
	stub.SetServant(&transport{name: "AdminObj", address: func() string { return r.registry.Addresses().Admin }})
	return stub.Notify(command)
}

// mustAdmin is admin for what must succeed.
func (r *replica) mustAdmin(command string) string {
	r.t.Helper()
	report, err := r.admin(command)
	if err != nil {
		r.t.Fatalf("admin command %q: %v", command, err)
	}
	return report
}

// awaitPresent waits for an instance's present_state.
func (d *database) awaitPresent(i instance, want string) {
	d.t.Helper()
	await(d.t, func() string {
		if got := d.present(i); got != want {
			return fmt.Sprintf("present_state of %v is %s, want %s", i, got, want)
		}
		return ""
	})
}
