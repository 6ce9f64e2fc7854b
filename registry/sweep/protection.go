package sweep

import (
	"maps"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

const (
	// proofTimes is for how many lease times this registry's own health must be
	// proven before it believes that so many are really gone (R20).
	proofTimes = 2
	// silenceTimes is the same where nobody else sends heartbeats: then nothing
	// tells dead pods from a registry that nobody reaches, so that it takes
	// long; but it ends.
	silenceTimes = 20
	// drainShare of an object's instances expire in a sweep once health is
	// proven: one in ten, at least one.
	drainShare = 10
)

// guard is protection (R20): it keeps a sweep from expiring too many at once.
type guard struct {
	serving func(store.LeaseAge) bool
	slow    time.Duration
	episode *episode // nil: protection is off
	// lately are those that have expired and were alive within the last two
	// lease times. Heartbeats stop one after the other even when all stop, so
	// that whoever went in the last sweeps counts with who would go now.
	lately map[int64]departed
	// spared are those that were held when protection ended, and until when they
	// are given a chance: it ends because the others return, and they may be on
	// their way as well.
	spared map[int64]time.Time
}

type departed struct {
	key   naming.Key
	until time.Time
	kept  bool // expired in this episode: counts until it ends
}

// episode is protection from when it came on until it goes off.
type episode struct {
	since    time.Time
	reason   string
	all      bool
	objects  map[string]bool
	held     map[int64]bool // who is counted however long ago the last heartbeat is
	well     time.Time      // since when our health shows, zero: it does not
	heard    time.Time      // since when, besides, others are heard at their usual rate
	unwell   string         // why it does not
	longest  time.Duration  // lease time of those held
	released string         // the operator who let go
	draining bool
}

func newGuard(o Options) *guard {
	serving := func(lease store.LeaseAge) bool { return lease.Active }
	if o.Serving != nil {
		serving = func(lease store.LeaseAge) bool { return o.Serving(lease.Key) }
	}
	return &guard{serving: serving, slow: o.Slow, lately: map[int64]departed{}, spared: map[int64]time.Time{}}
}

func (g *guard) clone() *guard {
	c := *g
	c.lately, c.spared = maps.Clone(g.lately), maps.Clone(g.spared)
	if g.episode != nil {
		e := *g.episode
		e.held = maps.Clone(e.held)
		c.episode = &e
	}
	return &c
}

// reset forgets everything: another replica sweeps.
func (g *guard) reset() {
	g.episode = nil
	clear(g.lately)
	clear(g.spared)
}

// unwell takes a sweep that could decide nothing: health is not proven by it.
func (g *guard) unwell(problem string) {
	if e := g.episode; e != nil {
		e.well, e.heard, e.unwell = time.Time{}, time.Time{}, problem
	}
}

// judge says who of those that are ready to expire may, and who is held.
func (g *guard) judge(v *view, ready []store.LeaseAge, now time.Time) (expire []store.LeaseAge, held []naming.Key) {
	census := g.count(v, now)
	all, objects := census.tooMany(), census.emptied()
	if !all && len(objects) == 0 {
		g.end(v, now)
		return slices.DeleteFunc(slices.Clone(ready), func(lease store.LeaseAge) bool {
			return now.Before(g.spared[lease.ID])
		}), nil
	}
	e := g.hold(census, all, objects, now)
	e.prove(v.health(g.slow, e.longest), v.heard > 0, now)
	if v.releasedSince(now.Sub(e.since)) {
		e.released = v.lease.ReleaseBy
	}
	e.draining = e.released == "" && e.proven(now)
	switch {
	case e.released != "":
		expire = ready
	case e.draining:
		expire = g.drain(v, ready)
	default:
		expire = slices.DeleteFunc(slices.Clone(ready), e.covers)
	}
	return expire, e.keep(v.Overdue, expire)
}

// count takes the census: who was renewed within the last two lease times, and
// who is held already. Where nobody at all sends heartbeats all count, so that a
// registry that is restarted while nothing reaches it does not take the living for
// ghosts. Who expired and is live again is no longer gone.
func (g *guard) count(v *view, now time.Time) *census {
	census := newCensus()
	counted := map[int64]bool{} // of those who are overdue
	for _, lease := range v.Fresh {
		delete(g.lately, lease.ID)
		if lease.Overdue() {
			counted[lease.ID] = true
		}
		census.add(lease)
	}
	silence := v.heard == 0
	for _, lease := range v.Overdue {
		held := g.episode != nil && g.episode.held[lease.ID]
		if (held || silence || g.inherited(v, lease)) && !counted[lease.ID] {
			census.add(lease)
		}
	}
	for id, d := range g.lately {
		if !d.kept && now.After(d.until) {
			delete(g.lately, id)
			continue
		}
		census.addGone(d.key)
	}
	return census
}

// inherited says that the lease was alive within two lease times of when
// protection came on under the replica that swept before: it is no ghost for
// having been silent longer than this one has swept.
func (g *guard) inherited(v *view, lease store.LeaseAge) bool {
	return g.episode == nil && v.lease.Protected >= 0 && lease.Age <= v.lease.Protected+2*lease.Duration
}

// hold starts an episode or goes on with it.
func (g *guard) hold(c *census, all bool, objects map[string]bool, now time.Time) *episode {
	if g.episode == nil {
		g.episode = &episode{since: now}
	}
	e := g.episode
	e.all, e.objects, e.reason = all, objects, c.reason(all, objects)
	e.held = make(map[int64]bool, len(c.overdue))
	e.longest = 0
	for id, lease := range c.overdue {
		if e.covers(lease) {
			e.held[id] = true
			e.longest = max(e.longest, lease.Duration)
		}
	}
	return e
}

// end switches protection off: fewer are overdue.
func (g *guard) end(v *view, now time.Time) {
	maps.DeleteFunc(g.spared, func(_ int64, until time.Time) bool { return !now.Before(until) })
	if g.episode == nil {
		return
	}
	for _, lease := range v.Overdue {
		if g.episode.held[lease.ID] && g.episode.released == "" {
			g.spared[lease.ID] = now.Add(lease.Duration)
		}
	}
	g.episode = nil
	for id, d := range g.lately {
		d.kept = false
		g.lately[id] = d
	}
}

// covers says whether the lease is one that protection holds.
func (e *episode) covers(lease store.LeaseAge) bool {
	return e.all || e.objects[objectOf(lease.Key)]
}

// prove takes what this sweep says of our own health.
func (e *episode) prove(problem string, others bool, now time.Time) {
	e.unwell = problem
	if problem != "" {
		e.well, e.heard = time.Time{}, time.Time{}
		return
	}
	if e.well.IsZero() {
		e.well = now
	}
	switch {
	case !others:
		e.heard = time.Time{}
		e.unwell = "no other instance sends heartbeats"
	case e.heard.IsZero():
		e.heard = now
	}
}

func (e *episode) proven(now time.Time) bool {
	return !e.heard.IsZero() && now.Sub(e.heard) >= proofTimes*e.longest ||
		!e.well.IsZero() && now.Sub(e.well) >= silenceTimes*e.longest
}

// keep gives the overdue that protection holds in this sweep.
func (e *episode) keep(overdue, expire []store.LeaseAge) []naming.Key {
	going := make(map[int64]bool, len(expire))
	for _, lease := range expire {
		going[lease.ID] = true
	}
	var held []naming.Key
	for _, lease := range overdue {
		if e.covers(lease) && !going[lease.ID] && e.released == "" {
			held = append(held, lease.Key)
		}
	}
	return held
}

// departed notes who has expired.
func (g *guard) departed(leases []store.LeaseAge, now time.Time) {
	for _, lease := range leases {
		g.lately[lease.ID] = departed{
			key:   lease.Key,
			until: now.Add(2*lease.Duration - lease.Age),
			kept:  g.episode != nil && g.episode.held[lease.ID],
		}
	}
}
