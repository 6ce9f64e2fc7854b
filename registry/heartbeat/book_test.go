package heartbeat

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

const ttl = 95 * time.Second

func key(n int) naming.Key {
	return naming.Key{
		Application: "Shop", Server: "OrderServer",
		Node: fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255),
	}
}

// live is a lease as onStartup leaves it, changed as a test wants it.
func live(k naming.Key, uid string, change ...func(*naming.Lease)) *naming.Instance {
	lease := &naming.Lease{
		ID: 1, Identity: naming.Identity{UID: uid}, State: naming.LeaseLive,
		Revision: 1, Reported: naming.Active, WorkerID: -1,
	}
	for _, f := range change {
		f(lease)
	}
	server := &naming.Server{SettingState: naming.Active, PresentState: lease.Reported}
	if lease.State != naming.LeaseLive {
		server.PresentState = naming.Inactive
	}
	return &naming.Instance{Key: k, Server: server, Lease: lease}
}

func leaseState(state naming.LeaseState) func(*naming.Lease) {
	return func(l *naming.Lease) { l.State = state }
}

func revision(n int64) func(*naming.Lease) { return func(l *naming.Lease) { l.Revision = n } }

func id(n int64) func(*naming.Lease) { return func(l *naming.Lease) { l.ID = n } }

func reported(state naming.State) func(*naming.Lease) {
	return func(l *naming.Lease) { l.Reported = state }
}

func sequence(n int64) func(*naming.Lease) { return func(l *naming.Lease) { l.Sequence = n } }

func beat(k naming.Key, uid string, state naming.State, sequence int64) *Beat {
	return &Beat{
		Node: []byte(k.Node), Application: []byte(k.Application), Server: []byte(k.Server),
		UID: []byte(uid), State: state, Sequence: sequence,
	}
}

func nodeBeat(node, uid string, state naming.State) *Beat {
	return &Beat{Node: []byte(node), UID: []byte(uid), State: state}
}

func wantVerdict(t *testing.T, got, want Verdict) {
	t.Helper()
	if got != want {
		t.Errorf("verdict is %s, want %s", got, want)
	}
}

// collected empties the book of what a flush would write.
func collected(b *Book) ([]pending, []Unexpected) { return b.collect(nil, nil, time.Hour) }

func wantPending(t *testing.T, b *Book, want int) []pending {
	t.Helper()
	noted, _ := collected(b)
	if len(noted) != want {
		t.Errorf("%d heartbeats are to be flushed, want %d", len(noted), want)
	}
	return noted
}

func TestBeatByLease(t *testing.T) {
	for _, c := range []struct {
		name  string
		lease *naming.Instance // nil: not known
		uid   string
		state naming.State
		seq   int64
		want  Verdict
	}{
		{"R5 live, same state", live(key(1), "u"), "u", naming.Active, 0, Unchanged},
		{"R5 live, other state", live(key(1), "u"), "u", naming.Inactive, 0, Write},
		{"R5 no identity on a lease without one", live(key(1), ""), "", naming.Active, 0, Unchanged},
		{"R5 expired", live(key(1), "u", leaseState(naming.LeaseExpired)), "u", naming.Active, 0, Write},
		{"R5 cleaned", live(key(1), "u", leaseState(naming.LeaseCleaned)), "u", naming.Active, 0, Write},
		{"R5 left", live(key(1), "u", leaseState(naming.LeaseLeft)), "u", naming.Active, 0, Left},
		{"R5 unknown", nil, "u", naming.Active, 0, Write},
		{"R6 another identity", live(key(1), "u"), "v", naming.Active, 0, Superseded},
		{"R6 no identity on a lease with one", live(key(1), "u"), "", naming.Active, 0, Superseded},
		{"R6 an identity on a lease without one", live(key(1), ""), "u", naming.Active, 0, Superseded},
		{"R6 another identity, expired", live(key(1), "u", leaseState(naming.LeaseExpired)), "v", naming.Active, 0, Superseded},
		{"R8 older report", live(key(1), "u", sequence(7)), "u", naming.Inactive, 6, Stale},
		{"R8 same report again", live(key(1), "u", sequence(7)), "u", naming.Active, 7, Unchanged},
		{"R8 newer report, other state", live(key(1), "u", sequence(7)), "u", naming.Inactive, 8, Write},
		{"R8 not numbered: the last arrival wins", live(key(1), "u", sequence(7)), "u", naming.Inactive, 0, Write},
		{"R8 deactivating is a state like others", live(key(1), "u", reported(naming.Deactivating)), "u", naming.Deactivating, 0, Unchanged},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := NewBook(ttl)
			if c.lease != nil {
				b.Learn(c.lease)
			}
			wantVerdict(t, b.Beat(beat(key(1), c.uid, c.state, c.seq)), c.want)
			noted := 0
			if c.want == Unchanged {
				noted = 1
			}
			wantPending(t, b, noted)
		})
	}
}

func TestR8_SequenceIsRememberedFromUnchangedBeats(t *testing.T) {
	b := NewBook(ttl)
	b.Learn(live(key(1), "u", sequence(1)))
	wantVerdict(t, b.Beat(beat(key(1), "u", naming.Active, 5)), Unchanged)
	wantVerdict(t, b.Beat(beat(key(1), "u", naming.Deactivating, 4)), Stale)
}

func TestR13_BeatPutsRowsRight(t *testing.T) {
	for name, change := range map[string]func(*naming.Instance){
		"row deleted":   func(i *naming.Instance) { i.Server = nil },
		"state changed": func(i *naming.Instance) { i.Server.PresentState = naming.Inactive },
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBook(ttl)
			b.Learn(live(key(1), "u"))
			other := live(key(1), "u")
			change(other)
			b.Learn(other)
			wantVerdict(t, b.Beat(beat(key(1), "u", naming.Active, 0)), Write)
			b.Learn(live(key(1), "u"))
			wantVerdict(t, b.Beat(beat(key(1), "u", naming.Active, 0)), Unchanged)
		})
	}
}

func TestR15_KeysAreFolded(t *testing.T) {
	b := NewBook(ttl)
	b.Learn(live(naming.Key{Application: "Shop", Server: "OrderServer", Node: "Pod-1"}, "u"))
	wantVerdict(t, b.Beat(beat(naming.Key{Application: "SHOP ", Server: "orderserver", Node: "pod-1  "}, "u", naming.Active, 0)), Unchanged)
	b.Forget(naming.Key{Application: "shop", Server: "ORDERSERVER", Node: "POD-1"})
	wantVerdict(t, b.Beat(beat(naming.Key{Application: "Shop", Server: "OrderServer", Node: "Pod-1"}, "u", naming.Active, 0)), Write)
	if stats := b.Stats(); stats.Leases != 0 || stats.Nodes != 0 {
		t.Errorf("the book still knows %d leases on %d nodes", stats.Leases, stats.Nodes)
	}
}

func TestR15_PartsOfKeysDoNotRunTogether(t *testing.T) {
	b := NewBook(ttl)
	b.Learn(live(naming.Key{Application: "ab", Server: "c", Node: "n"}, ""))
	wantVerdict(t, b.Beat(beat(naming.Key{Application: "a", Server: "bc", Node: "n"}, "", naming.Active, 0)), Write)
}

func TestLongKeysAreKnown(t *testing.T) {
	long := make([]byte, 2*keySpace)
	for i := range long {
		long[i] = 'x'
	}
	k := naming.Key{Application: "A", Server: string(long), Node: "n"}
	b := NewBook(ttl)
	b.Learn(live(k, ""))
	wantVerdict(t, b.Beat(beat(k, "", naming.Active, 0)), Unchanged)
}

func TestR22_LearnOnlyGreaterRevisions(t *testing.T) {
	b := NewBook(ttl)
	b.Learn(live(key(1), "new", revision(5)))
	b.Learn(live(key(1), "old", revision(4)))
	wantVerdict(t, b.Beat(beat(key(1), "new", naming.Active, 0)), Unchanged)
	b.Learn(live(key(1), "old", revision(5)))
	wantVerdict(t, b.Beat(beat(key(1), "new", naming.Active, 0)), Unchanged)
	b.Learn(live(key(1), "next", id(2), revision(1)))
	wantVerdict(t, b.Beat(beat(key(1), "next", naming.Active, 0)), Unchanged)
	b.Learn(live(key(1), "new", id(1), revision(9)))
	wantVerdict(t, b.Beat(beat(key(1), "next", naming.Active, 0)), Unchanged)
}

func TestLearnWithoutLeaseForgets(t *testing.T) {
	b := NewBook(ttl)
	b.Learn(live(key(1), ""))
	b.Learn(&naming.Instance{Key: key(1), Server: &naming.Server{}})
	wantVerdict(t, b.Beat(beat(key(1), "", naming.Active, 0)), Write)
}

func TestR5_LeftIsRememberedTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBook(ttl)
		b.Learn(live(key(1), "u", leaseState(naming.LeaseLeft)))
		b.Learn(live(key(2), "u", leaseState(naming.LeaseLeft), func(l *naming.Lease) { l.StateAge = 5 * time.Minute }))
		time.Sleep(5 * time.Minute)
		b.forgetLeft()
		wantVerdict(t, b.Beat(beat(key(1), "u", naming.Active, 0)), Left)
		wantVerdict(t, b.Beat(beat(key(2), "u", naming.Active, 0)), Write)
		time.Sleep(5 * time.Minute)
		b.forgetLeft()
		wantVerdict(t, b.Beat(beat(key(1), "u", naming.Active, 0)), Write)
	})
}

func server(n int, node string) naming.Key {
	return naming.Key{Application: "Shop", Server: fmt.Sprintf("Server%d", n), Node: node}
}

func TestR7_NodeWideRenewsTheLiveLeases(t *testing.T) {
	b := NewBook(ttl)
	for n := range 3 {
		b.Learn(live(server(n, "n"), "", id(int64(n+1))))
	}
	b.Learn(live(server(9, "other"), "", id(9)))
	wantVerdict(t, b.BeatNode(nodeBeat("N", "", naming.Active)), Unchanged)
	for _, p := range wantPending(t, b, 3) {
		if p.Key.Node != "n" {
			t.Errorf("%s was renewed", p.Key)
		}
	}
}

func TestR7_NodeWide(t *testing.T) {
	for _, c := range []struct {
		name   string
		leases []*naming.Instance
		state  naming.State
		want   Verdict
		noted  int
	}{
		{"nothing known on the node", nil, naming.Active, Write, 0},
		{"one in another state", []*naming.Instance{live(server(1, "n"), ""), live(server(2, "n"), "", reported(naming.Inactive))}, naming.Active, Write, 0},
		{"an expired one may come back", []*naming.Instance{live(server(1, "n"), ""), live(server(2, "n"), "", leaseState(naming.LeaseExpired))}, naming.Active, Write, 0},
		{"who left stays away", []*naming.Instance{live(server(1, "n"), ""), live(server(2, "n"), "", leaseState(naming.LeaseLeft))}, naming.Active, Unchanged, 1},
		{"only left", []*naming.Instance{live(server(1, "n"), "", leaseState(naming.LeaseLeft))}, naming.Active, Left, 0},
		{"R6 those of an identity speak for themselves", []*naming.Instance{live(server(1, "n"), ""), live(server(2, "n"), "u")}, naming.Active, Unchanged, 1},
		{"R6 only those of an identity", []*naming.Instance{live(server(1, "n"), "u")}, naming.Active, Superseded, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := NewBook(ttl)
			for _, lease := range c.leases {
				b.Learn(lease)
			}
			wantVerdict(t, b.BeatNode(nodeBeat("n", "", c.state)), c.want)
			wantPending(t, b, c.noted)
		})
	}
}

func TestR7_PassedOverUntilTheLeaseChanges(t *testing.T) {
	b := NewBook(ttl)
	b.Learn(live(server(1, "n"), ""))
	b.Learn(live(server(2, "n"), "", leaseState(naming.LeaseExpired), revision(4)))
	b.PassOver("N")
	wantVerdict(t, b.BeatNode(nodeBeat("n", "", naming.Active)), Unchanged)
	wantPending(t, b, 1)
	b.Learn(live(server(2, "n"), "", leaseState(naming.LeaseCleaned), revision(5)))
	wantVerdict(t, b.BeatNode(nodeBeat("n", "", naming.Active)), Write)
}

func TestReconsideredWhenTheLeaseChanges(t *testing.T) {
	for _, c := range []struct {
		name    string
		seq     int64 // of the noted heartbeat, which says active
		then    *naming.Instance
		noted   int
		changed int
	}{
		{"same state: flushed under the new revision", 0, live(key(1), "u", revision(2)), 1, 0},
		{"R6 another identity took over: no effect", 0, live(key(1), "v", revision(2)), 0, 0},
		{"R5 left: no effect", 0, live(key(1), "u", revision(2), leaseState(naming.LeaseLeft)), 0, 0},
		{"R5 expired: revived by it", 0, live(key(1), "u", revision(2), leaseState(naming.LeaseExpired)), 0, 1},
		{"R5 cleaned: restored by it", 0, live(key(1), "u", revision(2), leaseState(naming.LeaseCleaned)), 0, 1},
		{"R8 other state, and no numbers: the database knows which was first", 0, live(key(1), "u", revision(2), reported(naming.Inactive)), 0, 1},
		{"R8 other state, of a report with a number", 0, live(key(1), "u", revision(2), reported(naming.Inactive), sequence(4)), 1, 0},
		{"R8 other state, of a report without one", 5, live(key(1), "u", revision(2), reported(naming.Inactive)), 0, 1},
		{"R8 other state, newer than the heartbeat", 5, live(key(1), "u", revision(2), reported(naming.Inactive), sequence(6)), 1, 0},
		{"R8 other state, older than the heartbeat", 5, live(key(1), "u", revision(2), reported(naming.Inactive), sequence(4)), 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := NewBook(ttl)
			b.Learn(live(key(1), "u"))
			wantVerdict(t, b.Beat(beat(key(1), "u", naming.Active, c.seq)), Unchanged)
			b.Learn(c.then)
			noted, changed := collected(b)
			if len(noted) != c.noted || len(changed) != c.changed {
				t.Fatalf("%d to flush and %d to write through, want %d and %d", len(noted), len(changed), c.noted, c.changed)
			}
			for _, p := range noted {
				if p.Revision != 2 {
					t.Errorf("flushed with revision %d, want 2", p.Revision)
				}
			}
			for _, u := range changed {
				if u.State != naming.Active || u.Sequence != c.seq || u.Key != key(1) || u.UID != "u" {
					t.Errorf("written through: %+v", u)
				}
			}
		})
	}
}
