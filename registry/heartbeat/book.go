package heartbeat

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

const shardCount = 64

// manyInstances are worth making room for.
const manyInstances = 100 * shardCount

// leftMemory is how long the book remembers who left (R5).
const leftMemory = 10 * time.Minute

// Book knows every lease that this replica knows of: whose it is, what state was
// reported last, and when its last heartbeat arrived here. It is safe for
// concurrent use, and its methods only ever touch memory.
//
// It is kept equal to the database by Learn and Forget, which whoever sees
// commits (this replica's own and those of others) must call.
type Book struct {
	ttl    time.Duration
	opened time.Time
	seed   maphash.Seed
	shards [shardCount]shard
}

// shard holds the nodes of one hash value with all that is on them, so that a
// node-wide call needs one lock.
type shard struct {
	mu      sync.Mutex
	entries map[string]*entry // by node, application and server, folded (R15)
	nodes   map[string]*node  // by folded name
	noted   []*entry          // have flagListed; those with flagNoted are to be flushed
	changed []Unexpected      // noted, then overtaken by a change of the lease
	counts  counts
	_       [64]byte // keeps locks of two shards off one cache line
}

// NewBook makes an empty book. The lease time of an instance is never less than
// ttl (R17).
func NewBook(ttl time.Duration) *Book {
	b := &Book{ttl: ttl, opened: time.Now(), seed: maphash.MakeSeed()}
	for i := range b.shards {
		b.shards[i].entries = make(map[string]*entry)
		b.shards[i].nodes = make(map[string]*node)
	}
	return b
}

// now reads the monotonic clock (R16).
func (b *Book) now() stamp { return stamp(time.Since(b.opened)) + 1 }

func (b *Book) shard(foldedNode []byte) *shard {
	return &b.shards[maphash.Bytes(b.seed, foldedNode)%shardCount]
}

// locate finds the shard of a key; folded is its map key and node the first part
// of that.
func (b *Book) locate(key naming.Key) (s *shard, folded string, nodeLength int) {
	buf := make([]byte, 0, len(key.Node)+len(key.Application)+len(key.Server)+2)
	buf, nodeLength = appendKey(buf, []byte(key.Node), []byte(key.Application), []byte(key.Server))
	return b.shard(buf[:nodeLength]), string(buf), nodeLength
}

// appendKey composes the map key node\x00application\x00server, folded.
func appendKey(buf, node, application, server []byte) (key []byte, nodeLength int) {
	buf = naming.AppendFold(buf, node)
	nodeLength = len(buf)
	buf = append(buf, 0)
	buf = naming.AppendFold(buf, application)
	buf = append(buf, 0)
	buf = naming.AppendFold(buf, server)
	return buf, nodeLength
}

// Learn takes in an instance as it stands in the database after a commit, this
// replica's or another's. Of a lease only a newer one or a greater revision
// counts (R22), so that it may be called twice and in any order. An instance
// without a lease is forgotten.
func (b *Book) Learn(instance *naming.Instance) {
	if instance.Lease == nil {
		b.Forget(instance.Key)
		return
	}
	now := b.now()
	s, folded, nodeLength := b.locate(instance.Key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[folded]
	if e == nil {
		e = s.add(folded, nodeLength)
		e.key = instance.Key
	} else if !e.olderThan(instance.Lease) {
		e.set(flagAstray, e.sameAs(instance.Lease) && astray(instance))
		return
	} else if e.has(flagNoted) {
		b.reconsider(s, e, instance.Lease)
	}
	e.learn(instance.Lease, now)
	e.set(flagAstray, astray(instance))
}

// LearnAll is Learn for many, as at a start.
func (b *Book) LearnAll(instances []*naming.Instance) {
	if len(instances) >= manyInstances {
		b.makeRoom(len(instances))
	}
	for _, instance := range instances {
		b.Learn(instance)
	}
}

// makeRoom prepares an empty book for so many instances: maps that have to grow are
// made many times over.
func (b *Book) makeRoom(instances int) {
	each := instances / shardCount
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		if len(s.entries) == 0 {
			s.entries, s.nodes = make(map[string]*entry, each), make(map[string]*node, each)
		}
		s.mu.Unlock()
	}
}

// astray says that somebody else changed the rows of a live pod, or deleted
// them: its next heartbeat puts them right (R13).
func astray(instance *naming.Instance) bool {
	return instance.Live() &&
		(instance.Torn || instance.Server == nil || instance.Server.PresentState != instance.Lease.Reported)
}

func (e *entry) sameAs(lease *naming.Lease) bool {
	return e.lease == lease.ID && e.revision == lease.Revision
}

func (e *entry) olderThan(lease *naming.Lease) bool {
	if e.lease != lease.ID {
		return e.lease < lease.ID
	}
	return e.revision < lease.Revision
}

// learn makes the entry what the lease is.
func (e *entry) learn(lease *naming.Lease, now stamp) {
	if e.lease != lease.ID || e.uid != lease.Identity.UID {
		e.last, e.interval, e.beats = 0, 0, 0
	}
	seen := now - stamp(max(lease.HeartbeatAge, 0))
	if lease.State == naming.LeaseLeft {
		e.last = now - stamp(max(lease.StateAge, 0))
	} else if e.last == 0 {
		e.last = seen
	} else {
		e.last = max(e.last, seen)
	}
	if lease.IntervalTold || e.has(flagTold) {
		e.interval = toMilliseconds(lease.Interval)
	} else if lease.Interval > 0 {
		// It was written because it was relied on.
		e.interval = max(e.interval, toMilliseconds(lease.Interval))
		e.beats = knownBeats
	}
	e.set(flagTold, lease.IntervalTold)
	e.set(flagPassed, false)
	e.lease, e.revision = lease.ID, lease.Revision
	e.uid, e.sequence = lease.Identity.UID, lease.Sequence
	e.state, e.reported = codeOfLease(lease.State), codeOfState(lease.Reported)
}

// reconsider decides what becomes of a noted heartbeat when its lease turns out
// to have been changed. That the pod lives stays true for the same identity. The
// state it reported was compared with an older one: where it is the later report,
// or may be, it goes the write-through way (R8).
func (b *Book) reconsider(s *shard, e *entry, lease *naming.Lease) {
	if lease.Identity.UID != e.uid || lease.State == naming.LeaseLeft {
		e.set(flagNoted, false) // R6, R5: such a heartbeat has no effect
		return
	}
	newer := e.reported != codeOfState(lease.Reported) && mayBeLater(e.sequence, lease.Sequence)
	if lease.State == naming.LeaseLive && !newer {
		return
	}
	s.changed = append(s.changed, b.unexpected(e))
	e.set(flagNoted, false)
}

// mayBeLater says that a report may have been made after another one, by their
// numbers. Of clients that have none the last arrival wins, and only the database
// knows when the other one came.
func mayBeLater(report, other int64) bool {
	return report > other || (report == 0 && other == 0)
}

// Forget drops an instance whose lease is gone from the database.
func (b *Book) Forget(key naming.Key) {
	s, folded, nodeLength := b.locate(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(folded, nodeLength)
}

// forgetLeft drops those who left so long ago that they need not be told (R5).
func (b *Book) forgetLeft() {
	before := b.now() - stamp(leftMemory)
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		for folded, e := range s.entries {
			if e.state == leaseLeft && e.last <= before {
				s.remove(folded, len(naming.Fold(e.key.Node)))
			}
		}
		s.mu.Unlock()
	}
}

func (s *shard) add(folded string, nodeLength int) *entry {
	n := s.nodes[folded[:nodeLength]]
	if n == nil {
		n = new(node)
		s.nodes[folded[:nodeLength]] = n
	}
	e := &entry{node: n, next: n.first}
	n.first = e
	s.entries[folded] = e
	return e
}

func (s *shard) remove(folded string, nodeLength int) {
	e := s.entries[folded]
	if e == nil {
		return
	}
	delete(s.entries, folded)
	e.set(flagGone, true)
	e.set(flagNoted, false)
	link := &e.node.first
	for *link != e {
		link = &(*link).next
	}
	*link = e.next
	if e.node.first == nil {
		delete(s.nodes, folded[:nodeLength])
	}
}
