package random

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

// longest is how long a fault lasts at most. A replica that cannot write its
// heartbeats holds the others' sweeps up for a time only (R18): those who beat
// nowhere else may expire when it takes longer.
const longest = 9 * time.Second

// weather makes faults, one after the other and several at once. It is for the
// test's own goroutine.
type weather struct {
	*world
	random *rand.Rand
	faults []fault // under way
}

// fault is something that is broken until it is mended.
type fault struct {
	what   string
	target any // a site, or the world's database
	until  time.Time
	mend   func()
}

// change makes a fault or mends what is due.
func (w *weather) change() {
	now := time.Now()
	for i := 0; i < len(w.faults); {
		if f := w.faults[i]; now.After(f.until) {
			w.t.Logf("%s: %s is over", w.clock(), f.what)
			f.mend()
			w.faults = append(w.faults[:i], w.faults[i+1:]...)
			continue
		}
		i++
	}
	const most = 2
	if len(w.faults) < most && w.random.IntN(3) == 0 {
		w.strike()
	}
}

// clear mends everything.
func (w *weather) clear() {
	for _, f := range w.faults {
		w.t.Logf("%s: %s is over", w.clock(), f.what)
		f.mend()
	}
	w.faults = nil
}

// strike breaks something that is whole.
func (w *weather) strike() {
	n := w.random.IntN(10)
	var target any = w.sites[w.random.IntN(len(w.sites))]
	if n >= 8 {
		target = w.database
	}
	for _, f := range w.faults {
		if f.target == target {
			return
		}
	}
	f := fault{target: target, until: time.Now().Add(w.duration())}
	if site, ok := target.(*site); ok {
		if !site.serves() {
			return // it is on its way up
		}
		f.what, f.mend = w.strikeSite(site, n)
	} else {
		f.what, f.mend = w.strikeDatabase(n)
	}
	w.t.Logf("%s: %s", w.clock(), f.what)
	w.did("fault: " + f.what)
	w.faults = append(w.faults, f)
}

// duration is short mostly.
func (w *weather) duration() time.Duration {
	if w.random.IntN(3) > 0 {
		return time.Duration(w.random.IntN(2500)) * time.Millisecond
	}
	return time.Duration(w.random.Int64N(int64(longest)))
}

func (w *weather) strikeSite(s *site, n int) (what string, mend func()) {
	name := []string{"first", "second", "third"}[s.number]
	switch n {
	case 0, 1, 2:
		s.life.Add(1)
		w.mustRun(s)
		s.Kill()
		w.evidence.killed(s.number, time.Now())
		return "the " + name + " replica is killed", func() { w.raise(s) }
	case 3:
		s.life.Add(1)
		w.mustRun(s)
		if code := s.Terminate(); code != 0 {
			if len(w.faults) == 0 {
				w.wrong("replica %d ended with code %d after SIGTERM:\n%s", s.number, code, s.Said())
			}
			w.evidence.killed(s.number, time.Now()) // the database did not take its last heartbeats
		}
		return "the " + name + " replica is stopped", func() { w.raise(s) }
	case 4, 5:
		s.link.Cut()
		return "the " + name + " replica is cut off from the database", s.link.Mend
	case 6:
		s.link.Silence()
		return "the " + name + " replica's link to the database is silent", s.link.Mend
	default:
		s.changing.Lock()
		s.frozen.Store(true)
		s.Freeze()
		s.changing.Unlock()
		return "the " + name + " replica is frozen", func() { s.Thaw(); w.thawed(s) }
	}
}

// thawed lets the replica be asked again once it has answered.
func (w *weather) thawed(s *site) {
	replica.Eventually(w.t, time.Minute, "a thawed replica answers", func() error {
		_, _, err := s.find(anchorObject(0))
		return err
	})
	s.frozen.Store(false)
}

// raise starts a replica again. It serves when it does: from its disk, if the
// database is away.
func (w *weather) raise(s *site) {
	s.Launch()
	go func() {
		deadline := time.Now().Add(time.Minute)
		for time.Now().Before(deadline) {
			if _, _, err := s.find(anchorObject(0)); err == nil {
				s.life.Add(1)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		w.wrong("replica %d does not serve a minute after its start", s.number)
	}()
}

// mustRun: a replica ends when it is told to.
func (w *weather) mustRun(s *site) {
	if !s.Runs() {
		w.wrong("replica %d has ended by itself:\n%s", s.number, s.Said())
	}
}

func (w *weather) strikeDatabase(n int) (what string, mend func()) {
	if n == 8 {
		w.database.Kill(w.t)
		return "the database is killed", func() { w.database.Start(w.t) }
	}
	w.database.Freeze(w.t)
	return "the database is frozen", func() { w.database.Thaw(w.t) }
}

// settled waits until all replicas serve.
func (w *weather) settled() {
	replica.Eventually(w.t, 2*time.Minute, "all replicas serve", func() error {
		for _, s := range w.sites {
			if !s.serves() {
				return errors.New("one does not")
			}
		}
		return nil
	})
}
