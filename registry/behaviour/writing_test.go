package behaviour

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest/schema"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/tars"
)

// crowd runs calls from many callers at once and collects what was refused.
func crowd(callers int, call func(caller, round int) error) []string {
	var mu sync.Mutex
	var refused []string
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			for round := range 5 {
				if err := call(n, round); err != nil {
					mu.Lock()
					refused = append(refused, err.Error())
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	return refused
}

// TestR30ManyAtOnce: registrations of few instances on few nodes, that end each
// other, at two replicas where there can be two.
func TestR30ManyAtOnce(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		replicas := []*replica{d.start()}
		if !d.embedded() {
			replicas = append(replicas, d.second())
		}
		name := func(n int) instance { return pod(fmt.Sprint("Crowd", n%3), fmt.Sprintf("10.8.0.%d", n%2)) }
		refused := crowd(24, func(n, round int) error {
			r, i := replicas[n%len(replicas)], name(n+round)
			who := r.as(fmt.Sprint("uid-", (n+round)%4))
			if n%5 == 0 {
				who = r.old()
			}
			register := i.startup(func(req *tars.OnStartupReq) {
				req.Adapters[0].Endpoint = endpointAt("10.8.0.9", 10000+(n+round)%4)
				req.Adapters = append(req.Adapters, tars.AdapterConf{Servant: fmt.Sprintf("App.%s.N%d", i.server, n%6), Endpoint: endpointAt(i.node, 20000+n)})
			})
			_, err := trying(func() (map[string]string, error) { return who.onStartup(register) })
			if err == nil {
				_, err = trying(func() (map[string]string, error) {
					return who.keepAlive(i.beat([]string{"active", "inactive"}[round%2]))
				})
			}
			if err == nil && n%7 == 0 {
				_, err = trying(func() (map[string]string, error) {
					return who.onPrestop(&tars.OnPrestopReq{NodeName: i.node})
				})
			}
			return err
		})
		if len(refused) > 0 {
			t.Errorf("%d calls were refused, the first: %s", len(refused), refused[0])
		}
		d.consistent()
		d.pictures(replicas)
	})
}

// consistent holds the tables to what must be true of them at rest.
func (d *database) consistent() {
	d.t.Helper()
	join := " ON x.application = y.application AND x.server_name = y.server_name AND x.node_name = y.node_name "
	for what, query := range map[string]string{
		"live leases without a server row":    "SELECT COUNT(*) FROM t_registry_lease x LEFT JOIN t_server_conf y" + join + "WHERE x.state = 'live' AND y.id IS NULL",
		"leases that have left, with a row":   "SELECT COUNT(*) FROM t_registry_lease x JOIN t_server_conf y" + join + "WHERE x.state = 'left'",
		"adapters without a server row":       "SELECT COUNT(*) FROM t_adapter_conf x LEFT JOIN t_server_conf y" + join + "WHERE y.id IS NULL",
		"instances twice":                     "SELECT COUNT(*) FROM (SELECT 1 FROM t_registry_lease GROUP BY application, server_name, node_name HAVING COUNT(*) > 1) z",
		"states that differ from the lease's": "SELECT COUNT(*) FROM t_registry_lease x JOIN t_server_conf y" + join + "WHERE x.state = 'live' AND x.reported_state <> y.present_state",
		"revisions other than the number of events": "SELECT COUNT(*) FROM t_registry_lease x WHERE x.revision <> (SELECT COUNT(DISTINCT e.revision) FROM t_registry_event e" +
			" WHERE e.application = x.application AND e.server_name = x.server_name AND e.node_name = x.node_name)",
		"nodes active without a live instance": "SELECT COUNT(*) FROM t_node_info n WHERE n.present_state = 'active' AND NOT EXISTS (SELECT 1 FROM t_registry_lease x" +
			" WHERE x.node_name = n.node_name AND x.state = 'live' AND x.reported_state <> 'inactive')",
		"nodes inactive with a live instance": "SELECT COUNT(*) FROM t_node_info n WHERE n.present_state = 'inactive' AND EXISTS (SELECT 1 FROM t_registry_lease x" +
			" WHERE x.node_name = n.node_name AND x.state = 'live' AND x.reported_state <> 'inactive')",
	} {
		if count := d.text(query); count != "0" {
			d.t.Errorf("%s: %s", what, count)
		}
	}
}

// pictures waits until every replica's look-ups agree with the tables.
func (d *database) pictures(replicas []*replica) {
	d.t.Helper()
	want := map[string][2][]string{}
	for _, r := range d.rows("SELECT a.servant, a.endpoint, s.present_state FROM t_adapter_conf a JOIN t_server_conf s ON" +
		" a.application = s.application AND a.server_name = s.server_name AND a.node_name = s.node_name") {
		lists := want[r["servant"]]
		at := 0
		if r["present_state"] != "active" {
			at = 1
		}
		words := strings.Fields(r["endpoint"])
		lists[at] = append(lists[at], words[2]+":"+words[4])
		want[r["servant"]] = lists
	}
	for servant, lists := range want {
		for _, r := range replicas {
			await(d.t, func() string {
				active, inactive, _ := strings.Cut(r.find(servant), "/")
				if active != joined(lists[0]) {
					return fmt.Sprintf("%s is active at %q, the tables say %q", servant, active, joined(lists[0]))
				}
				for _, place := range lists[1] { // besides tombstones
					if !strings.Contains(inactive, place) {
						return fmt.Sprintf("%s is inactive at %q, the tables say %q", servant, inactive, joined(lists[1]))
					}
				}
				return ""
			})
		}
	}
}

func TestR31SecondOpener(t *testing.T) {
	t.Parallel()
	d := sqlite(t)
	r := d.start()
	if _, err := registry.New(d.options()); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second registry on the same data: %v, want %v", err, store.ErrLocked)
	}
	i := pod("Only", "10.8.1.1")
	r.as("uid-1").register(i) // and the first is none the worse
	equal(t, "journal mode", d.text("PRAGMA journal_mode"), "wal")
	r.stop()
	r = d.start()
	r.wantFind(i.servant(), "10.8.1.1:10000/")
}

// TestR32TarsWebUnderARunningRegistry alters the tables while pods call.
func TestR32TarsWebUnderARunningRegistry(t *testing.T) {
	t.Parallel()
	for _, variant := range []schema.Variant{schema.Original(), schema.Container()} {
		t.Run(variant.Name, func(t *testing.T) {
			t.Parallel()
			d := installation(t, variant)
			d.spoiled = true
			r := d.start()
			before := pod("Before", "2001:db8:1111:2222:3333:4444:5555:6666")
			r.as("uid-1").register(before)
			over := make(chan struct{})
			var altering sync.WaitGroup
			altering.Go(func() {
				defer close(over)
				if err := schema.ApplyTarsWeb(t.Context(), d.sql()); err != nil {
					t.Errorf("TarsWeb: %v", err)
				}
			})
			refused := crowd(4, func(n, round int) error {
				for step := 0; ; step++ {
					i := pod(fmt.Sprintf("During%dx%dx%d", n, round, step), fmt.Sprintf("2001:db8:1111:2222:3333:4444:%d:%d", n, round))
					who := r.as(fmt.Sprint("uid-", n)).with("tars-beat-ms", "30000")
					for _, call := range []func() (map[string]string, error){
						func() (map[string]string, error) { return who.onStartup(i.startup()) },
						func() (map[string]string, error) { return who.keepAlive(i.beat("inactive")) },
						func() (map[string]string, error) { return who.registerMetrics(i.metrics(9000)) },
						func() (map[string]string, error) { return who.onPrestop(i.prestop()) },
					} {
						if _, err := trying(call); err != nil {
							return err
						}
					}
					select {
					case <-over:
						return nil
					case <-time.After(5 * time.Millisecond):
					}
				}
			})
			altering.Wait()
			if len(refused) > 0 {
				t.Errorf("%d callers were refused while TarsWeb altered the tables, the first: %s", len(refused), refused[0])
			}
			d.consistent()
			after := pod("After", "2001:db8:1111:2222:3333:4444:5555:7777")
			r.as("uid-2").register(after)
			r.wantFind(after.servant(), "2001:db8:1111:2222:3333:4444:5555:7777:10000/")
			equal(t, "endpoint_ip", d.node(after.node)["endpoint_ip"], "2001:db8:1111:22")
			r.as("uid-2").beat(after, "inactive")
			r.as("uid-2").leave(after)
			r.as("uid-1").beat(before, "inactive")
			r.wantFind(before.servant(), "/2001:db8:1111:2222:3333:4444:5555:6666:10000")
			// What other programs write is found as well.
			d.change(before, "UPDATE t_server_conf SET present_state = 'active'")
			r.awaitFind(before.servant(), "2001:db8:1111:2222:3333:4444:5555:6666:10000/")
		})
	}
}

// TestR33TwoReplicasMigrateAtOnce on every form of a database, which loses nothing.
func TestR33TwoReplicasMigrateAtOnce(t *testing.T) {
	t.Parallel()
	run := func(name string, prepare func(t *testing.T) *database) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := prepare(t)
			a := d.launch()
			folder := t.TempDir()
			b := d.launch(func(o *registry.Options) { o.DataDir = folder })
			a.awaitReady()
			b.awaitReady()
			equal(t, "dirty", d.text("SELECT MAX(dirty) FROM t_registry_migrations"), "0")
			i := pod("Both", "10.8.2.1")
			a.as("uid-1").register(i)
			b.awaitFind(i.servant(), "10.8.2.1:10000/")
		})
	}
	run("fresh", func(t *testing.T) *database { return untouched(t, nil) })
	for _, variant := range schema.Variants() {
		run(variant.Name, func(t *testing.T) *database {
			d := untouched(t, &variant)
			d.machine(pod("Kept", "10.8.2.2"))
			return d
		})
	}
}

// TestR33Adoption: an installation's rows and columns are as they were.
func TestR33Adoption(t *testing.T) {
	t.Parallel()
	for _, variant := range schema.Variants() {
		t.Run(variant.Name, func(t *testing.T) {
			t.Parallel()
			d := untouched(t, &variant)
			d.machine(pod("Machine", "10.8.3.1"))
			d.legacyPod(pod("Legacy", "10.8.3.2"), "active")
			d.exec("INSERT INTO t_config_files (server_name, host, filename, config) VALUES ('App.Machine', '10.8.3.1', 'a.conf', 'x')")
			look := func() string {
				var all []string
				for _, table := range []string{"t_node_info", "t_server_conf", "t_adapter_conf", "t_config_files", "t_server_group_rule", "t_group_priority", "t_profile_template"} {
					all = append(all, d.lines("SHOW FULL COLUMNS FROM "+table)...)
					all = append(all, d.lines("SHOW INDEX FROM "+table)...)
					all = append(all, d.lines("SELECT * FROM "+table)...)
				}
				return withoutCardinality(all)
			}
			before := look()
			for range 2 {
				r := d.start()
				r.wantFind("App.Machine.Obj", "10.8.3.1:10000/")
				r.wantFind("App.Legacy.Obj", "10.8.3.2:10000/")
				r.stop()
				equal(t, "tables", look(), before)
			}
		})
	}
}

// withoutCardinality takes out what the engine estimates anew now and then.
func withoutCardinality(lines []string) string {
	var kept []string
	for _, line := range lines {
		var columns []string
		for column := range strings.SplitSeq(line, "|") {
			if !strings.HasPrefix(column, "Cardinality=") {
				columns = append(columns, column)
			}
		}
		kept = append(kept, strings.Join(columns, "|"))
	}
	return strings.Join(kept, "\n")
}

// TestR33DirtyVersion: what a crash has left half done is done again.
func TestR33DirtyVersion(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Kept", "10.8.4.1")
		r.as("uid-1").register(i)
		r.stop()
		d.spoiled = true
		latest := d.text("SELECT MAX(version) FROM t_registry_migrations")
		d.exec("DROP TABLE t_registry_lock")
		d.exec("DROP TABLE t_registry_sweep")
		d.exec("UPDATE t_registry_migrations SET version = 13, dirty = 1")
		r = d.start()
		equal(t, "version", d.text("SELECT MAX(version) FROM t_registry_migrations"), latest)
		equal(t, "dirty", d.text("SELECT MAX(dirty) FROM t_registry_migrations"), "0")
		equal(t, "locks", d.text("SELECT COUNT(*) FROM t_registry_lock"), "0")
		r.wantFind(i.servant(), "10.8.4.1:10000/")
		r.stop()
		// A newer version of the registry has been here.
		d.exec("UPDATE t_registry_migrations SET version = 99")
		r = d.start()
		r.as("uid-1").beat(i, "inactive")
		equal(t, "version", d.text("SELECT MAX(version) FROM t_registry_migrations"), "99")
	})
}

// TestStopFinishesWhatItHasAcknowledged: SIGTERM flushes heartbeats.
func TestStopFinishesWhatItHasAcknowledged(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Stop", "10.8.5.1")
		r.as("uid-1").register(i)
		d.otherReplica(i, "state", "last_heartbeat = "+d.ago("100"))
		r.awaitFind(i.servant(), "10.8.5.1:10000/")
		r.as("uid-1").beat(i, "active")
		ctx, cancel := context.WithTimeout(t.Context(), stopTime)
		defer cancel()
		r.stopped = true
		if err := r.registry.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		if age := d.seconds(i); age > 50 {
			t.Errorf("the last heartbeat was not flushed: it is %.1f s old", age)
		}
		equal(t, "flush marks", d.text("SELECT COUNT(*) FROM t_registry_flush"), "0")
	})
}
