package roster

import (
	"slices"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/transition"
)

// holder is an entry with an endpoint at some address. Hardly ever is there more
// than one.
type holder struct {
	entry *entry
	next  *holder
}

// OnNode gives the keys of the instances known on a node.
func (r *Roster) OnNode(node string) []naming.Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var keys []naming.Key
	for known := r.nodes[naming.Fold(node)]; known != nil; known = known.next {
		keys = append(keys, known.instance.Key)
	}
	return keys
}

// Holding gives the instances that hold one of the adapters' addresses, own
// among them or not: what a registration may have to end (R9).
func (r *Roster) Holding(adapters []naming.Adapter, own naming.Key) []naming.Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var keys []naming.Key
	folded := own.Fold()
	for address := range transition.Addresses(adapters) {
		first := r.addresses[address]
		for h := &first; h != nil && h.entry != nil; h = h.next {
			if h.entry.key != folded && !slices.Contains(keys, h.entry.instance.Key) {
				keys = append(keys, h.entry.instance.Key)
			}
		}
	}
	return keys
}

// leave takes an entry out of the lists that it is in by its key.
func (r *Roster) leave(known *entry) {
	delete(r.entries, known.key)
	first := r.nodes[known.key.Node]
	if first == known && known.next == nil {
		delete(r.nodes, known.key.Node)
		return
	}
	if first == known {
		r.nodes[known.key.Node] = known.next
		return
	}
	for before := first; before != nil; before = before.next {
		if before.next == known {
			before.next = known.next
			return
		}
	}
}

func (r *Roster) occupy(address transition.Address, by *entry) {
	first, taken := r.addresses[address]
	if !taken {
		r.addresses[address] = holder{entry: by}
		return
	}
	for h := &first; h != nil; h = h.next {
		if h.entry == by {
			return
		}
	}
	others := first // moves to the heap, which the one that everybody has does not
	r.addresses[address] = holder{entry: by, next: &others}
}

func (r *Roster) vacate(address transition.Address, by *entry) {
	var left *holder
	first := r.addresses[address]
	for h := &first; h != nil && h.entry != nil; h = h.next {
		if h.entry != by {
			left = &holder{entry: h.entry, next: left}
		}
	}
	if left == nil {
		delete(r.addresses, address)
		return
	}
	r.addresses[address] = *left
}
