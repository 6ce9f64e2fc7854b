package transition

import (
	"slices"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func TestR10EndRecordsItsReason(t *testing.T) {
	tx := newTables()
	tx.register(t, registration(t, "One", "1000"), podA)
	tx.register(t, registration(t, "Two", "1001"), podB)
	lease := tx.Instance(key("One")).Lease
	if lease == nil || lease.State != naming.LeaseLeft {
		t.Fatalf("the ended instance's lease is %+v, want left", lease)
	}
	i := slices.IndexFunc(tx.events, func(e naming.Event) bool { return e.Kind == naming.EventEnded })
	if i < 0 || tx.events[i].Reason == "" || tx.events[i].Key != key("One") {
		t.Errorf("no event says why the instance ended: %+v", tx.events)
	}
}

func TestR18ExpireOnlyWhatStandsAsSeen(t *testing.T) {
	for _, test := range []struct {
		name string
		seen Seen
		want naming.State
	}{
		{"as seen", Seen{Key: key("One"), Revision: 1, Heartbeat: "t1"}, naming.Inactive},
		{"a beat was flushed", Seen{Key: key("One"), Revision: 1, Heartbeat: "t0"}, naming.Active},
		{"something was committed", Seen{Key: key("One"), Revision: 0, Heartbeat: "t1"}, naming.Active},
	} {
		t.Run(test.name, func(t *testing.T) {
			tx := newTables()
			tx.register(t, registration(t, "One", "1000"), podA)
			tx.instances[key("One").Fold()].Lease.Heartbeat = "t1"
			Expire(tx, test.seen, "silent")
			if tx.state("One") != test.want {
				t.Errorf("state %s, want %s", tx.state("One"), test.want)
			}
		})
	}
}

func TestCleanLeavesTheLiving(t *testing.T) {
	tx := newTables()
	tx.register(t, registration(t, "One", "1000"), podA)
	if Clean(tx, key("One"), "old", "clean").Changed {
		t.Error("a live instance was cleaned")
	}
	tx.instances[key("One").Fold()].Lease.State = naming.LeaseExpired
	Clean(tx, key("One"), "old", "clean")
	if got := tx.Instance(key("One")); got.Server != nil || got.Lease.State != naming.LeaseCleaned {
		t.Errorf("after cleaning: %+v", got)
	}
}
