package sweep

import (
	"fmt"
	"iter"
	"time"

	"github.com/tarsregistry/tarsregistry/store"
)

// view is what one sweep has read.
type view struct {
	*store.Sweep
	lease   store.SweepLease
	flushed flushed
	took    time.Duration
	heard   int // how many others there are
}

func newView(read *store.Sweep, lease store.SweepLease, f flushed, took time.Duration) *view {
	v := &view{Sweep: read, lease: lease, flushed: f, took: took}
	for range v.others() {
		v.heard++
	}
	return v
}

// others are those of Fresh that are not overdue.
func (v *view) others() iter.Seq[store.LeaseAge] {
	return func(yield func(store.LeaseAge) bool) {
		for i := range v.Fresh {
			if lease := &v.Fresh[i]; !lease.Overdue() && !yield(*lease) {
				return
			}
		}
	}
}

// releasedSince says that an operator let go within the last d (R20).
func (v *view) releasedSince(d time.Duration) bool {
	return v.lease.Release >= 0 && v.lease.Release <= d
}

// health says what speaks against this registry's own health, "" when nothing
// does (R20): every replica flushes, the database is fast, and the others'
// heartbeats arrive at their usual rate.
func (v *view) health(slow, longest time.Duration) string {
	if replica, holds := v.flushed.holdsUp(longest); holds {
		return fmt.Sprintf("replica %s does not flush", replica)
	}
	if v.took > slow {
		return fmt.Sprintf("the database took %s to be read", v.took.Round(time.Millisecond))
	}
	late := 0
	for lease := range v.others() {
		// A lease time is three intervals or more (R17): who is heard as usual
		// is never silent for half of one.
		if lease.Age > lease.Duration/2 {
			late++
		}
	}
	const tolerated = 10 // one in ten
	if late*tolerated > v.heard {
		return fmt.Sprintf("the heartbeats of %d of %d other instances are late", late, v.heard)
	}
	return ""
}
