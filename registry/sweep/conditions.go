package sweep

import (
	"fmt"
	"maps"
	"time"

	"github.com/tarsregistry/tarsregistry/store"
)

// conditions are those of R18. All times are those of the monotonic clock.
type conditions struct {
	// held is since when this replica has had the sweep lease without a gap;
	// zero: it has it not.
	held time.Time
	// trusted is since when the database's clock has agreed with ours.
	trusted time.Time
	// readings are the last readings of the clock, one a database server.
	readings map[string]reading
	// sightings are the overdue leases, by id.
	sightings map[int64]sighting
}

// reading is one of the database's clock.
type reading struct {
	clock time.Duration
	at    time.Time
}

// sighting is since when the same last heartbeat has been read.
type sighting struct {
	heartbeat string
	revision  int64
	since     time.Time
}

// readingMemory is how long two readings of one clock are compared: beyond it
// the usual drift of clocks would count.
const readingMemory = 10 * time.Minute

func newConditions() *conditions {
	return &conditions{readings: map[string]reading{}, sightings: map[int64]sighting{}}
}

func (c *conditions) clone() *conditions {
	return &conditions{
		held: c.held, trusted: c.trusted,
		readings: maps.Clone(c.readings), sightings: maps.Clone(c.sightings),
	}
}

// holding takes what the database says of the sweep lease. It measures by our
// own clock how long this replica has had it, and believes the database only
// where that says less.
func (c *conditions) holding(lease store.SweepLease, now time.Time) {
	if !lease.Held {
		c.held = time.Time{}
		clear(c.sightings)
		return
	}
	if c.held.IsZero() {
		c.held = now
	}
	if gap := now.Sub(c.held) - lease.HeldFor; gap > clockTolerance {
		c.held = now.Add(-lease.HeldFor)
	}
}

// clock compares what has passed by the database's clock with what has passed by
// ours, since the last reading of the same server's clock. When they disagree, and
// when there is nothing to compare with, it says why nothing can be decided now,
// and all observations start anew.
func (c *conditions) clock(view *store.Sweep, now time.Time) (problem string) {
	last, known := c.readings[view.Server]
	c.readings[view.Server] = reading{view.Clock, now}
	maps.DeleteFunc(c.readings, func(_ string, r reading) bool { return now.Sub(r.at) > readingMemory })
	if known && now.Sub(last.at) <= readingMemory {
		jump := view.Clock - last.clock - now.Sub(last.at)
		if jump.Abs() <= clockTolerance {
			return ""
		}
		problem = fmt.Sprintf("the database's clock and ours disagree by %s since the last sweep", jump.Round(time.Millisecond))
	} else {
		problem = "the database's clock has not been read before"
	}
	c.trusted = now
	clear(c.sightings)
	return problem
}

// sight notes which heartbeats were read.
func (c *conditions) sight(overdue []store.LeaseAge, now time.Time) {
	seen := make(map[int64]sighting, len(overdue))
	for _, lease := range overdue {
		s, known := c.sightings[lease.ID]
		if !known || s.heartbeat != lease.Heartbeat || s.revision != lease.Revision {
			s = sighting{lease.Heartbeat, lease.Revision, now}
		}
		seen[lease.ID] = s
	}
	c.sightings = seen
}

// met says whether an overdue lease meets the conditions that concern it: the
// same heartbeat was read twice, and for a full lease time this replica has had
// the sweep lease and a clock to go by. After a clock has jumped that much has to
// pass as well, because all leases may seem overdue until their next heartbeat.
func (c *conditions) met(lease store.LeaseAge, now time.Time) bool {
	s, known := c.sightings[lease.ID]
	return known && now.Sub(s.since) >= sightingGap && c.steady(lease.Duration, now)
}

// steady says that the sweep lease and the clock have been good for so long.
func (c *conditions) steady(d time.Duration, now time.Time) bool {
	return !c.held.IsZero() && now.Sub(c.held) >= d && now.Sub(c.trusted) >= d
}

// flushed judges the replicas' flush marks: a replica that is silent may hold
// heartbeats that nobody else has seen.
type flushed struct {
	own   bool // this replica has flushed lately
	marks []store.FlushMark
}

func judgeMarks(marks []store.FlushMark, own string) flushed {
	f := flushed{marks: marks}
	for _, mark := range marks {
		f.own = f.own || (mark.Replica == own && mark.Age <= flushedLately)
	}
	return f
}

// holdsUp gives the silent replica because of which a lease of this lease time
// cannot expire yet: until so long after its last mark it may hold heartbeats.
func (f flushed) holdsUp(duration time.Duration) (replica string, holds bool) {
	for _, mark := range f.marks {
		if mark.Age > lately(duration) && mark.Age <= duration {
			return mark.Replica, true
		}
	}
	return "", false
}

// lately is how old a flush mark may be before its replica counts as silent for
// leases of this lease time: half of it, within bounds. A replica whose silence
// were told no sooner than the lease time is over would never hold such a lease up.
// Leases shorter than the lower bound do not need it: they expire when the same
// heartbeat was seen for sightingGap, in which a replica that is well has flushed
// several times.
func lately(duration time.Duration) time.Duration {
	return min(flushedLately, max(soonestSilent, duration/2))
}
