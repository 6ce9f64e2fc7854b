package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

func beatOf(instance *naming.Instance, age time.Duration) store.Beat {
	return store.Beat{
		LeaseID: instance.Lease.ID, Revision: instance.Lease.Revision, Age: age,
		Interval: instance.Lease.Interval, Told: instance.Lease.IntervalTold, Duration: instance.Lease.Duration,
	}
}

func flush(t *testing.T, s *store.Store, beats ...store.Beat) []store.Beat {
	t.Helper()
	unexpected, err := s.Flush(t.Context(), beats)
	if err != nil {
		t.Fatal(err)
	}
	return unexpected
}

func TestR19BeatIsStampedByItsAge(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		k := key("App", "Server", "10.0.0.1")
		instance := register(t, s, registered(k)).Instances[0]
		past(t, d, "t_registry_lease", "last_heartbeat", time.Hour, "1 = 1")
		if got := flush(t, s, beatOf(instance, 10*time.Minute)); len(got) != 0 {
			t.Fatalf("unexpected: %+v", got)
		}
		age := load(t, s, k).Lease.HeartbeatAge
		if age < 10*time.Minute || age > 11*time.Minute {
			t.Errorf("the stamp is %v old, its beat was 10m", age)
		}
		// An older beat, of another replica, never takes the stamp back.
		before := load(t, s, k).Lease.Heartbeat
		flush(t, s, beatOf(instance, 30*time.Minute))
		if after := load(t, s, k).Lease.Heartbeat; after != before {
			t.Errorf("the stamp went from %s to %s", before, after)
		}
		flush(t, s, beatOf(instance, 0))
		if age := load(t, s, k).Lease.HeartbeatAge; age > time.Minute {
			t.Errorf("the stamp is %v old after a fresh beat", age)
		}
	})
}

func TestR19BeatsThatAreNotAsExpectedComeBack(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		var beats []store.Beat
		for _, node := range []string{"as-expected", "changed", "left", "expired"} {
			instance := register(t, s, registered(key("App", "Server", node), "tcp -h 10.0.0.1 -p 1")).Instances[0]
			beats = append(beats, beatOf(instance, 0))
		}
		d.Exec(t, "UPDATE t_registry_lease SET revision = 7 WHERE node_name = 'changed'")
		d.Exec(t, "UPDATE t_registry_lease SET state = 'left' WHERE node_name = 'left'")
		d.Exec(t, "UPDATE t_registry_lease SET state = 'expired' WHERE node_name = 'expired'")
		past(t, d, "t_registry_lease", "last_heartbeat", time.Hour, "1 = 1")
		beats = append(beats, store.Beat{LeaseID: 4711, Revision: 1})
		got := map[int64]bool{}
		for _, beat := range flush(t, s, beats...) {
			got[beat.LeaseID] = true
		}
		for i, beat := range beats {
			if got[beat.LeaseID] != (i != 0) {
				t.Errorf("beat %d came back: %v", i, got[beat.LeaseID])
			}
		}
		for _, node := range []string{"changed", "left", "expired"} {
			if age := load(t, s, key("App", "Server", node)).Lease.HeartbeatAge; age < time.Hour {
				t.Errorf("%s was stamped", node)
			}
		}
	})
}

func TestR17IntervalIsWrittenAlong(t *testing.T) {
	type interval struct {
		gap      time.Duration
		told     bool
		duration time.Duration
	}
	const second = time.Second
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		for name, test := range map[string]struct{ stored, beat, want interval }{
			"told, longer":         {interval{30 * second, true, 95 * second}, interval{40 * second, true, 120 * second}, interval{40 * second, true, 120 * second}},
			"told, shorter":        {interval{40 * second, true, 120 * second}, interval{30 * second, true, 95 * second}, interval{30 * second, true, 95 * second}},
			"told for the first":   {interval{40 * second, false, 120 * second}, interval{20 * second, true, 95 * second}, interval{20 * second, true, 95 * second}},
			"observed, longer":     {interval{30 * second, false, 95 * second}, interval{40 * second, false, 120 * second}, interval{40 * second, false, 120 * second}},
			"observed, shorter":    {interval{40 * second, false, 120 * second}, interval{10 * second, false, 95 * second}, interval{40 * second, false, 120 * second}},
			"not known here":       {interval{40 * second, false, 120 * second}, interval{0, false, 95 * second}, interval{40 * second, false, 120 * second}},
			"told another replica": {interval{40 * second, true, 120 * second}, interval{0, false, 95 * second}, interval{40 * second, true, 120 * second}},
		} {
			t.Run(name, func(t *testing.T) {
				k := key("App", "Server", name)
				instance := registered(k)
				instance.Lease.Interval, instance.Lease.IntervalTold, instance.Lease.Duration = test.stored.gap, test.stored.told, test.stored.duration
				beat := beatOf(register(t, s, instance).Instances[0], 0)
				beat.Interval, beat.Told, beat.Duration = test.beat.gap, test.beat.told, test.beat.duration
				if got := flush(t, s, beat); len(got) > 0 {
					t.Errorf("came back: %+v", got)
				}
				lease := load(t, s, k).Lease
				if got := (interval{lease.Interval, lease.IntervalTold, lease.Duration}); got != test.want || lease.Revision != beat.Revision {
					t.Errorf("the lease has %+v at revision %d, want %+v at %d", got, lease.Revision, test.want, beat.Revision)
				}
			})
		}
	})
}

func TestR19ManyBeatsAreWrittenInChunks(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		statements := map[string]int{}
		config := d.Config("replica-1")
		config.Observe = func(name string, _ time.Duration, _ error) { statements[name]++ }
		s := storetest.Open(t, config)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		var instances []*naming.Instance
		for i := range 1100 {
			instances = append(instances, registered(key("App", "Server", fmt.Sprintf("node-%d", i))))
		}
		var beats []store.Beat
		for chunk := range slices.Chunk(instances, 100) {
			for _, instance := range register(t, s, chunk...).Instances {
				beats = append(beats, beatOf(instance, 0))
			}
		}
		past(t, d, "t_registry_lease", "last_heartbeat", time.Hour, "1 = 1")
		clear(statements)
		if got := flush(t, s, beats...); len(got) != 0 {
			t.Errorf("%d beats came back", len(got))
		}
		if statements["flush"] != 3 || statements["flush_look"] != 2 {
			t.Errorf("statements: %v, want 2 reads and 3 writes", statements)
		}
		sweep, err := s.ReadSweep(t.Context())
		if err != nil || len(sweep.Overdue) != 0 || len(sweep.Fresh) != 1100 {
			t.Errorf("%d overdue, %d fresh, %v", len(sweep.Overdue), len(sweep.Fresh), err)
		}
	})
}

func TestNodesBeatByTheirAgeUnlessTheyAreMachines(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		d.Exec(t, "INSERT INTO t_node_info (node_name, node_obj, last_heartbeat) VALUES"+
			" ('pod', 'tars.tarsnode.NodeObj@tcp -h pod -p 0', NULL), ('late', 'x@tcp -h late -p 0 -t 1', '2020-01-01 00:00:00'),"+
			" ('ahead', 'x@tcp -h a -p 0', '2100-01-01 00:00:00'), ('machine', 'x@tcp -h m -p 10', '2020-01-01 00:00:00')")
		err := s.TouchNodes(t.Context(), []store.NodeBeat{{"pod", 0}, {"late", 2 * time.Hour}, {"ahead", 0}, {"machine", 0}, {"unknown", 0}})
		if err != nil {
			t.Fatal(err)
		}
		for node, want := range map[string]string{
			"pod": "1", "ahead": "1", "machine": "0",
		} {
			if got := d.Text(t, "SELECT last_heartbeat > '2021-01-01' FROM t_node_info WHERE node_name=?", node); got != want {
				t.Errorf("%s was written: %s", node, got)
			}
		}
		if got := d.Text(t, "SELECT substr(last_heartbeat, 1, 4) FROM t_node_info WHERE node_name='ahead'"); got != "2100" {
			t.Errorf("a newer stamp was replaced by one of %s", got)
		}
		if got := d.Text(t, "SELECT last_heartbeat < (SELECT last_heartbeat FROM t_node_info WHERE node_name='pod') FROM t_node_info WHERE node_name='late'"); got != "1" {
			t.Error("a beat of two hours ago is as new as one of now")
		}
	})
}

func TestR18FlushMarksOfAllReplicas(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		for range 2 {
			if err := s.WriteFlushMark(t.Context(), time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		d.Exec(t, "INSERT INTO t_registry_flush (replica, flushed_at) VALUES ('replica-2', '2020-01-01 00:00:00')")
		marks, err := s.FlushMarks(t.Context())
		if err != nil || len(marks) != 2 {
			t.Fatalf("marks: %+v, %v", marks, err)
		}
		if marks[0].Age < time.Minute || marks[0].Age > 2*time.Minute || marks[1].Age < 24*time.Hour {
			t.Errorf("marks: %+v", marks)
		}
		if err := s.DropFlushMark(t.Context(), "replica-2"); err != nil {
			t.Fatal(err)
		}
		if marks, _ := s.FlushMarks(t.Context()); len(marks) != 1 || marks[0].Replica != "replica-1" {
			t.Errorf("marks: %+v", marks)
		}
	})
}
