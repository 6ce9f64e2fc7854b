package heartbeat

import (
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// Unexpected is a heartbeat that was answered from memory and then met a lease
// which is not as it was known here: its revision has grown, or it is no longer
// live. It has to be written through (R19), by these rules:
//   - another identity, or a lease that has left: it has no effect (R6, R5);
//   - expired or cleaned: it revives or restores the instance (R5);
//   - live: it renews the lease. The state counts only if it is the later report
//     (R8): Sequence is greater than the lease's, or neither has a number and it
//     arrived after the lease's last heartbeat.
type Unexpected struct {
	Key      naming.Key
	UID      string
	State    naming.State
	Sequence int64         // 0: not numbered
	Interval time.Duration // 0: not known yet (R17)
	Told     bool          // the client told the interval
	Duration time.Duration // lease time (R17)
	Revision int64         // the one that the heartbeat was judged by
	Arrived  time.Time     // monotonic: time.Since gives the age of the heartbeat

	lease int64
	at    stamp
	entry *entry
}

func (b *Book) unexpected(e *entry) Unexpected {
	u := Unexpected{
		Key: e.key, UID: e.uid, State: e.reported.state(), Sequence: e.sequence,
		Told: e.has(flagTold), Duration: e.duration(b.ttl), Revision: e.revision,
		Arrived: b.opened.Add(time.Duration(e.last - 1)),
		lease:   e.lease, at: e.last, entry: e,
	}
	if e.known() {
		u.Interval = e.interval.duration()
	}
	return u
}

// pending is a noted heartbeat on its way to the store.
type pending struct {
	Unexpected
	touch bool // it is time to stamp its node
}

// collect takes everything that is noted out of the book, appending to both
// slices: what is as expected, and what is known to have been overtaken. Nodes
// that were not stamped for the given time are marked to be stamped.
func (b *Book) collect(noted []pending, changed []Unexpected, every time.Duration) ([]pending, []Unexpected) {
	now := b.now()
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		for _, e := range s.noted {
			e.set(flagListed, false)
			if e.has(flagNoted) {
				e.set(flagNoted, false)
				noted = append(noted, pending{b.unexpected(e), e.node.due(now, every)})
			}
		}
		changed = append(changed, s.changed...)
		clear(s.noted) // lets go of what was forgotten
		clear(s.changed)
		s.noted, s.changed = s.noted[:0], s.changed[:0]
		s.mu.Unlock()
	}
	return noted, changed
}

// due says whether the node has to be stamped, and holds it to be done.
func (n *node) due(now stamp, every time.Duration) bool {
	if n.touched != 0 && time.Duration(now-n.touched) < every {
		return false
	}
	n.touched = now
	return true
}

// giveBack returns heartbeats that could not be flushed: nothing is lost but an
// interval. The newest heartbeat of a lease is the one that counts.
func (b *Book) giveBack(beats []pending) {
	for i := range beats {
		p := &beats[i]
		s := b.shardOf(p.entry)
		s.mu.Lock()
		e := p.entry
		if p.touch {
			e.node.touched = 0
		}
		if !e.has(flagGone) && e.uid == p.UID && e.state != leaseLeft {
			if e.state == leaseLive && !p.newerThan(e) {
				s.list(e)
			} else {
				s.changed = append(s.changed, p.Unexpected)
			}
		}
		s.mu.Unlock()
	}
}

// newerThan says that the heartbeat reported a state later than what has been
// learned since it was taken out of the book, or may have.
func (u *Unexpected) newerThan(e *entry) bool {
	return u.Revision != e.revision && mayBeLater(u.Sequence, e.sequence) && codeOfState(u.State) != e.reported
}

// giveBackChanged returns what could not be written through, unless so much time
// has passed that it says nothing any more: the pod has been heard since, or is
// gone.
func (b *Book) giveBackChanged(changed []Unexpected) {
	now := b.now()
	for _, u := range changed {
		s := b.shardOf(u.entry)
		s.mu.Lock()
		if !u.entry.has(flagGone) && time.Duration(now-u.at) < u.Duration {
			s.changed = append(s.changed, u)
		}
		s.mu.Unlock()
	}
}

// untouch has the nodes of these heartbeats stamped the next time.
func (b *Book) untouch(beats []pending) {
	for i := range beats {
		s := b.shardOf(beats[i].entry)
		s.mu.Lock()
		if beats[i].touch {
			beats[i].entry.node.touched = 0
		}
		s.mu.Unlock()
	}
}

// shardOf finds the shard of an entry; its node never changes.
func (b *Book) shardOf(e *entry) *shard {
	var space [keySpace]byte
	return b.shard(naming.AppendFold(space[:0], []byte(e.key.Node)))
}

// beat is what the store is told; the age is that of the moment of the call.
func (u *Unexpected) beat(now stamp) store.Beat {
	return store.Beat{
		LeaseID: u.lease, Revision: u.Revision, Age: time.Duration(now - u.at),
		Interval: u.Interval, Told: u.Told, Duration: u.Duration,
	}
}
