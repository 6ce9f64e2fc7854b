package behaviour

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/tarsregistry/tarsregistry/registry"
)

// beating has pods report active, each as often as given, until the test is over
// or stop is called. What they are answered does not matter here.
func beating(t *testing.T, every time.Duration, pods map[instance]caller) (stop func()) {
	t.Helper()
	over := make(chan struct{})
	var group sync.WaitGroup
	for i, c := range pods {
		group.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				_, _ = c.keepAlive(i.beat("active"))
				select {
				case <-over:
					return
				case <-tick.C:
				}
			}
		})
	}
	stop = sync.OnceFunc(func() { close(over); group.Wait() })
	t.Cleanup(stop)
	return stop
}

// seconds reads how long ago a lease's last heartbeat was.
func (d *database) seconds(i instance) float64 {
	d.t.Helper()
	query, args := i.keyed("SELECT " + d.age("last_heartbeat") + " FROM t_registry_lease")
	text := d.text(query, args...)
	age, err := strconv.ParseFloat(text, 64)
	if err != nil {
		d.t.Fatalf("age of the last heartbeat of %v: %q", i, text)
	}
	return age
}

// TestR16StampsAreTheDatabases: whatever time zones its sessions are in.
func TestR16StampsAreTheDatabases(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	config, err := mysql.ParseDSN(d.dsn)
	if err != nil {
		t.Fatal("the test's DSN cannot be read")
	}
	config.Params = map[string]string{"time_zone": "'+09:00'"}
	r := d.start(func(o *registry.Options) { o.DSN = config.FormatDSN() })
	i := pod("Zone", "10.5.0.1")
	r.as("uid-1").register(i)
	for _, column := range []struct{ table, column string }{
		{"t_registry_lease", "last_heartbeat"}, {"t_registry_lease", "state_since"}, {"t_registry_event", "created"},
	} {
		age := d.text("SELECT ABS(TIMESTAMPDIFF(SECOND, " + column.column + ", UTC_TIMESTAMP(6))) < 60 FROM " + column.table)
		equal(t, column.table+"."+column.column+" is of this moment", age, "1")
	}
	// A row stamped by a program in yet another zone is a change like any other.
	for _, stamp := range []string{"'2001-01-01 00:00:00'", "NOW() + INTERVAL 8 HOUR", "NOW() - INTERVAL 8 HOUR"} {
		for _, state := range []string{"inactive", "active"} {
			d.change(i, "UPDATE t_server_conf SET setting_state = ?, registry_timestamp = "+stamp, state)
			want := map[string]string{"inactive": "/10.5.0.1:10000", "active": "10.5.0.1:10000/"}[state]
			r.awaitFind(i.servant(), want)
		}
	}
}

func TestR17LeaseTimes(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		for n, test := range []struct{ told, lease string }{
			{"500", "3000"}, {"1000", "3000"}, {"30000", "90000"}, {"600000", "1800000"}, {"3600000", "1800000"}, {"0", "250000"},
		} {
			i := pod(fmt.Sprint("Told", n), fmt.Sprintf("10.5.1.%d", n+1))
			r.as("uid-1").with("tars-beat-ms", test.told).register(i)
			equal(t, "lease time in ms at a told interval of "+test.told, d.lease(i)["lease_ms"], test.lease)
		}
		// Who tells nothing is watched for three beats.
		i := pod("Silent", "10.5.1.99")
		r.old().register(i)
		equal(t, "lease time of an old client", d.lease(i)["lease_ms"], "250000")
		pace := time.NewTicker(1200 * time.Millisecond)
		defer pace.Stop()
		await(t, func() string {
			<-pace.C
			r.old().beat(i, "active")
			if lease := d.lease(i); lease["lease_ms"] != "250000" {
				interval, _ := strconv.Atoi(lease["interval_ms"])
				equal(t, "lease time", lease["lease_ms"], strconv.Itoa(max(3000, 3*interval)))
				return ""
			}
			return "the interval is not known yet"
		})
	})
}

// TestR18Expiry: who has gone quiet expires, and nobody else.
func TestR18Expiry(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		alive := map[instance]caller{}
		for n := range 6 {
			i := pod(fmt.Sprint("Alive", n), fmt.Sprintf("10.5.2.%d", n+1))
			alive[i] = r.as(fmt.Sprint("uid-", n)).with("tars-beat-ms", "500")
			alive[i].register(i)
		}
		silent, patient := pod("Silent", "10.5.2.100"), pod("Patient", "10.5.2.101")
		r.as("uid-s").with("tars-beat-ms", "500").register(silent)
		r.as("uid-s").metrics(silent, 9000)
		r.old().register(patient) // 250 s until three beats were seen (R17)
		beating(t, 500*time.Millisecond, alive)

		d.awaitPresent(silent, "inactive")
		equal(t, "lease", d.leaseState(silent), "expired")
		equal(t, "events", d.events(silent), "registered metrics expired")
		d.want("the event", d.one("SELECT * FROM t_registry_event WHERE kind = 'expired'"), row{"actor": "sweep", "server_name": "Silent", "state": "inactive", "revision": d.changes(silent)})
		d.want("its node", d.node(silent.node), row{"present_state": "inactive"})
		r.awaitFind(silent.servant(), "/10.5.2.100:10000") // the tables have it first
		equal(t, "targets", len(r.targets(nil)), 0)
		for i := range alive {
			equal(t, "present state of "+i.server, d.present(i), "active")
			equal(t, "events of "+i.server, d.events(i), "registered")
		}
		equal(t, "present state of who told no interval", d.present(patient), "active")
		r.as("uid-s").beat(silent, "active")
		equal(t, "lease after a heartbeat", d.leaseState(silent), "live")
		equal(t, "targets", len(r.targets(nil)), 1)
	})
}

// TestR18ReplicaCutOff: what only a replica without the database hears counts.
func TestR18ReplicaCutOff(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	a := d.start()
	network, dsn := d.behindLink()
	b := d.second(func(o *registry.Options) { o.DSN = dsn })
	there, here, silent := map[instance]caller{}, map[instance]caller{}, pod("Silent", "10.5.3.100")
	for n := range 3 {
		i := pod(fmt.Sprint("There", n), fmt.Sprintf("10.5.3.%d", n+1))
		there[i] = b.as("uid-b").with("tars-beat-ms", "4000") // a lease of 12 s
		there[i].register(i)
		i = pod(fmt.Sprint("Here", n), fmt.Sprintf("10.5.3.%d", n+51))
		here[i] = a.as("uid-a").with("tars-beat-ms", "4000")
		here[i].register(i)
	}
	beating(t, time.Second, there)
	beating(t, time.Second, here)
	a.as("uid-s").with("tars-beat-ms", "4000").register(silent)
	await(t, func() string {
		if held := d.text("SELECT COUNT(*) FROM t_registry_flush"); held != "2" {
			return held + " replicas flush"
		}
		return ""
	})
	began := time.Now()
	network.Cut()
	b.log.await(t, "cannot follow the database")
	status, body := b.readyz()
	if status != 200 || firstWord(body) != "degraded" {
		t.Errorf("readyz of the replica that is cut off: %d %q", status, body)
	}
	const lease, sighting = 12 * time.Second, 10 * time.Second
	await(t, func() string { // longer than the lease time
		return map[bool]string{true: "the outage is too short yet"}[time.Since(began) < lease+time.Second]
	})
	network.Mend()
	// A lease that is overdue expires no sooner than the time between two sightings
	// later: so long the replica may take to tell of what it has heard.
	for i := range there {
		await(t, func() string {
			if age := d.seconds(i); age > lease.Seconds() {
				return fmt.Sprintf("the last heartbeat of %v is %.1f s ago", i, age)
			}
			return ""
		})
	}
	inTime := time.Since(began) < lease+sighting
	d.awaitPresent(silent, "inactive") // the sweep goes on
	for i := range there {
		if inTime {
			equal(t, "events of who beats at the replica that was cut off", d.events(i), "registered")
		}
		d.awaitPresent(i, "active") // again, where it was not in time
	}
	for i := range here {
		equal(t, "events of who beats at the other one", d.events(i), "registered")
	}
}

// TestR18SilentReplicaHoldsUp: a replica that went silent without a word may hold
// heartbeats. Until a lease time after its last mark nobody expires, and then they do.
func TestR18SilentReplicaHoldsUp(t *testing.T) {
	t.Parallel()
	d := mariadb(t)
	a := d.start()
	network, dsn := d.behindLink()
	b := d.second(func(o *registry.Options) { o.DSN = dsn })
	const interval = 10 * time.Second // and so a lease of 30 s
	told := func(uid string) caller { return a.as(uid).with("tars-beat-ms", fmt.Sprint(interval.Milliseconds())) }
	alive := map[instance]caller{}
	for n := range 6 {
		i := pod(fmt.Sprint("Alive", n), fmt.Sprintf("10.5.6.%d", n+1))
		alive[i] = told(fmt.Sprint("uid-", n))
		alive[i].register(i)
	}
	beating(t, time.Second, alive)
	silent := pod("Silent", "10.5.6.100")
	told("uid-s").register(silent)
	await(t, func() string { // the replica is to count as silent well before the lease could expire
		if age := d.seconds(silent); age < 2*interval.Seconds() {
			return fmt.Sprintf("its last heartbeat is %.1f s ago", age)
		}
		return ""
	})
	network.Cut()
	b.log.await(t, "cannot follow the database")
	// Without the other replica it would expire ten seconds after its lease time, those
	// of two sightings.
	d.awaitPresent(silent, "inactive")
	after := d.text("SELECT TIMESTAMPDIFF(SECOND, MIN(f.flushed_at), e.created) FROM t_registry_flush f, t_registry_event e WHERE e.kind = 'expired' GROUP BY e.id")
	if seconds, err := strconv.Atoi(after); err != nil || seconds < int(3*interval.Seconds()) {
		t.Errorf("it expired %s s after the last mark of the silent replica", after)
	}
	for i := range alive {
		equal(t, "events of who beats", d.events(i), "registered")
	}
	network.Mend()
}

// TestR19Flush: heartbeats reach the tables without a transition.
func TestR19Flush(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		i := pod("Flushed", "10.5.4.1")
		r.as("uid-1").register(i)
		d.otherReplica(i, "state", "last_heartbeat = "+d.ago("50"))
		d.exec("UPDATE t_node_info SET last_heartbeat = NULL")
		r.as("uid-1").beat(i, "active")
		await(t, func() string {
			r.as("uid-1").beat(i, "active")
			if age := d.seconds(i); age > 40 {
				return fmt.Sprintf("the last heartbeat is %.1f s ago", age)
			}
			return ""
		})
		await(t, func() string {
			r.as("uid-1").beat(i, "active")
			return map[string]string{"NULL": "t_node_info has no heartbeat"}[d.node(i.node)["last_heartbeat"]]
		})
		d.recent("t_node_info", "last_heartbeat")
		equal(t, "revision", d.lease(i)["revision"], d.changes(i)) // of the other replica
		equal(t, "events", d.events(i), "registered state")
	})
}

// TestR20Protection: not all of an object at once, and not for ever.
func TestR20Protection(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		r := d.start()
		told := func(uid string) caller { return r.as(uid).with("tars-beat-ms", "4000") } // a lease of 12 s
		alive, trio := map[instance]caller{}, map[instance]caller{}
		for n := range 8 {
			i := pod(fmt.Sprint("Alive", n), fmt.Sprintf("10.5.5.%d", n+1))
			alive[i] = told(fmt.Sprint("a", n))
			alive[i].register(i)
		}
		for n := range 3 {
			i := pod("Trio", fmt.Sprintf("10.5.5.%d", n+101))
			trio[i] = told(fmt.Sprint("t", n))
			trio[i].register(i)
		}
		solo := pod("Solo", "10.5.5.200")
		told("solo").register(solo)
		// However long that took, they fall silent together.
		d.exec("UPDATE t_registry_lease SET last_heartbeat = " + d.ago("0") + " WHERE server_name IN ('Trio', 'Solo')")
		beating(t, 500*time.Millisecond, alive)
		r.log.await(t, "protection is on")
		d.awaitPresent(solo, "inactive") // of another object
		for i := range trio {
			equal(t, "present state of the held "+i.node, d.present(i), "active")
			equal(t, "its lease", d.leaseState(i), "live")
		}
		r.wantFind("App.Trio.Obj", "10.5.5.101:10000 10.5.5.102:10000 10.5.5.103:10000/")
		beating(t, 500*time.Millisecond, trio)
		r.log.await(t, "protection is off")
		for i := range trio {
			equal(t, "events of "+i.node, d.events(i), "registered")
		}
	})
}
