package behaviour

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/tars"
)

// machines deploys some instances of a server, each on a machine of its own.
func (d *database) machines(name string, count int) (all string) {
	d.t.Helper()
	var places []string
	for n := range count {
		i := pod(name, fmt.Sprintf("10.6.0.%d", n+101))
		d.machine(i)
		places = append(places, i.node+":10000")
	}
	return strings.Join(places, " ") + "/"
}

func TestR21MassDeletionIsDoubted(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		all := d.machines("Mass", 8)
		r.awaitFind("App.Mass.Obj", all)
		d.exec("CREATE TABLE backup AS SELECT * FROM t_adapter_conf")
		d.spoiled = true

		d.exec("DELETE FROM t_adapter_conf") // and restored within the time of doubt
		r.log.await(t, "many rows are gone at once")
		r.wantFind("App.Mass.Obj", all)
		const columns = "application, server_name, node_name, adapter_name, servant, endpoint, protocol, thread_num, max_connections, queuecap, queuetimeout"
		d.exec("INSERT INTO t_adapter_conf (" + columns + ") SELECT " + columns + " FROM backup") // at once: its rows have other ids
		extra := pod("Extra", "10.6.0.99")
		d.machine(extra)
		r.awaitFind(extra.servant(), "10.6.0.99:10000/") // a comparison has gone through
		r.wantFind("App.Mass.Obj", all)
		if r.log.mentions("rows are still gone") {
			t.Error("what was restored in time was removed")
		}

		// One is believed at once, whatever the share.
		d.change(extra, "DELETE FROM t_adapter_conf")
		d.change(extra, "DELETE FROM t_server_conf")
		r.awaitFind(extra.servant(), "/")
		if strings.Count(r.log.String(), "many rows are gone at once") != 1 {
			t.Error("the removal of one instance was doubted")
		}

		d.exec("DELETE FROM t_adapter_conf WHERE server_name = 'Mass'") // at once: one or two would be believed
		d.exec("DELETE FROM t_server_conf WHERE server_name = 'Mass'")
		r.awaitFind("App.Mass.Obj", "/")
		if !r.log.mentions("rows are still gone") {
			t.Error("the removal of everything was believed at first sight")
		}
	})
}

// TestR21EmptiedWhileAway: what is found after an interruption is doubted as well.
func TestR21EmptiedWhileAway(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		tables []string
	}{
		{"all tables", []string{"t_adapter_conf", "t_server_conf", "t_registry_lease"}},
		{"leases left", []string{"t_adapter_conf", "t_server_conf"}},
		{"only servers", []string{"t_server_conf"}},
		{"only adapters", []string{"t_adapter_conf"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := mariadb(t)
			network, dsn := d.behindLink()
			r := d.start(func(o *registry.Options) { o.DSN = dsn })
			var places []string
			for n := range 4 {
				i := pod("Mass", fmt.Sprintf("10.6.1.%d", n+1))
				r.as(fmt.Sprint("uid-", n)).register(i)
				places = append(places, i.node+":10000")
			}
			all := strings.Join(places, " ") + "/"
			r.wantFind("App.Mass.Obj", all)
			network.Cut()
			r.log.await(t, "cannot follow the database")
			for _, table := range test.tables {
				d.exec("DELETE FROM " + table)
			}
			network.Mend()
			r.log.await(t, "many rows are gone at once")
			r.log.await(t, "following the database again")
			r.wantFind("App.Mass.Obj", all)
			r.awaitFind("App.Mass.Obj", "/")
			if !r.log.mentions("rows are still gone") {
				t.Error("they were removed at first sight")
			}
		})
	}
}

func TestR22Events(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Told", "10.6.2.1")
		me := r.as("uid-1")
		me.register(i)
		me.beat(i, "inactive")
		me.beat(i, "inactive")
		me.metrics(i, 9000)
		me.leave(i)
		var got []string
		for n, e := range d.rows("SELECT * FROM t_registry_event ORDER BY id") {
			equal(t, "revision of event "+fmt.Sprint(n+1), e["revision"], fmt.Sprint(n+1))
			got = append(got, fmt.Sprintf("%s %s by %s", e["kind"], e["state"], e["actor"]))
			if e["reason"] == "" || e["replica"] == "" || e["application"]+e["server_name"]+e["node_name"] != "AppTold10.6.2.1" {
				t.Errorf("event %v", e)
			}
		}
		want := "registered active by 127.0.0.1\nstate inactive by 127.0.0.1\nmetrics inactive by 127.0.0.1\nleft  by 127.0.0.1"
		equal(t, "events", strings.Join(slices.Compact(got), "\n"), want)
		if count := d.text("SELECT COUNT(*) FROM t_registry_event WHERE NOT " + d.age("created") + " BETWEEN 0 AND 60"); count != "0" {
			t.Errorf("%s events are not of this moment by the database's clock", count)
		}
	})
}

// TestR22OtherReplicas: changes through one show in the look-ups of the other,
// much sooner than a comparison would find them.
func TestR22OtherReplicas(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	a, b := d.start(), d.second()
	i := pod("Shown", "10.6.2.2")
	here, gone := "10.6.2.2:10000/", "/10.6.2.2:10000"
	for range 5 {
		a.as("uid-1").register(i)
		b.awaitFind(i.servant(), here)
		b.as("uid-1").beat(i, "inactive")
		a.awaitFind(i.servant(), gone)
		a.as("uid-1").beat(i, "active")
		b.awaitFind(i.servant(), here)
		b.as("uid-1").leave(i)
		a.awaitFind(i.servant(), gone) // as a tombstone
	}
	if status := b.mustAdmin("tars.viewstatus"); !strings.Contains(status, "state ready") {
		t.Errorf("status %q", status)
	}
	// Heartbeats at the other replica renew the same lease.
	a.as("uid-1").register(i)
	b.awaitFind(i.servant(), here)
	d.otherReplica(i, "state", "last_heartbeat = "+d.ago("50"))
	await(t, func() string {
		b.as("uid-1").beat(i, "active")
		if age := d.seconds(i); age > 40 {
			return fmt.Sprintf("the last heartbeat is %.1f s ago", age)
		}
		return ""
	})
}

// TestR8AcrossReplicas: a late `active` at one replica never undoes the
// `deactivating` that another has committed.
func TestR8AcrossReplicas(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	a, b := d.start(), d.second()
	for n := range 10 {
		i := pod(fmt.Sprint("Late", n), fmt.Sprintf("10.6.3.%d", n+1))
		here, gone := i.node+":10000/", "/"+i.node+":10000"
		report := func(r *replica, sequence string) caller { return r.as("uid-1").with("tars-seq", sequence) }
		report(a, "1").register(i)
		b.awaitFind(i.servant(), here)
		report(a, "3").beat(i, "deactivating")
		report(b, "2").beat(i, "active") // may not have heard of it yet
		equal(t, "present state", d.present(i), "deactivating")
		await(t, func() string {
			report(b, "2").beat(i, "active")
			if found := b.find(i.servant()); found != gone {
				return "the other replica has not heard of it: " + found
			}
			return ""
		})
		equal(t, "present state", d.present(i), "deactivating")
		equal(t, "events", d.events(i), "registered state")
	}
}

// TestR8LastArrivalAcrossReplicas: an old pod, which numbers nothing, reports one
// state to a replica and the other one to another that cannot know of it. The last
// report holds, and need not be said again.
func TestR8LastArrivalAcrossReplicas(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	a := d.start()
	network, dsn := d.behindLink()
	b := d.second(func(o *registry.Options) { o.DSN = dsn })
	back, off := pod("Back", "10.6.5.1"), pod("Off", "10.6.5.2")
	for _, i := range []instance{back, off} {
		a.old().register(i)
		b.awaitFind(i.servant(), i.node+":10000/")
	}
	apart := func() { // two arrivals that no delay of this machine turns round
		t.Helper()
		began := time.Now()
		await(t, func() string {
			return map[bool]string{true: "too little time has passed"}[time.Since(began) < 5*time.Second]
		})
	}
	network.Cut()
	b.log.await(t, "cannot follow the database")
	a.old().beat(back, "inactive")
	b.old().beat(off, "active")
	apart()
	b.old().beat(back, "active")
	a.old().beat(off, "inactive")
	b.wantFind(back.servant(), "10.6.5.1:10000/") // it has not heard of the first report
	network.Mend()
	d.awaitPresent(back, "active")
	b.awaitFind(back.servant(), "10.6.5.1:10000/")
	b.awaitFind(off.servant(), "/10.6.5.2:10000")
	d.awaitPresent(off, "inactive")
	equal(t, "events of who reported active last", d.events(back), "registered state")
	equal(t, "events of who reported inactive last", d.events(off), "registered state")
}

func TestR23OtherPrograms(t *testing.T) {
	onEverySchema(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Web", "10.6.4.1")
		here, inactive := "10.6.4.1:10000/", "/10.6.4.1:10000"
		d.machine(i)
		r.awaitFind(i.servant(), here)
		for _, state := range []string{"inactive", "active"} { // twice in one second, perhaps
			d.change(i, "UPDATE t_server_conf SET present_state = ?", state)
		}
		d.change(i, "UPDATE t_server_conf SET setting_state = 'inactive'")
		r.awaitFind(i.servant(), inactive)
		d.change(i, "UPDATE t_server_conf SET setting_state = 'active'")
		r.awaitFind(i.servant(), here)
		d.change(i, "UPDATE t_adapter_conf SET endpoint = 'tcp -h 10.6.4.1 -p 10009 -t 60000'")
		r.awaitFind(i.servant(), "10.6.4.1:10009/")
		d.change(i, "UPDATE t_adapter_conf SET servant = 'App.Other.Obj', adapter_name = 'App.Other.ObjAdapter'")
		r.awaitFind("App.Other.Obj", "10.6.4.1:10009/")
		r.wantFind(i.servant(), "/")
		d.addAdapter(i, i.servant(), i.endpoint())
		r.awaitFind(i.servant(), here)
		d.exec("DELETE FROM t_adapter_conf WHERE servant = 'App.Other.Obj'")
		r.awaitFind("App.Other.Obj", "/")
		r.wantFind(i.servant(), here)

		// A row that is given to another node is gone from the one before.
		moved := pod("Web", "10.6.4.2")
		d.change(i, "UPDATE t_adapter_conf SET node_name = '10.6.4.2'")
		d.change(i, "UPDATE t_server_conf SET node_name = '10.6.4.2'")
		await(t, func() string {
			var nodes []string
			if code, err := r.lookups().FindObjectNodeName(i.servant(), &nodes); err != nil || code != 0 {
				t.Fatalf("findObjectNodeName: %d %v", code, err)
			}
			if strings.Join(nodes, " ") != "10.6.4.2" {
				return fmt.Sprint("the object is on ", nodes)
			}
			return ""
		})
		r.wantFind(i.servant(), here) // the endpoint is as it was, once
		d.change(moved, "DELETE FROM t_adapter_conf")
		d.change(moved, "DELETE FROM t_server_conf")
		r.awaitFind(i.servant(), "/")

		// What comes and goes between two looks is not believed to be there.
		d.deploy(i, "active")
		d.change(i, "DELETE FROM t_server_conf")
		d.exec("INSERT INTO t_registry_info (locator_id, servant, endpoint, present_state, tars_version) VALUES ('10.6.4.9:17890', 'tars.other.Obj', 'tcp -h 10.6.4.9 -p 17890', 'active', '3.0')")
		r.awaitFind("tars.other.Obj", "10.6.4.9:17890/")
		r.awaitFind(i.servant(), "/") // a look that came between may have seen it
	})
}

func TestR24ReadYourWrites(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		for n := range 10 {
			i := pod(fmt.Sprint("Own", n), fmt.Sprintf("10.6.5.%d", n+1))
			place := i.node + ":10000"
			r.as("uid").register(i)
			r.wantFind(i.servant(), place+"/")
			r.as("uid").beat(i, "inactive")
			r.wantFind(i.servant(), "/"+place)
			r.as("uid").beat(i, "active")
			r.wantFind(i.servant(), place+"/")
			r.as("uid").register(i, func(req *tars.OnStartupReq) { req.Adapters = nil })
			r.wantFind(i.servant(), "/"+place)
			r.as("uid").leave(i)
			r.wantFind(i.servant(), "/"+place)
		}
	})
}

func TestR25Tombstones(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		lasting := func(time time.Duration) func(*registry.Options) {
			return func(o *registry.Options) { o.Tombstone = time }
		}
		r := d.start(lasting(10 * time.Minute))
		i, stays := pod("Tomb", "10.6.6.1"), pod("Tomb", "10.6.6.2")
		r.as("uid-1").register(i)
		r.as("uid-2").register(stays)
		r.as("uid-1").leave(i)
		r.wantFind(i.servant(), "10.6.6.2:10000/10.6.6.1:10000")
		r.as("uid-3").register(pod("Tomb", "10.6.6.3"), listening(i.endpoint()))
		r.wantFind(i.servant(), "10.6.6.1:10000 10.6.6.2:10000/") // it has registered again
		equal(t, "tombstones", d.text("SELECT COUNT(*) FROM t_registry_tombstone"), "0")
		r.as("uid-3").leave(pod("Tomb", "10.6.6.3"))
		r.wantFind(i.servant(), "10.6.6.2:10000/10.6.6.1:10000")
		r.stop()

		r = d.start(lasting(10 * time.Minute)) // a replica that starts knows it as well
		r.wantFind(i.servant(), "10.6.6.2:10000/10.6.6.1:10000")
		r.stop()

		r = d.start(lasting(2 * time.Second))
		r.awaitFind(i.servant(), "10.6.6.2:10000/") // its time is over
		r.as("uid-2").leave(stays)
		r.awaitFind(i.servant(), "/")
		r.as("uid-2").register(stays)
		r.stop()

		r = d.start(lasting(0))
		r.as("uid-2").leave(stays)
		r.wantFind(i.servant(), "/") // switched off
	})
}

// TestR25AtAnotherReplica: an endpoint is never in neither list.
func TestR25AtAnotherReplica(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	a, b := d.start(), d.second()
	for n := range 5 {
		i := pod("Tomb", fmt.Sprintf("10.6.7.%d", n+1))
		a.as("uid").register(i)
		await(t, func() string {
			if found := b.find(i.servant()); !strings.Contains(found, i.node+":10000") {
				return "not there yet"
			}
			return ""
		})
		a.as("uid").leave(i)
		await(t, func() string {
			active, inactive, _ := strings.Cut(b.find(i.servant()), "/")
			switch {
			case strings.Contains(inactive, i.node+":"):
				return ""
			case !strings.Contains(active, i.node+":"):
				t.Fatalf("%s is in neither list", i.node)
			}
			return "still active"
		})
	}
}

// TestR26StartWithoutDatabase from the picture on disk.
func TestR26StartWithoutDatabase(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	network, dsn := d.behindLink()
	through := func(o *registry.Options) { o.DSN = dsn }
	r := d.start(through)
	i, changed, removed := pod("Disk", "10.6.8.1"), pod("Disk", "10.6.8.2"), pod("Disk", "10.6.8.3")
	for n, one := range []instance{i, changed, removed} {
		r.as(fmt.Sprint("uid-", n)).register(one)
	}
	r.as("uid-1").beat(changed, "inactive")
	r.as("uid-1").beat(changed, "active")
	all := "10.6.8.1:10000 10.6.8.2:10000 10.6.8.3:10000/"
	r.stop()

	network.Cut()
	launched := time.Now()
	r = d.launch(through)
	code, _ := r.readyz()
	// The tables are tried for 3 s before the picture on disk is used.
	if waited := time.Since(launched); code != 503 && waited < 3*time.Second {
		t.Errorf("readyz %s after the start, before there is a picture: %d", waited, code)
	}
	r.awaitReady()
	r.wantFind(i.servant(), all)
	code, body := r.readyz()
	equal(t, "readyz", fmt.Sprint(code, " ", firstWord(body)), "200 degraded")
	equal(t, "action of a heartbeat", r.as("uid-0").beat(i, "active"), "")
	for name, call := range map[string]func() (map[string]string, error){
		"onStartup":      func() (map[string]string, error) { return r.as("new").onStartup(pod("New", "10.6.8.9").startup()) },
		"a new state":    func() (map[string]string, error) { return r.as("uid-0").keepAlive(i.beat("inactive")) },
		"onPrestop":      func() (map[string]string, error) { return r.as("uid-0").onPrestop(i.prestop()) },
		"unknown's beat": func() (map[string]string, error) { return r.as("new").keepAlive(pod("New", "10.6.8.9").beat("active")) },
	} {
		_, err := call()
		if code, text := refusal(err); code != 1 || !strings.Contains(text, "database") {
			t.Errorf("%s without the database: code %d, %q", name, code, text)
		}
	}
	r.wantFind(i.servant(), all)

	// Meanwhile others have changed the tables; even a backup may have been restored.
	d.otherReplica(i, "state", "last_heartbeat = "+d.ago("200"))
	d.change(changed, "UPDATE t_server_conf SET setting_state = 'inactive'")
	d.change(changed, "UPDATE t_registry_lease SET revision = 1")
	d.change(removed, "DELETE FROM t_adapter_conf")
	d.change(removed, "DELETE FROM t_server_conf")
	d.change(removed, "UPDATE t_registry_lease SET state = 'left'")
	network.Mend()
	r.awaitFind(i.servant(), "10.6.8.1:10000/10.6.8.2:10000")
	await(t, func() string { // what was heard meanwhile counts
		if age := d.seconds(i); age > 180 {
			return fmt.Sprintf("the last heartbeat is %.1f s ago", age)
		}
		return ""
	})
	r.as("uid-1").beat(changed, "activating")
	equal(t, "present state", d.present(changed), "activating")
	r.as("new").register(pod("New", "10.6.8.9"))
	await(t, func() string {
		if _, body := r.readyz(); body != "ready" {
			return "readyz says " + body
		}
		return ""
	})
}

// TestR26DamagedPicture is refused, and said.
func TestR26DamagedPicture(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	network, dsn := d.behindLink()
	through := func(o *registry.Options) { o.DSN = dsn }
	r := d.start(through)
	i := pod("Disk", "10.6.9.1")
	r.as("uid-1").register(i)
	r.stop()
	path := filepath.Join(d.dir, registry.PictureFile)
	picture, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	picture[len(picture)/2] ^= 1
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		t.Fatal(err)
	}
	network.Cut()
	r = d.launch(through)
	r.log.await(t, "the picture on disk cannot be used")
	if code, _ := r.readyz(); code != 503 {
		t.Errorf("readyz without a picture: %d", code)
	}
	network.Mend()
	r.awaitReady()
	r.wantFind(i.servant(), "10.6.9.1:10000/")
}
