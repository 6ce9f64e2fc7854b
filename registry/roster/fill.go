package roster

import (
	"sync"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/transition"
)

// fill takes the first instances of an empty roster, each key once. All of them are
// news, so that nothing is compared; and because a start waits for it, the followers
// are told while the roster puts its own lists together, on all processors.
func (r *Roster) fill(instances []*naming.Instance) (held []*naming.Instance) {
	made := make([]*entry, 0, len(instances))
	held = make([]*naming.Instance, 0, len(instances))
	var folder naming.Folder
	for _, incoming := range instances {
		if incoming.Server == nil && incoming.Lease == nil {
			continue
		}
		incoming = suspected(nil, incoming)
		r.version++
		made = append(made, &entry{key: folder.Fold(incoming.Key), instance: incoming, version: r.version})
		held = append(held, incoming)
	}
	var beside sync.WaitGroup
	beside.Go(func() { r.tell(held, nil) })
	beside.Go(func() { r.fillAddresses(made) })
	r.fillKeys(made)
	beside.Wait()
	return held
}

func (r *Roster) fillKeys(made []*entry) {
	r.entries = make(map[naming.Key]*entry, len(made))
	r.nodes = make(map[string]*entry, len(made))
	for _, known := range made {
		r.entries[known.key] = known
		known.next = r.nodes[known.key.Node]
		r.nodes[known.key.Node] = known
	}
}

func (r *Roster) fillAddresses(made []*entry) {
	r.addresses = make(map[transition.Address]holder, len(made))
	for _, known := range made {
		for address := range transition.Addresses(known.instance.Adapters) {
			r.occupy(address, known)
		}
	}
}
