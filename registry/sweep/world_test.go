package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

const (
	ttl  = 95 * time.Second
	beat = 30 * time.Second
)

// world is an installation under a fake clock: pods that send heartbeats, a
// database with a clock of its own, replicas that flush, and the sweeper under
// test. Everything happens in the test's goroutine, second by second.
type world struct {
	t       *testing.T
	sweeper *Sweeper

	mu       sync.Mutex
	offset   time.Duration // the database's clock is ahead by
	server   string
	leases   map[int64]*pod
	marks    map[string]time.Time // by the database's clock
	flushing map[string]bool
	holder   string // of the sweep lease, "": this replica
	since    time.Time
	released time.Time
	// protected is when protection came on, as the database knows it.
	protected time.Time
	away      bool
	takes     time.Duration // to read the leases
	refuses   bool          // the rows are not as they were read
	unleased  map[naming.Key]string
	silent    []store.SilentNode

	expired []string // what the sweeper has expired, in order
	sweeps  []Report
	quiet   bool // no sweeps
	slot    int64
}

type pod struct {
	id        int64
	key       naming.Key
	revision  int64
	heartbeat time.Time // by the database's clock
	duration  time.Duration
	live      bool
	dead      bool // sends nothing any more
	serving   bool
	slot      int64 // of the last heartbeat
}

// slot counts intervals of a length, so that one in which time was spent
// elsewhere is not missed.
func slot(phase int64, interval time.Duration) int64 {
	return (time.Now().Unix() + phase) / int64(interval/time.Second)
}

// simulate runs a test in a bubble of fake time.
func simulate(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, server: "db1", leases: map[int64]*pod{},
			marks: map[string]time.Time{}, flushing: map[string]bool{"me": true},
			released: time.Time{}, unleased: map[naming.Key]string{},
		}
		w.sweeper = w.newSweeper()
		test(t, w)
	})
}

func (w *world) newSweeper() *Sweeper {
	return New(Options{
		Store: w, Legacy: w, Expirer: w, Replica: "me", LeaseTTL: ttl,
		Serving: func(key naming.Key) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, p := range w.leases {
				if p.key == key {
					return p.serving
				}
			}
			return false
		},
		Logger: slog.New(slog.DiscardHandler),
	})
}

// object adds so many live instances of App.<name>, which have just sent a
// heartbeat, and gives them.
func (w *world) object(name string, instances int) []*pod {
	pods := make([]*pod, instances)
	for i := range pods {
		id := int64(len(w.leases) + 1)
		pods[i] = &pod{
			id: id, key: naming.Key{Application: "App", Server: name, Node: fmt.Sprintf("10.0.%d.%d", id/250, id%250)},
			revision: 1, heartbeat: w.now(), duration: ttl, live: true, serving: true,
			slot: slot(id, beat),
		}
		w.leases[id] = pods[i]
	}
	return pods
}

func kill(pods ...*pod) {
	for _, p := range pods {
		p.dead = true
	}
}

func (w *world) now() time.Time { return time.Now().Add(w.offset) }

// beatNow is a pod's heartbeat that reaches the database; it revives.
func (w *world) beatNow(p *pod) {
	if !p.live {
		p.live = true
		p.revision++
	}
	if now := w.now(); now.After(p.heartbeat) {
		p.heartbeat = now
	}
}

// run lets time pass: heartbeats every 30 s, flush marks, sweeps every 5 s.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Second)
		w.mu.Lock()
		if !w.away {
			for _, p := range w.leases {
				if now := slot(p.id, beat); !p.dead && now != p.slot {
					p.slot = now
					w.beatNow(p)
				}
			}
			for replica, flushes := range w.flushing {
				if flushes {
					w.marks[replica] = w.now()
				}
			}
		}
		w.mu.Unlock()
		if now := slot(0, 5*time.Second); now != w.slot && !w.quiet {
			w.slot = now
			w.sweep()
		}
	}
}

func (w *world) sweep() Report {
	w.t.Helper()
	report, err := w.sweeper.Sweep(w.t.Context(), false)
	if err != nil && !w.away {
		w.t.Fatal(err)
	}
	w.sweeps = append(w.sweeps, report)
	return report
}

// until runs until the condition holds, and gives how long that took; at most d.
func (w *world) until(d time.Duration, what string, condition func() bool) time.Duration {
	w.t.Helper()
	began := time.Now()
	for !condition() {
		if time.Since(began) >= d {
			w.t.Fatalf("%s: not after %s", what, d)
		}
		w.run(time.Second)
	}
	return time.Since(began)
}

func (w *world) wantExpired(want int) {
	w.t.Helper()
	if len(w.expired) != want {
		w.t.Fatalf("%d have expired, want %d; last sweep: %+v", len(w.expired), want, w.sweeps[len(w.sweeps)-1])
	}
}

func (w *world) wantProtection(on bool) {
	w.t.Helper()
	if p := w.sweeper.Protection(); p.On != on {
		w.t.Fatalf("protection is %t, want %t: %+v", p.On, on, p)
	}
}

var errAway = errors.New("the database is away")

func (w *world) HoldSweep(_ context.Context, ttl time.Duration) (store.SweepLease, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return store.SweepLease{}, errAway
	}
	if w.holder != "" {
		return store.SweepLease{Holder: w.holder, Release: -1, Protected: w.protectedFor()}, nil
	}
	if w.since.IsZero() {
		w.since = w.now()
	}
	lease := store.SweepLease{Held: true, Holder: "me", HeldFor: w.now().Sub(w.since), Release: -1, Protected: w.protectedFor()}
	if !w.released.IsZero() {
		lease.Release, lease.ReleaseBy = w.now().Sub(w.released), "anna"
	}
	return lease, nil
}

func (w *world) protectedFor() time.Duration {
	if w.protected.IsZero() {
		return -1
	}
	return w.now().Sub(w.protected)
}

func (w *world) SetProtected(_ context.Context, on bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.protected = time.Time{}
	if on {
		w.protected = w.now()
	}
	return nil
}

func (w *world) DropSweep(context.Context) error { return nil }

func (w *world) ReadSweep(context.Context) (*store.Sweep, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return nil, errAway
	}
	if w.takes > 0 {
		w.mu.Unlock()
		time.Sleep(w.takes)
		w.mu.Lock()
	}
	view := &store.Sweep{Clock: time.Duration(w.now().UnixMicro()) * time.Microsecond, Server: w.server}
	for id := range int64(len(w.leases)) {
		p := w.leases[id+1]
		if !p.live {
			continue
		}
		lease := store.LeaseAge{
			ID: p.id, Key: p.key, Revision: p.revision, Heartbeat: p.heartbeat.Format(time.RFC3339Nano),
			Age: w.now().Sub(p.heartbeat), Duration: p.duration,
		}
		if lease.Overdue() {
			view.Overdue = append(view.Overdue, lease)
		}
		if lease.Age <= 2*lease.Duration {
			view.Fresh = append(view.Fresh, lease)
		}
	}
	return view, nil
}

func (w *world) FlushMarks(context.Context) ([]store.FlushMark, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var marks []store.FlushMark
	for replica, at := range w.marks {
		marks = append(marks, store.FlushMark{Replica: replica, Age: w.now().Sub(at)})
	}
	return marks, nil
}

func (w *world) UnleasedPods(context.Context) ([]*naming.Instance, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*naming.Instance
	for key, stamp := range w.unleased {
		list = append(list, &naming.Instance{Key: key, Server: &naming.Server{Stamp: stamp}})
	}
	return list, nil
}

func (w *world) SilentNodes(_ context.Context, timeout time.Duration) ([]store.SilentNode, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if timeout != naming.NodeTimeout {
		w.t.Errorf("nodes are asked for after %s", timeout)
	}
	return w.silent, nil
}

func (w *world) Expire(_ context.Context, lease store.LeaseAge, reason string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.leases[lease.ID]
	if w.refuses || !p.live || p.revision != lease.Revision || p.heartbeat.Format(time.RFC3339Nano) != lease.Heartbeat {
		return false, nil
	}
	if reason == "" {
		w.t.Error("an expiry without a reason")
	}
	if !p.dead {
		w.t.Errorf("%s is alive, and was expired: %s", p.key, reason)
	}
	p.live, p.serving = false, false
	p.revision++
	w.expired = append(w.expired, p.key.Server)
	return true, nil
}

func (w *world) ExpireUnleased(_ context.Context, key naming.Key, _ string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.unleased, key)
	w.expired = append(w.expired, key.Server)
	return true, nil
}

func (w *world) ExpireNode(_ context.Context, node store.SilentNode, _ string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent = nil
	w.expired = append(w.expired, node.Node.Name)
	return true, nil
}
