package transition

import (
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func TestR3NodeFollowsItsInstances(t *testing.T) {
	tx := newTables()
	tx.register(t, registration(t, "One", "1000"), podA)
	tx.register(t, registration(t, "Two", "1001"), podA)
	node := func() naming.State { return tx.Node("10.0.0.1").PresentState }
	if node() != naming.Active {
		t.Fatalf("with two live instances the node is %s", node())
	}
	rules.Report(tx, key("One"), naming.Inactive, podA)
	if node() != naming.Active {
		t.Errorf("with one instance left active the node is %s", node())
	}
	rules.Report(tx, key("Two"), naming.Deactivating, podA)
	if node() != naming.Active {
		t.Errorf("a deactivating instance is not inactive, but the node is %s", node())
	}
	rules.Leave(tx, key("Two"), podA)
	if node() != naming.Inactive {
		t.Errorf("with no instance left that is not inactive the node is %s", node())
	}
}

func TestR3MachinesWithTarsnodeAreNotTouched(t *testing.T) {
	tx := newTables()
	machine := naming.Node{Name: "10.0.0.1", Object: "tars.tarsnode.NodeObj@tcp -h 10.0.0.1 -p 19385 -t 60000", PresentState: naming.Inactive}
	tx.PutNode(machine)
	tx.register(t, registration(t, "One", "1000"), podA)
	if got := *tx.Node("10.0.0.1"); got != machine {
		t.Errorf("the machine's row became %+v", got)
	}
}

func TestR9TakeOver(t *testing.T) {
	for _, test := range []struct {
		name          string
		first, second Caller
		port          string // of the second server, on the same node
		ended         bool
	}{
		{"two pods on one address", podA, podB, "1001", true},
		{"one pod with two servers", podA, podA, "1001", false},
		{"two hosts, two ports", hostA, hostB, "1001", false},
		{"two hosts, one port", hostA, hostB, "1000", true},
		{"a pod and an old caller, two ports", podA, old, "1001", false},
		{"a pod and an old caller, one port", podA, old, "1000", true},
		{"two old callers", old, old, "1001", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			tx := newTables()
			tx.register(t, registration(t, "One", "1000"), test.first)
			outcome := tx.register(t, registration(t, "Two", test.port), test.second)
			if ended := tx.state("One") == "gone"; ended != test.ended || (outcome.Ended == 1) != test.ended {
				t.Errorf("ended: %v (%d counted), want %v", ended, outcome.Ended, test.ended)
			}
			if tx.state("Two") != naming.Active {
				t.Errorf("the newcomer is %s", tx.state("Two"))
			}
		})
	}
}

func TestR9EndpointOnAnotherNode(t *testing.T) {
	tx := newTables()
	elsewhere := registration(t, "One", "1000")
	elsewhere.Key.Node = "stable-name-0"
	tx.register(t, elsewhere, podA)
	tx.register(t, registration(t, "Two", "1000"), podB, elsewhere.Key)
	if tx.Instance(elsewhere.Key).Server != nil {
		t.Error("the instance that held the endpoint under another node name is still there")
	}
}

func TestR9NewIdentityTakesTheNameOver(t *testing.T) {
	tx := newTables()
	tx.register(t, registration(t, "One", "1000"), podA)
	tx.register(t, registration(t, "One", "1000"), podB)
	if got := rules.Report(tx, key("One"), naming.Inactive, podA).Action; got != Superseded {
		t.Errorf("the predecessor is told %q, want superseded", got)
	}
	if got := rules.Report(tx, key("One"), naming.Inactive, podB); !got.Changed {
		t.Errorf("the successor's report had no effect: %+v", got)
	}
}

func TestR11EmptyTypeAndTemplateKeepWhatIsThere(t *testing.T) {
	tx := newTables()
	first := registration(t, "One", "1000")
	tx.register(t, first, podA)
	if got := tx.Instance(key("One")).Server; got.ServerType != "tars_cpp" || got.TemplateName != "" {
		t.Errorf("defaults on insert are %q and %q", got.ServerType, got.TemplateName)
	}
	second := registration(t, "One", "1000")
	second.ServerType, second.TemplateName = "tars_go", "tars.go"
	tx.register(t, second, podA)
	tx.register(t, registration(t, "One", "1000"), podA)
	if got := tx.Instance(key("One")).Server; got.ServerType != "tars_go" || got.TemplateName != "tars.go" {
		t.Errorf("empty values changed the row to %q and %q", got.ServerType, got.TemplateName)
	}
}

func TestR17LeaseTime(t *testing.T) {
	for _, test := range []struct {
		interval time.Duration
		want     time.Duration
	}{
		{0, 250 * time.Second},
		{10 * time.Second, 95 * time.Second},
		{40 * time.Second, 120 * time.Second},
		{24 * time.Hour, 3 * naming.MaxInterval},
	} {
		tx := newTables()
		caller := podA
		caller.Interval = test.interval
		tx.register(t, registration(t, "One", "1000"), caller)
		if got := tx.Instance(key("One")).Lease.Duration; got != test.want {
			t.Errorf("told %s the lease time is %s, want %s", test.interval, got, test.want)
		}
	}
}
