package roster

import (
	"cmp"
	"slices"
	"sync"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/transition"
)

// Follower is told of every change, in order, while the roster is locked: it
// must not call back. A removed instance has Server nil; one that is not known
// any more has neither Server nor Lease. Tombstones come with the changes that
// made them, so that an endpoint is never in neither list (R25).
type Follower interface {
	Follow(changed []*naming.Instance, tombstones []naming.Tombstone)
}

// Roster holds the newest known version of every instance. Instances in it are
// never changed, only replaced. Its methods may be called concurrently.
type Roster struct {
	mu        sync.RWMutex
	entries   map[naming.Key]*entry // by folded key
	nodes     map[string]*entry     // the first on each node
	addresses map[transition.Address]holder
	version   uint64
	followers []Follower
}

// entry is what is known of one instance. Like everything that there is for each of
// a great many instances it is kept small.
type entry struct {
	key      naming.Key // folded
	instance *naming.Instance
	version  uint64 // when it was last changed
	next     *entry // on the same node; most nodes have one or two
}

// New makes an empty roster whose changes the followers are told of.
func New(followers ...Follower) *Roster {
	return &Roster{
		entries:   map[naming.Key]*entry{},
		nodes:     map[string]*entry{},
		addresses: map[transition.Address]holder{},
		followers: followers,
	}
}

// Version grows with every change. A reader of the tables takes it before it
// begins, so that Compared leaves alone what changed since.
func (r *Roster) Version() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.version
}

// Get gives what is known of an instance, nil when nothing is.
func (r *Roster) Get(key naming.Key) *naming.Instance {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.get(key.Fold()).instance
}

// get gives an empty entry where nothing is known.
func (r *Roster) get(folded naming.Key) entry {
	if known := r.entries[folded]; known != nil {
		return *known
	}
	return entry{}
}

// Len is the number of known instances.
func (r *Roster) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.entries)
}

// All gives every known instance, in no order.
func (r *Roster) All() []*naming.Instance {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.all()
}

func (r *Roster) all() []*naming.Instance {
	list := make([]*naming.Instance, 0, len(r.entries))
	for _, known := range r.entries {
		list = append(list, known.instance)
	}
	return list
}

// Has says whether an instance is known that matches. match must not call back.
func (r *Roster) Has(match func(*naming.Instance) bool) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, known := range r.entries {
		if match(known.instance) {
			return true
		}
	}
	return false
}

// Committed takes what this replica has committed, or what another replica's
// event made it read: an instance with a lease only at a greater revision than
// the known one (R22).
func (r *Roster) Committed(instances []*naming.Instance, tombstones []naming.Tombstone) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apply(instances, tombstones, func(known entry, incoming *naming.Instance) bool {
		order := compare(incoming, known.instance)
		return order > 0 || (order == 0 && !same(known.instance, incoming))
	})
}

// Compared takes what was read from the tables since version: it never lowers a
// revision and never undoes what changed since the reading began (R23). An
// instance that was looked for and not found comes without Server and Lease.
func (r *Roster) Compared(instances []*naming.Instance, tombstones []naming.Tombstone, version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apply(instances, tombstones, func(known entry, incoming *naming.Instance) bool {
		if known.version > version {
			return false
		}
		// A comparison does not mend what is torn, unless it finds more rows.
		incoming.Torn = known.instance.Torn && incoming.Revision() == known.instance.Revision() &&
			len(incoming.Adapters) <= len(known.instance.Adapters)
		// Without a lease row there is no revision that could be lowered.
		return (incoming.Lease == nil || compare(incoming, known.instance) >= 0) && !same(known.instance, incoming)
	})
}

// Replace makes the roster hold these instances and no others: what came from the
// picture on disk gives way to the tables, whatever its revisions (R26). Each key may
// be there once. It gives what the roster then holds.
func (r *Roster) Replace(instances []*naming.Instance) []*naming.Instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.entries) == 0 {
		return r.fill(instances)
	}
	gone := make(map[naming.Key]naming.Key, len(r.entries))
	for key, known := range r.entries {
		gone[key] = known.instance.Key
	}
	for _, instance := range instances {
		delete(gone, instance.Fold())
	}
	for _, key := range gone {
		instances = append(instances, &naming.Instance{Key: key})
	}
	r.apply(instances, nil, func(known entry, incoming *naming.Instance) bool { return !same(known.instance, incoming) })
	return r.all()
}

// Changed gives the instances that have changed after one version and up to
// another.
func (r *Roster) Changed(after, until uint64) []*naming.Instance {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var list []*naming.Instance
	for _, known := range r.entries {
		if known.version > after && known.version <= until {
			list = append(list, known.instance)
		}
	}
	return list
}

// Nodeless gives the live instances on nodes that are not among those given,
// unless something has happened to them since version.
func (r *Roster) Nodeless(nodes map[string]bool, version uint64) []naming.Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var list []naming.Key
	for node, first := range r.nodes {
		if nodes[node] {
			continue
		}
		for known := first; known != nil; known = known.next {
			if known.version <= version && known.instance.Live() {
				list = append(list, known.instance.Key)
			}
		}
	}
	return list
}

// Tear notes that somebody else has deleted rows of these instances, where they
// are live (R13).
func (r *Roster) Tear(keys []naming.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var torn []*naming.Instance
	for _, key := range keys {
		if known := r.get(key.Fold()).instance; known != nil && known.Live() && !known.Torn {
			changed := *known
			changed.Torn = true
			torn = append(torn, &changed)
		}
	}
	r.apply(torn, nil, func(entry, *naming.Instance) bool { return true })
}

func (r *Roster) apply(instances []*naming.Instance, tombstones []naming.Tombstone, newer func(entry, *naming.Instance) bool) {
	changed := make([]*naming.Instance, 0, len(instances))
	for _, incoming := range instances {
		key := incoming.Fold()
		known := r.get(key)
		exists := known.instance != nil
		if exists && !newer(known, incoming) {
			continue
		}
		if !exists && incoming.Server == nil && incoming.Lease == nil {
			continue
		}
		incoming = suspected(known.instance, incoming)
		r.replace(key, incoming)
		changed = append(changed, incoming)
	}
	r.tell(changed, tombstones)
}

func (r *Roster) tell(changed []*naming.Instance, tombstones []naming.Tombstone) {
	if len(changed) == 0 && len(tombstones) == 0 {
		return
	}
	for _, follower := range r.followers {
		follower.Follow(changed, tombstones)
	}
}

// suspected is the incoming version, marked as torn where it is lessened.
func suspected(known, incoming *naming.Instance) *naming.Instance {
	if !lessened(known, incoming) {
		return incoming
	}
	torn := *incoming
	torn.Torn = true
	return &torn
}

// lessened says that a live instance has fewer adapters than were known, or none
// where nothing was. Its pod may have said so, or somebody may have deleted rows
// before whoever committed this, or while this replica was not there to see it:
// the next heartbeat finds out, once (R13).
func lessened(known, incoming *naming.Instance) bool {
	if incoming.Torn || !incoming.Live() {
		return false
	}
	if known == nil || known.Server == nil {
		return len(incoming.Adapters) == 0
	}
	return len(incoming.Adapters) < len(known.Adapters)
}

func (r *Roster) replace(key naming.Key, incoming *naming.Instance) {
	r.version++
	known := r.entries[key]
	if known != nil {
		for address := range transition.Addresses(known.instance.Adapters) {
			r.vacate(address, known)
		}
	}
	if incoming.Server == nil && incoming.Lease == nil {
		if known != nil {
			r.leave(known)
		}
		return
	}
	if known == nil {
		known = &entry{key: key, next: r.nodes[key.Node]}
		r.entries[key], r.nodes[key.Node] = known, known
	}
	known.instance, known.version = incoming, r.version
	for address := range transition.Addresses(incoming.Adapters) {
		r.occupy(address, known)
	}
}

// compare says which of two versions of an instance is the newer one: that of the
// newer lease row (the revisions of a row that was made anew begin at 1), of the
// same row that with the greater revision.
func compare(a, b *naming.Instance) int {
	var rowA, rowB int64
	if a.Lease != nil && b.Lease != nil {
		rowA, rowB = a.Lease.ID, b.Lease.ID
	}
	return cmp.Or(cmp.Compare(rowA, rowB), cmp.Compare(a.Revision(), b.Revision()))
}

// same says that nothing differs that anybody answers from. Ages and stamps of
// heartbeats move all the time and are not part of it.
func same(a, b *naming.Instance) bool {
	if a.Key != b.Key || a.Torn != b.Torn || !slices.Equal(a.Adapters, b.Adapters) {
		return false
	}
	if (a.Server == nil) != (b.Server == nil) || (a.Lease == nil) != (b.Lease == nil) {
		return false
	}
	if a.Server != nil && *a.Server != *b.Server {
		return false
	}
	return a.Lease == nil || sameLease(*a.Lease, *b.Lease)
}

func sameLease(a, b naming.Lease) bool {
	a.Heartbeat, b.Heartbeat = "", ""
	a.HeartbeatAge, b.HeartbeatAge = 0, 0
	a.StateAge, b.StateAge = 0, 0
	a.Interval, b.Interval = 0, 0
	a.Duration, b.Duration = 0, 0
	a.Registration, b.Registration = nil, nil
	return a == b
}
