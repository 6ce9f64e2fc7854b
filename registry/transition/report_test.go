package transition

import (
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func TestR4KeepAliveNeverTouchesSettingState(t *testing.T) {
	tx := newTables()
	tx.register(t, registration(t, "One", "1000"), podA)
	tx.instances[key("One").Fold()].Server.SettingState = naming.Inactive // an edit in TarsWeb
	rules.Report(tx, key("One"), naming.Inactive, podA)
	rules.Report(tx, key("One"), naming.Active, podA)
	if got := tx.Instance(key("One")).Server.SettingState; got != naming.Inactive {
		t.Errorf("after keepAlive setting_state is %s, want the operator's inactive", got)
	}
	tx.register(t, registration(t, "One", "1000"), podA)
	if got := tx.Instance(key("One")).Server.SettingState; got != naming.Active {
		t.Errorf("after onStartup setting_state is %s, want active", got)
	}
}

func TestR5KeepAliveByLeaseState(t *testing.T) {
	for _, test := range []struct {
		name   string
		state  naming.LeaseState
		age    time.Duration
		gone   bool // the rows are deleted
		action Action
		want   naming.State
	}{
		{"live", naming.LeaseLive, 0, false, None, naming.Active},
		{"expired", naming.LeaseExpired, time.Hour, false, None, naming.Active},
		{"cleaned", naming.LeaseCleaned, 6 * 24 * time.Hour, true, None, naming.Active},
		{"cleaned too long ago", naming.LeaseCleaned, 8 * 24 * time.Hour, true, Register, "gone"},
		{"left", naming.LeaseLeft, time.Minute, true, Left, "gone"},
		{"left and forgotten", naming.LeaseLeft, 11 * time.Minute, true, Register, "gone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tx := newTables()
			tx.register(t, registration(t, "One", "1000"), podA)
			instance := tx.instances[key("One").Fold()]
			instance.Lease.State, instance.Lease.StateAge = test.state, test.age
			if test.gone {
				instance.Server, instance.Adapters = nil, nil
			} else if test.state == naming.LeaseExpired {
				instance.Server.PresentState = naming.Inactive
			}
			outcome := rules.Report(tx, key("One"), naming.Active, podA)
			if outcome.Action != test.action || tx.state("One") != test.want {
				t.Errorf("action %q and state %s, want %q and %s", outcome.Action, tx.state("One"), test.action, test.want)
			}
		})
	}
}

func TestR5UnknownInstanceIsToRegister(t *testing.T) {
	tx := newTables()
	if got := rules.Report(tx, key("One"), naming.Active, podA); got.Action != Register || got.Changed {
		t.Errorf("got %+v, want action register and no change", got)
	}
}

func TestR6AnotherIdentityHasNoEffect(t *testing.T) {
	for name, caller := range map[string]Caller{"another pod": podB, "nobody": old} {
		t.Run(name, func(t *testing.T) {
			tx := newTables()
			tx.register(t, registration(t, "One", "1000"), podA)
			if got := rules.Report(tx, key("One"), naming.Inactive, caller); got.Action != Superseded || got.Changed {
				t.Errorf("keepAlive: %+v, want superseded without a change", got)
			}
			if got := rules.Leave(tx, key("One"), caller); got.Action != Superseded || got.Changed {
				t.Errorf("onPrestop: %+v, want superseded without a change", got)
			}
			if tx.state("One") != naming.Active {
				t.Errorf("the instance is %s, want active", tx.state("One"))
			}
		})
	}
}

func TestR7NodeWideCalls(t *testing.T) {
	tx := newTables()
	tx.register(t, registration(t, "Old", "1000"), old)
	tx.register(t, registration(t, "Pod", "1001"), podA)
	rules.ReportNode(tx, "10.0.0.1", naming.Inactive, old)
	if tx.state("Old") != naming.Inactive || tx.state("Pod") != naming.Active {
		t.Errorf("after a node-wide keepAlive: old %s, pod %s; want inactive, active", tx.state("Old"), tx.state("Pod"))
	}
	rules.LeaveNode(tx, "10.0.0.1", nil, old)
	if tx.state("Old") != "gone" || tx.state("Pod") != naming.Active {
		t.Errorf("after a node-wide onPrestop: old %s, pod %s; want gone, active", tx.state("Old"), tx.state("Pod"))
	}
}

func TestR7ExpiredComesBackOnlyIfNobodyRegisteredSince(t *testing.T) {
	for name, test := range map[string]struct {
		registered time.Duration // how long ago another instance registered
		want       naming.State
	}{
		"nobody since": {registered: 2 * time.Hour, want: naming.Active},
		"somebody":     {registered: time.Minute, want: naming.Inactive},
	} {
		t.Run(name, func(t *testing.T) {
			tx := newTables()
			tx.register(t, registration(t, "One", "1000"), old)
			tx.register(t, registration(t, "Two", "1001"), old)
			one, two := tx.instances[key("One").Fold()], tx.instances[key("Two").Fold()]
			one.Lease.State, one.Lease.StateAge = naming.LeaseExpired, time.Hour
			one.Server.PresentState = naming.Inactive
			two.Lease.StateAge = test.registered
			rules.ReportNode(tx, "10.0.0.1", naming.Active, old)
			if tx.state("One") != test.want {
				t.Errorf("the expired instance is %s, want %s", tx.state("One"), test.want)
			}
		})
	}
}

func TestR8LateReportsChangeNothing(t *testing.T) {
	tx := newTables()
	tx.register(t, registration(t, "One", "1000"), podA)
	numbered := func(n int64) Caller { c := podA; c.Sequence = n; return c }
	rules.Report(tx, key("One"), naming.Deactivating, numbered(7))
	if got := rules.Report(tx, key("One"), naming.Active, numbered(6)); got.Changed || tx.state("One") != naming.Deactivating {
		t.Errorf("a delayed active revived a draining pod: %+v, %s", got, tx.state("One"))
	}
	tx.register(t, registration(t, "One", "1000"), numbered(1))
	rules.Report(tx, key("One"), naming.Inactive, numbered(2))
	if tx.state("One") != naming.Inactive {
		t.Errorf("a restarted supervisor counts anew, but its report was ignored: %s", tx.state("One"))
	}
}

func TestR13DeletedRowsComeBack(t *testing.T) {
	tx := newTables()
	tx.register(t, registration(t, "One", "1000"), podA)
	instance := tx.instances[key("One").Fold()]
	instance.Server, instance.Adapters = nil, nil
	rules.Report(tx, key("One"), naming.Active, podA)
	back := tx.Instance(key("One"))
	if back.Server == nil || len(back.Adapters) != 1 || back.Adapters[0].Servant != "App.One.Obj" {
		t.Errorf("the next beat restored %+v", back)
	}
	if last := tx.events[len(tx.events)-1]; last.Kind != naming.EventRestored {
		t.Errorf("the event is %s, want restored", last.Kind)
	}
}

func TestR2RowsOfTheTimeBeforeLeases(t *testing.T) {
	for name, test := range map[string]struct {
		port   string // of the node's node_obj
		action Action
		lease  bool
	}{
		"a pod's":     {"0", None, true},
		"a machine's": {"19385", Register, false},
	} {
		t.Run(name, func(t *testing.T) {
			tx := newTables()
			tx.PutNode(naming.Node{Name: "10.0.0.1", Object: "tars.tarsnode.NodeObj@tcp -h 10.0.0.1 -p " + test.port})
			tx.instances[key("One").Fold()] = &naming.Instance{Key: key("One"), Server: &naming.Server{PresentState: naming.Active}}
			outcome := rules.Report(tx, key("One"), naming.Active, old)
			if outcome.Action != test.action || (tx.Instance(key("One")).Lease != nil) != test.lease {
				t.Errorf("action %q, lease %+v", outcome.Action, tx.Instance(key("One")).Lease)
			}
		})
	}
}
