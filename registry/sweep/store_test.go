package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }

var (
	_ Store  = (*store.Store)(nil)
	_ Legacy = (*store.Store)(nil)
)

// later is a real store seen from a later moment: what it reads is older by as
// much as the test has let pass, for the sweeper's clock and the database's alike.
type later struct {
	*store.Store
	passed     time.Duration
	jump       time.Duration // of the database's clock alone
	afterMarks func()        // called when everything is read
}

func (l *later) ReadSweep(ctx context.Context) (*store.Sweep, error) {
	read, err := l.Store.ReadSweep(ctx)
	if err != nil {
		return nil, err
	}
	shift := l.passed + l.jump
	read.Clock += shift
	var all []store.LeaseAge
	for _, list := range [][]store.LeaseAge{read.Overdue, read.Fresh} {
		for _, lease := range list {
			if !slices.ContainsFunc(all, func(a store.LeaseAge) bool { return a.ID == lease.ID }) {
				lease.Age += shift
				all = append(all, lease)
			}
		}
	}
	read.Overdue, read.Fresh = nil, nil
	for _, lease := range all {
		if lease.Overdue() {
			read.Overdue = append(read.Overdue, lease)
		}
		if lease.Age <= 2*lease.Duration {
			read.Fresh = append(read.Fresh, lease)
		}
	}
	return read, nil
}

func (l *later) HoldSweep(ctx context.Context, ttl time.Duration) (store.SweepLease, error) {
	lease, err := l.Store.HoldSweep(ctx, ttl)
	lease.HeldFor += l.passed
	return lease, err
}

func (l *later) FlushMarks(ctx context.Context) ([]store.FlushMark, error) {
	if err := l.WriteFlushMark(ctx, 0); err != nil {
		return nil, err
	}
	marks, err := l.Store.FlushMarks(ctx)
	if l.afterMarks != nil {
		l.afterMarks()
	}
	return marks, err
}

// realExpirer makes the changes with real transactions.
type realExpirer struct{ store *store.Store }

func (e realExpirer) Expire(ctx context.Context, lease store.LeaseAge, reason string) (changed bool, err error) {
	_, err = e.store.Update(ctx, store.Scope{Keys: []naming.Key{lease.Key}}, func(tx *store.Tx) error {
		seen := transition.Seen{Key: lease.Key, Revision: lease.Revision, Heartbeat: lease.Heartbeat}
		changed = transition.Expire(tx, seen, reason).Changed
		return nil
	})
	return changed, err
}

func (e realExpirer) ExpireUnleased(ctx context.Context, key naming.Key, reason string) (changed bool, err error) {
	_, err = e.store.Update(ctx, store.Scope{Keys: []naming.Key{key}}, func(tx *store.Tx) error {
		changed = transition.ExpireUnleased(tx, key, reason).Changed
		return nil
	})
	return changed, err
}

func (e realExpirer) ExpireNode(ctx context.Context, node store.SilentNode, reason string) (bool, error) {
	commit, err := e.store.ExpireNode(ctx, node, reason)
	if err != nil {
		return false, err
	}
	return len(commit.Nodes)+len(commit.Instances) > 0, nil
}

// replica is a sweeper on a real database.
type replica struct {
	t       *testing.T
	store   *later
	sweeper *Sweeper
}

func newReplica(t *testing.T, d *storetest.Database, name string) *replica {
	t.Helper()
	r := &replica{t: t, store: &later{Store: d.Open(t, name)}}
	r.sweeper = New(Options{
		Store: r.store, Legacy: r.store, Expirer: realExpirer{r.store.Store}, Replica: name,
		LeaseTTL: ttl, Logger: slog.New(slog.DiscardHandler), Slow: time.Minute,
	})
	r.sweeper.now = func() time.Time { return time.Now().Add(r.store.passed) }
	return r
}

// pass lets time pass and sweeps.
func (r *replica) pass(d time.Duration) Report {
	r.t.Helper()
	r.store.passed += d
	report, err := r.sweeper.Sweep(r.t.Context(), false)
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

func instance(n int) naming.Key {
	return naming.Key{Application: "Shop", Server: fmt.Sprint("Server", n/2), Node: fmt.Sprint("10.0.0.", n)}
}

func (r *replica) register(keys ...naming.Key) {
	r.t.Helper()
	rules := transition.Rules{LeaseTTL: ttl}
	_, err := r.store.Update(r.t.Context(), store.Scope{Keys: keys}, func(tx *store.Tx) error {
		for _, key := range keys {
			caller := transition.Caller{Identity: naming.Identity{UID: "uid", Kind: naming.KindHost}, Interval: 30 * time.Second}
			if _, err := rules.Register(tx, &naming.Registration{Key: key, State: naming.Active}, caller, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// beat renews leases as a flush does, as of the moment to which time has passed.
func (r *replica) beat(d *storetest.Database, keys ...naming.Key) {
	r.t.Helper()
	for _, key := range keys {
		// The stamp has to lie as far ahead as the view is shifted.
		stamp := d.Ago(-int(r.store.passed.Seconds()))
		d.Exec(r.t, "UPDATE t_registry_lease SET last_heartbeat = "+stamp+
			" WHERE server_name = ? AND node_name = ?", key.Server, key.Node)
	}
}

func keys(from, to int) []naming.Key {
	var list []naming.Key
	for n := from; n < to; n++ {
		list = append(list, instance(n))
	}
	return list
}

func TestR18_ExpiryInTheTables(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		r := newReplica(t, d, "one")
		r.register(keys(0, 10)...)
		second := naming.Key{Application: "Shop", Server: "Second", Node: instance(1).Node}
		r.register(second)
		r.pass(0)
		r.pass(60 * time.Second)
		r.beat(d, keys(2, 10)...)
		r.beat(d, second)
		r.pass(50 * time.Second) // seen overdue for the first time
		r.beat(d, keys(2, 10)...)
		r.beat(d, second)
		report := r.pass(10 * time.Second)
		if len(report.Expired) != 2 {
			t.Fatalf("report: %+v", report)
		}
		for n := range 10 {
			key := instance(n)
			want := "active live active"
			switch n {
			case 0:
				want = "inactive expired inactive"
			case 1:
				want = "inactive expired active" // the second server keeps the node
			}
			got := d.Text(t, "SELECT present_state FROM t_server_conf WHERE server_name = ? AND node_name = ?", key.Server, key.Node) + " " +
				d.Text(t, "SELECT state FROM t_registry_lease WHERE server_name = ? AND node_name = ?", key.Server, key.Node) + " " +
				d.Text(t, "SELECT present_state FROM t_node_info WHERE node_name = ?", key.Node)
			if got != want {
				t.Errorf("%s: %s, want %s", key, got, want)
			}
		}
		reason := d.Text(t, "SELECT reason FROM t_registry_event WHERE kind = 'expired' AND node_name = ?", instance(0).Node)
		if !strings.Contains(reason, "lease time is 1m35s") {
			t.Errorf("the event's reason is %q", reason)
		}
	})
}

func TestR18_SweeperAgainstFlusher(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		r := newReplica(t, d, "one")
		r.register(keys(0, 10)...)
		r.pass(0)
		r.pass(60 * time.Second)
		r.beat(d, keys(2, 10)...)
		r.pass(50 * time.Second)
		r.beat(d, keys(2, 10)...)
		// A heartbeat is flushed after the sweeper has read, before it expires.
		r.store.afterMarks = func() { r.beat(d, instance(0)) }
		report := r.pass(10 * time.Second)
		if len(report.Expired) != 1 || report.Expired[0].Key != instance(1) {
			t.Errorf("expired: %+v", report.Expired)
		}
		if got := d.Text(t, "SELECT state FROM t_registry_lease WHERE node_name = ?", instance(0).Node); got != "live" {
			t.Errorf("the lease that was renewed is %s", got)
		}
	})
}

func TestR18_OneSweeperAmongReplicas(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		one := newReplica(t, d, "one")
		if d.Kind == "sqlite" {
			// Nobody shares an embedded database.
			one.pass(0)
			if !one.sweeper.Stats().Sweeping {
				t.Error("it does not sweep")
			}
			return
		}
		two := newReplica(t, d, "two")
		one.pass(0)
		report := two.pass(0)
		if !strings.Contains(report.Skipped, "replica one sweeps") {
			t.Errorf("the other's report: %+v", report)
		}
		if err := one.sweeper.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		two.pass(0)
		if !two.sweeper.Stats().Sweeping {
			t.Error("the other does not take over")
		}
	})
}

func TestR18_SilentReplicaInTheTables(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		r := newReplica(t, d, "one")
		r.register(keys(0, 10)...)
		d.Exec(t, "INSERT INTO t_registry_flush (replica, flushed_at) VALUES ('other', "+d.Ago(60)+")")
		r.pass(0)
		r.pass(60 * time.Second)
		r.beat(d, keys(1, 10)...)
		r.pass(50 * time.Second)
		r.beat(d, keys(1, 10)...)
		if report := r.pass(10 * time.Second); len(report.Expired) != 0 || !strings.Contains(report.Skipped, "replica other") {
			t.Errorf("beside a silent replica: %+v", report)
		}
		d.Exec(t, "UPDATE t_registry_flush SET flushed_at = "+d.Ago(100)+" WHERE replica = 'other'")
		if report := r.pass(0); len(report.Expired) != 1 {
			t.Errorf("a lease time after its last mark: %+v", report)
		}
	})
}

func TestR18_ClockOfARealDatabase(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		r := newReplica(t, d, "one")
		r.register(keys(0, 4)...)
		r.pass(0)
		if report := r.pass(0); report.Skipped != "" {
			t.Fatalf("without any jump: %+v", report)
		}
		r.store.jump = time.Hour
		if report := r.pass(time.Second); !strings.Contains(report.Skipped, "clock") {
			t.Errorf("after a jump: %+v", report)
		}
	})
}

func TestR20_ReleaseInTheTables(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		r := newReplica(t, d, "one")
		object := []naming.Key{}
		for n := range 3 {
			object = append(object, naming.Key{Application: "Shop", Server: "Whole", Node: fmt.Sprint("10.1.0.", n)})
		}
		r.register(append(object, keys(0, 20)...)...)
		r.pass(0)
		r.pass(60 * time.Second)
		r.beat(d, keys(0, 20)...)
		r.pass(50 * time.Second)
		r.beat(d, keys(0, 20)...)
		report := r.pass(10 * time.Second)
		if len(report.Expired) != 0 || len(report.Held) != 3 || !r.sweeper.Protection().On {
			t.Fatalf("before the release: %+v", report)
		}
		if err := r.store.ReleaseProtection(t.Context(), "anna"); err != nil {
			t.Fatal(err)
		}
		if report := r.pass(0); len(report.Expired) != 3 {
			t.Errorf("after the release: %+v", report)
		}
		if by := r.sweeper.Protection().ReleasedBy; by != "anna" {
			t.Errorf("released by %q", by)
		}
	})
}

func TestR2_LegacyInTheTables(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		r := newReplica(t, d, "one")
		for _, node := range []struct {
			name, port string
			heartbeat  int
		}{
			{"10.2.0.1", "0", 10},       // a pod of a registry without leases
			{"10.2.0.2", "19385", 1000}, // a machine whose tarsnode is silent
			{"10.2.0.3", "19385", 10},   // one whose tarsnode is not
		} {
			d.Exec(t, "INSERT INTO t_node_info (node_name, node_obj, endpoint_ip, endpoint_port, last_reg_time, last_heartbeat, setting_state, present_state,"+
				" tars_version, template_name, modify_time) VALUES (?, ?, ?, 0, "+d.WallAgo(10)+", "+d.WallAgo(node.heartbeat)+", 'active', 'active', '', '', "+d.WallAgo(10)+")",
				node.name, "tars.tarsnode.NodeObj@tcp -h "+node.name+" -p "+node.port+" -t 60000", node.name)
			d.Exec(t, "INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state, server_type)"+
				" VALUES ('Old', 'Server', ?, 'active', 'active', 'tars_go')", node.name)
		}
		state := func(node string) string {
			return d.Text(t, "SELECT present_state FROM t_server_conf WHERE node_name = ?", node) + " " +
				d.Text(t, "SELECT present_state FROM t_node_info WHERE node_name = ?", node)
		}
		r.pass(0)
		for range 20 { // the time that the test itself takes passes too
			r.pass(10 * time.Second)
		}
		for _, node := range []string{"10.2.0.1", "10.2.0.2", "10.2.0.3"} {
			if got := state(node); got != "active active" {
				t.Errorf("%s after 200 s: %s", node, got)
			}
		}
		for range 6 {
			r.pass(10 * time.Second)
		}
		for node, want := range map[string]string{
			"10.2.0.1": "inactive inactive",
			"10.2.0.2": "inactive inactive",
			"10.2.0.3": "active active",
		} {
			if got := state(node); got != want {
				t.Errorf("%s after 260 s: %s, want %s", node, got, want)
			}
		}
	})
}
