package behaviour

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/registry"
)

// wallAgo is SQL for a moment of Tars' tables.
func (d *database) wallAgo(seconds int) string {
	if d.embedded() {
		return fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '-%d seconds')", seconds)
	}
	return fmt.Sprintf("(CURRENT_TIMESTAMP - INTERVAL %d SECOND)", seconds)
}

// quiet makes a node's last heartbeat so old.
func (d *database) quiet(node string, seconds int) {
	d.t.Helper()
	d.exec("UPDATE t_node_info SET last_heartbeat = "+d.wallAgo(seconds)+" WHERE node_name = ?", node)
}

func TestCleaning(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start(func(o *registry.Options) { o.CleanAfter = time.Hour })
		live, expired, young, mixed, legacy := pod("Live", "10.9.0.1"), pod("Expired", "10.9.0.2"), pod("Young", "10.9.0.3"), pod("Mixed", "10.9.0.1"), pod("Legacy", "10.9.0.5")
		machine := pod("Machine", "10.9.0.6")
		for _, i := range []instance{live, expired, young} {
			r.as("uid").register(i)
		}
		r.as("uid").register(mixed, listening(endpointAt(mixed.node, 10002)))
		d.legacyPod(legacy, "inactive")
		d.machine(machine)
		d.change(machine, "UPDATE t_server_conf SET present_state = 'inactive'")
		d.expire(expired, "7200")
		d.expire(mixed, "7200")
		d.expire(young, "1800")
		for _, file := range []instance{live, expired, legacy, machine} {
			d.exec("INSERT INTO t_config_files (server_name, host, filename, config) VALUES (?, ?, 'a.conf', 'x')", "App."+file.server, file.node)
		}
		r.awaitFind(expired.servant(), "/10.9.0.2:10000")
		r.awaitFind(mixed.servant(), "/10.9.0.1:10002")
		r.awaitFind(young.servant(), "/10.9.0.3:10000")
		for _, node := range []string{expired.node, legacy.node, machine.node} {
			d.quiet(node, 7200)
		}
		d.quiet(young.node, 1800)

		before := d.snapshot()
		report := r.mustAdmin("clean")
		d.unchanged("after a dry run", before)
		for _, line := range []string{"server App.Expired@10.9.0.2", "server App.Mixed@10.9.0.1", "server App.Legacy@10.9.0.5", "node 10.9.0.2", "node 10.9.0.5"} {
			if !strings.Contains(report, line+"\n") {
				t.Errorf("the dry run does not name %q:\n%s", line, report)
			}
		}
		for _, other := range []string{"App.Live", "App.Young", "App.Machine", "node 10.9.0.1", "node 10.9.0.3", "node 10.9.0.6"} {
			if strings.Contains(report, other) {
				t.Errorf("the dry run names %q:\n%s", other, report)
			}
		}
		for _, bad := range []string{"clean x", "clean n tomorrow", "clean n 2999-01-01 00:00:00", "clean n " + d.text("SELECT "+d.wholeSeconds()), "clean n 2020-01-01", "clean n 2020-01-01 00:00:00 x"} {
			if _, err := r.admin(bad); err == nil {
				t.Errorf("%q was not refused", bad)
			}
		}
		d.unchanged("after commands that were refused", before)
		if report := r.mustAdmin("clean n 2020-01-01 00:00:00"); strings.Contains(report, "server App") {
			t.Errorf("a cut-off long ago cleaned:\n%s", report)
		}
		d.unchanged("after a cut-off long ago", before)

		r.mustAdmin("clean n")
		for _, gone := range []instance{expired, mixed, legacy} {
			equal(t, "rows of "+gone.server, d.present(gone)+d.adapters(gone), "none")
		}
		equal(t, "nodes", joined(d.lines("SELECT node_name FROM t_node_info")), "node_name=10.9.0.1| node_name=10.9.0.3| node_name=10.9.0.6|")
		equal(t, "config files", joined(d.lines("SELECT server_name FROM t_config_files")), "server_name=App.Live| server_name=App.Machine|")
		equal(t, "who is younger than that", d.present(young), "inactive")
		equal(t, "the machine's server", d.present(machine)+d.adapters(machine), "inactiveApp.Machine.ObjAdapter")
		equal(t, "a live one", d.present(live), "active")
		equal(t, "lease of who was cleaned", d.leaseState(expired), "cleaned")
		r.wantFind(expired.servant(), "/10.9.0.2:10000") // a tombstone
		if report := r.mustAdmin("clean n"); strings.Contains(report, "server App") || strings.Contains(report, "node 10") {
			t.Errorf("cleaning again found:\n%s", report)
		}
	})
}

// wholeSeconds is this moment by the database's clock, in whole seconds.
func (d *database) wholeSeconds() string {
	if d.embedded() {
		return "strftime('%Y-%m-%d %H:%M:%S', 'now')"
	}
	return "DATE_FORMAT(CURRENT_TIMESTAMP, '%Y-%m-%d %H:%i:%s')"
}
