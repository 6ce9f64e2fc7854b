package transition

import (
	"slices"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// tables is a Tx over maps: what a transaction would hold.
type tables struct {
	instances map[naming.Key]*naming.Instance
	nodes     map[string]*naming.Node
	events    []naming.Event
	ended     []string
}

func newTables() *tables {
	return &tables{instances: map[naming.Key]*naming.Instance{}, nodes: map[string]*naming.Node{}}
}

func (s *tables) Instance(key naming.Key) *naming.Instance {
	if found := s.instances[key.Fold()]; found != nil {
		return found
	}
	return &naming.Instance{Key: key}
}

func (s *tables) LeasesOn(node string) []*naming.Instance {
	var list []*naming.Instance
	for _, found := range s.instances {
		if naming.Fold(found.Node) == naming.Fold(node) && found.Lease != nil && active(found.Lease) {
			list = append(list, found)
		}
	}
	slices.SortFunc(list, func(a, b *naming.Instance) int { return a.Compare(b.Key) })
	return list
}

func (s *tables) Node(name string) *naming.Node { return s.nodes[naming.Fold(name)] }
func (s *tables) Load(...naming.Key) error      { return nil }

func (s *tables) Put(instance *naming.Instance, event naming.Event) {
	stored := instance.Clone()
	if stored.Lease != nil {
		stored.Lease.Revision++
	}
	s.instances[instance.Fold()] = stored
	event.Key = instance.Key
	s.events = append(s.events, event)
	if event.Kind == naming.EventEnded {
		s.ended = append(s.ended, instance.Key.String())
	}
}

func (s *tables) DeleteNode(name string) { delete(s.nodes, naming.Fold(name)) }

func (s *tables) PutNode(node naming.Node) { s.nodes[naming.Fold(node.Name)] = &node }

var (
	rules = Rules{LeaseTTL: 95 * time.Second}
	podA  = Caller{Identity: naming.Identity{UID: "uid-a", Kind: naming.KindPod}, Actor: "10.0.0.1"}
	podB  = Caller{Identity: naming.Identity{UID: "uid-b", Kind: naming.KindPod}, Actor: "10.0.0.1"}
	hostA = Caller{Identity: naming.Identity{UID: "host-a", Kind: naming.KindHost}}
	hostB = Caller{Identity: naming.Identity{UID: "host-b", Kind: naming.KindHost}}
	old   = Caller{}
)

func key(server string) naming.Key {
	return naming.Key{Application: "App", Server: server, Node: "10.0.0.1"}
}

// registration of a server with one adapter on a port.
func registration(t *testing.T, server string, port string) *naming.Registration {
	t.Helper()
	r := &naming.Registration{Key: key(server), Adapters: []naming.Adapter{{
		Servant: "App." + server + ".Obj", Endpoint: "tcp -h 10.0.0.1 -p " + port + " -t 60000",
	}}}
	if err := r.Normalize(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *tables) register(t *testing.T, r *naming.Registration, caller Caller, neighbours ...naming.Key) Outcome {
	t.Helper()
	outcome, err := rules.Register(s, r, caller, neighbours)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func (s *tables) state(server string) naming.State {
	if found := s.Instance(key(server)); found.Server != nil {
		return found.Server.PresentState
	}
	return "gone"
}

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

func TestR12Flow(t *testing.T) {
	off := func(tx *tables) bool { return tx.Instance(key("One")).FlowOff() }
	start := func(t *testing.T, tx *tables, caller Caller, disable bool) {
		t.Helper()
		r := registration(t, "One", "1000")
		r.DisableFlow = disable
		tx.register(t, r, caller)
	}
	flow := func(t *testing.T, tx *tables, on bool) {
		t.Helper()
		if _, err := Flow(tx, key("One"), on, "test", "operator"); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("the pod's own", func(t *testing.T) {
		tx := newTables()
		start(t, tx, podA, true)
		if !off(tx) {
			t.Error("disableFlow did not turn the flow off")
		}
		start(t, tx, podA, false)
		if off(tx) {
			t.Error("the pod could not turn its flow on again")
		}
	})
	t.Run("the operator's", func(t *testing.T) {
		tx := newTables()
		start(t, tx, podA, false)
		flow(t, tx, false)
		start(t, tx, podA, false)
		if !off(tx) {
			t.Error("the operator's off did not survive re-registration")
		}
		start(t, tx, podB, false)
		if off(tx) {
			t.Error("the operator's off did not end with the instance")
		}
	})
	t.Run("set in the table by another program", func(t *testing.T) {
		tx := newTables()
		start(t, tx, podA, false)
		tx.instances[key("One").Fold()].Server.FlowState = naming.Inactive
		start(t, tx, podA, false)
		if !off(tx) {
			t.Error("TarsWeb's off did not survive re-registration")
		}
	})
	t.Run("without the column", func(t *testing.T) {
		tx := newTables()
		start(t, tx, podA, true)
		tx.instances[key("One").Fold()].Server.FlowState = ""
		if !off(tx) {
			t.Error("where the table has no flow_state the lease must hold it")
		}
	})
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

func TestR13DeregisteredStaysAway(t *testing.T) {
	tx := newTables()
	tx.register(t, registration(t, "One", "1000"), podA)
	if _, err := Deregister(tx, key("One"), "", "operator"); err != nil {
		t.Fatal(err)
	}
	if got := rules.Report(tx, key("One"), naming.Active, podA); got.Action != Left {
		t.Errorf("the deregistered pod is told %q, want left", got.Action)
	}
}

func TestR14Metrics(t *testing.T) {
	tx := newTables()
	if got := Metrics(tx, key("One"), 0, podA).Action; got != Register {
		t.Errorf("an unknown instance is told %q, want register", got)
	}
	tx.register(t, registration(t, "One", "1000"), podA)
	Metrics(tx, key("One"), 0, podA)
	tx.register(t, registration(t, "One", "1000"), podA)
	if got := tx.Instance(key("One")).Lease.MetricsPort; got != 9325 {
		t.Errorf("after port 0 and re-registration the port is %d, want 9325", got)
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
