package heartbeat

import (
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Beat is one keepAlive. Its slices are only read during the call, so that they
// may point into the request.
type Beat struct {
	Node        []byte
	Application []byte
	Server      []byte
	UID         []byte // identity of the caller, empty when it tells none
	State       naming.State
	Interval    time.Duration // told by the client, 0 when it tells none
	Sequence    int64         // number of the state report, 0 when it tells none
}

// Verdict says what a heartbeat comes to. Only Unchanged is the last word: the
// others are what this replica believes, and what another one committed in the
// last moments (a registration, mostly) may not be known here yet, nor anything
// that was committed while this one could not reach the database. Whoever gets one
// of them asks the database, and fails when that is away.
type Verdict uint8

// The verdicts.
const (
	// Unchanged: the lease is live, its holder's, and in that state. The
	// heartbeat is noted and will be flushed; answer it.
	Unchanged Verdict = iota
	// Write: it changes something, or the instance is not known here; write it
	// before it is answered (R5).
	Write
	// Superseded: another identity holds the lease (R6).
	Superseded
	// Left: the instance has left, only onStartup revives it (R5).
	Left
	// Stale: a later report of the same pod was taken already (R8).
	Stale
	verdictCount
)

// String names the verdict as metrics do.
func (v Verdict) String() string {
	switch v {
	case Unchanged:
		return "unchanged"
	case Write:
		return "write"
	case Superseded:
		return "superseded"
	case Left:
		return "left"
	default:
		return "stale"
	}
}

// keySpace is enough for the longest key that naming lets through.
const keySpace = 256

// Beat takes in the heartbeat of one instance. It does not allocate.
func (b *Book) Beat(beat *Beat) Verdict {
	now := b.now()
	var space [keySpace]byte
	key, nodeLength := appendKey(space[:0], beat.Node, beat.Application, beat.Server)
	s := b.shard(key[:nodeLength])
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[string(key)]
	if e == nil {
		return s.count(Write)
	}
	verdict := e.judge(beat)
	if verdict == Unchanged {
		e.sequence = max(e.sequence, beat.Sequence)
		s.note(e, now, toMilliseconds(beat.Interval), b.ttl)
	}
	return s.count(verdict)
}

func (e *entry) judge(beat *Beat) Verdict {
	switch {
	case string(beat.UID) != e.uid:
		return Superseded
	case e.state == leaseLeft:
		return Left
	case e.state != leaseLive:
		return Write
	case beat.Sequence != 0 && beat.Sequence < e.sequence:
		return Stale
	case codeOfState(beat.State) != e.reported, e.has(flagAstray):
		return Write
	default:
		return Unchanged
	}
}

// BeatNode takes in a node-wide heartbeat, application and server both empty, as
// old callers send it (R7): all live leases of the node that are the caller's are
// renewed. It does not allocate. The verdict is Write when one of them is in
// another state, when an expired one may have to be revived, and when nothing on
// the node is known.
func (b *Book) BeatNode(beat *Beat) Verdict {
	now := b.now()
	var space [keySpace]byte
	name := naming.AppendFold(space[:0], beat.Node)
	s := b.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[string(name)]
	if n == nil {
		return s.count(Write)
	}
	verdict := n.judge(beat)
	told := toMilliseconds(beat.Interval)
	for e := n.first; e != nil; e = e.next {
		if verdict == Unchanged && e.state == leaseLive && string(beat.UID) == e.uid {
			s.note(e, now, told, b.ttl)
		}
	}
	return s.count(verdict)
}

// judge gives Unchanged when the caller has a live lease on the node and all its
// leases agree, else the weightiest reason why not.
func (n *node) judge(beat *Beat) Verdict {
	one := *beat
	one.Sequence = 0 // it numbers the reports of one server
	verdict := Superseded
	for e := n.first; e != nil; e = e.next {
		if e.has(flagPassed) {
			continue
		}
		switch e.judge(&one) {
		case Write:
			return Write
		case Unchanged:
			verdict = Unchanged
		case Left:
			if verdict == Superseded {
				verdict = Left
			}
		}
	}
	return verdict
}

// PassOver remembers that node-wide heartbeats do not revive what has expired on
// a node, because somebody registered there since (R7), so that they need not be
// written until one of these leases changes.
func (b *Book) PassOver(nodeName string) {
	name := naming.AppendFold(nil, []byte(nodeName))
	s := b.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[string(name)]
	if n == nil {
		return
	}
	for e := n.first; e != nil; e = e.next {
		e.set(flagPassed, e.state == leaseExpired || e.state == leaseCleaned)
	}
}

// note renews the lease and puts it on the list for the flusher.
func (s *shard) note(e *entry, now stamp, told milliseconds, ttl time.Duration) {
	e.renew(now, told, ttl)
	s.list(e)
}

func (s *shard) list(e *entry) {
	e.set(flagNoted, true)
	if !e.has(flagListed) {
		e.set(flagListed, true)
		s.noted = append(s.noted, e)
	}
}
