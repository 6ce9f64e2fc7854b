package heartbeat

import (
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// entry is what the book knows of one lease. Its shard's lock guards it. There
// is one for every instance of the installation in every replica, so it is kept
// to 128 bytes: its strings are those of the instance it was learned from.
type entry struct {
	key      naming.Key
	uid      string
	node     *node
	next     *entry // the next one on the same node
	lease    int64
	revision int64
	sequence int64 // of the last report taken, 0: not numbered
	last     stamp // of the last heartbeat; of the end, once the lease has left
	interval milliseconds
	state    leaseCode
	reported stateCode
	beats    uint8 // unchanged heartbeats seen, counted to knownBeats
	flags    flags
}

// node is what the book knows of a node: its instances, and when its row was
// last stamped.
type node struct {
	first   *entry
	touched stamp // 0: never
}

// stamp is a moment on the book's monotonic clock: nanoseconds since the book
// was opened, plus one so that 0 can mean never.
type stamp int64

// milliseconds is a heartbeat interval, up to naming.MaxInterval.
type milliseconds uint32

func toMilliseconds(d time.Duration) milliseconds {
	return milliseconds(min(max(d, 0), naming.MaxInterval).Milliseconds())
}

func (m milliseconds) duration() time.Duration { return time.Duration(m) * time.Millisecond }

type flags uint8

const (
	flagTold   flags = 1 << iota // the client told the interval
	flagNoted                    // there is a heartbeat that was not flushed
	flagListed                   // stands in its shard's list of noted ones
	flagPassed                   // expired, and node-wide heartbeats do not revive it (R7)
	flagAstray                   // live, but its rows are not what its pod reported
	flagGone                     // forgotten
)

func (e *entry) has(f flags) bool { return e.flags&f != 0 }

func (e *entry) set(f flags, on bool) {
	if on {
		e.flags |= f
	} else {
		e.flags &^= f
	}
}

type leaseCode uint8

const (
	leaseLive leaseCode = iota
	leaseExpired
	leaseLeft
	leaseCleaned
)

func codeOfLease(state naming.LeaseState) leaseCode {
	switch state {
	case naming.LeaseLive:
		return leaseLive
	case naming.LeaseExpired:
		return leaseExpired
	case naming.LeaseLeft:
		return leaseLeft
	default:
		return leaseCleaned
	}
}

type stateCode uint8

const (
	stateOther stateCode = iota // nothing that a pod reports
	stateActive
	stateInactive
	stateActivating
	stateDeactivating
)

func codeOfState(state naming.State) stateCode {
	switch state {
	case naming.Active:
		return stateActive
	case naming.Inactive:
		return stateInactive
	case naming.Activating:
		return stateActivating
	case naming.Deactivating:
		return stateDeactivating
	default:
		return stateOther
	}
}

func (c stateCode) state() naming.State {
	switch c {
	case stateActive:
		return naming.Active
	case stateInactive:
		return naming.Inactive
	case stateActivating:
		return naming.Activating
	case stateDeactivating:
		return naming.Deactivating
	default:
		return ""
	}
}

// knownBeats is how many heartbeats must have been seen before the longest
// distance between them is taken for the interval of a client that does not
// tell it (R17).
const knownBeats = 3

// minGap tells a heartbeat from the repetition of one: the retry of a call, or
// the report of a state that has just been written.
const minGap = time.Second

// known says whether the interval of the lease can be relied on (R17).
func (e *entry) known() bool { return e.has(flagTold) || e.beats >= knownBeats }

// duration is the lease time (R17).
func (e *entry) duration(ttl time.Duration) time.Duration {
	lease := naming.LeaseTime(ttl, e.interval.duration())
	if !e.known() {
		lease = max(lease, naming.UnknownIntervalLease)
	}
	return lease
}

// renew notes a heartbeat that arrived now; told is the interval that the client
// tells, 0 when it does not.
func (e *entry) renew(now stamp, told milliseconds, ttl time.Duration) {
	switch {
	case told > 0:
		e.interval = told
		e.set(flagTold, true)
	case !e.has(flagTold):
		e.measure(time.Duration(now-e.last), ttl)
	}
	e.last = max(e.last, now)
}

// measure takes the distance between two heartbeats into account. A distance of
// a whole lease time is no interval but an outage: believing it would keep the
// dead alive for three times as long ever after.
func (e *entry) measure(gap, ttl time.Duration) {
	if gap < e.duration(ttl) {
		e.interval = max(e.interval, toMilliseconds(gap))
	}
	if e.beats < knownBeats && gap >= minGap {
		e.beats++
	}
}
