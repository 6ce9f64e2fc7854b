package follow

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// Few rows that were stamped just now are read again at once; of many (our own
// registrations, mostly) each is read again once its stamp has settled.
const fewUnsettled = 1000

// unsettled holds rows whose stamp was too young to rely on, or new to us (R23).
type unsettled struct {
	servers  map[int64]bool
	adapters map[int64]bool
}

// compareStamps finds the rows that other programs have written or deleted
// (R23).
func (f *Follower) compareStamps(ctx context.Context) error {
	version := f.roster.Version()
	stamps, err := f.source.Stamps(ctx, f.previous)
	if err != nil {
		return fmt.Errorf("read the stamps of all rows: %w", err)
	}
	if f.previous != nil && f.previous.Server != stamps.Server {
		f.broken = true
		return errMoved
	}
	previous := f.previous
	if previous == nil {
		previous = &store.Stamps{}
	}
	ownServers, ownAdapters := stampsOf(f.roster.Changed(f.since, version))
	servers := difference(merge(previous.Servers, ownServers), stamps.Servers, &f.unsettled.servers)
	adapters := difference(merge(previous.Adapters, ownAdapters), stamps.Adapters, &f.unsettled.adapters)
	// The clock of TarsWeb's stamps may be hours behind ours: a row that it has just
	// written can be written again in the same second of that clock, and nothing
	// would show. So it is read once more the next time.
	add(f.unsettled.servers, servers.changed)
	add(f.unsettled.adapters, adapters.changed)
	f.addYoung(stamps, servers.gone, adapters.gone, version)
	// Losses come first: the instances that are held back because of them must not
	// lose their rows by way of those that have changed.
	held, err := f.compareGone(ctx, servers.gone, adapters.gone)
	if err != nil {
		return err
	}
	alteredServers, alteredAdapters, err := f.altered(ctx, servers.settling, adapters.settling)
	if err != nil {
		return err
	}
	err = f.compareChanged(ctx, slices.Concat(servers.changed, alteredServers), slices.Concat(adapters.changed, alteredAdapters), held)
	if err != nil {
		return err
	}
	if len(held) == 0 {
		f.previous, f.since = stamps, version
	}
	return nil
}

// stampsOf gives the stamps that instances are known to have, by id: what this
// replica has written itself need not be read because of its stamp.
func stampsOf(instances []*naming.Instance) (servers, adapters []store.Stamp) {
	for _, instance := range instances {
		if server := instance.Server; server != nil {
			servers = append(servers, store.Stamp{ID: server.ID, Text: server.Stamp})
		}
		for i := range instance.Adapters {
			adapters = append(adapters, store.Stamp{ID: instance.Adapters[i].ID, Text: instance.Adapters[i].Stamp})
		}
	}
	return inOrder(servers), inOrder(adapters)
}

// inOrder sorts stamps by id and leaves one of each: a row that was given to
// another instance is known of both for a while.
func inOrder(stamps []store.Stamp) []store.Stamp {
	slices.SortFunc(stamps, func(a, b store.Stamp) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(stamps, func(a, b store.Stamp) bool { return a.ID == b.ID })
}

// merge lays newer stamps over those that were read before; both are in the order
// of ids.
func merge(previous, newer []store.Stamp) []store.Stamp {
	if len(newer) == 0 {
		return previous
	}
	merged := make([]store.Stamp, 0, len(previous)+len(newer))
	for _, stamp := range newer {
		for len(previous) > 0 && previous[0].ID < stamp.ID {
			merged = append(merged, previous[0])
			previous = previous[1:]
		}
		if len(previous) > 0 && previous[0].ID == stamp.ID {
			previous = previous[1:]
		}
		merged = append(merged, stamp)
	}
	return append(merged, previous...)
}

// compareChanged reads the instances that the rows belong to, and those that they
// belonged to: a row may have been given to another node. What is held is passed
// over.
func (f *Follower) compareChanged(ctx context.Context, servers, adapters []int64, held map[naming.Key]bool) error {
	if len(servers)+len(adapters) == 0 {
		return nil
	}
	version := f.roster.Version() // each reading counts from its own beginning
	part, err := f.source.LoadByIDs(ctx, servers, adapters)
	if err != nil {
		return fmt.Errorf("read the rows whose stamp changed: %w", err)
	}
	part.Instances = slices.DeleteFunc(part.Instances, func(i *naming.Instance) bool { return held[i.Fold()] })
	before := f.owners(servers, adapters, part.Instances)
	f.compared(part, version)
	if len(before) == 0 {
		return nil
	}
	version = f.roster.Version()
	if part, err = f.source.LoadInstances(ctx, before); err != nil {
		return fmt.Errorf("read the instances that rows were taken from: %w", err)
	}
	f.compared(part, version)
	return nil
}

// owners gives the instances that the rows are known to belong to, where those are
// others than were read for them.
func (f *Follower) owners(servers, adapters []int64, read []*naming.Instance) []naming.Key {
	moved := false
	taken := make(map[naming.Key]bool, len(read))
	for _, instance := range read {
		taken[instance.Fold()] = true
		known := f.roster.Get(instance.Key)
		moved = moved || gained(known, instance)
	}
	if !moved {
		return nil // every row was known to be where it is
	}
	inServers, inAdapters := setOf(servers), setOf(adapters)
	var keys []naming.Key
	for _, instance := range f.roster.All() {
		if !taken[instance.Fold()] && lost(instance, inServers, inAdapters) > 0 {
			keys = append(keys, instance.Key)
		}
	}
	return keys
}

// gained says that an instance has a row that it was not known to have.
func gained(known, read *naming.Instance) bool {
	if read.Server != nil && (known == nil || known.Server == nil || known.Server.ID != read.Server.ID) {
		return true
	}
	for _, adapter := range read.Adapters {
		if known == nil || !slices.ContainsFunc(known.Adapters, func(a naming.Adapter) bool { return a.ID == adapter.ID }) {
			return true
		}
	}
	return false
}

func setOf(ids []int64) map[int64]bool {
	set := make(map[int64]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// altered gives those rows that are not as they are known, whatever their stamps
// say. Nearly all are: they were written by this replica, or read before.
func (f *Follower) altered(ctx context.Context, servers, adapters []int64) (alteredServers, alteredAdapters []int64, err error) {
	if len(servers)+len(adapters) == 0 {
		return nil, nil, nil
	}
	asKnownServers, asKnownAdapters := map[int64]bool{}, map[int64]bool{}
	err = f.source.Rows(ctx, servers, adapters, store.RowVisitor{
		Server: func(key naming.Key, server *naming.Server) {
			known := f.roster.Get(key)
			asKnownServers[server.ID] = known != nil && known.Key == key && known.Server != nil && *known.Server == *server
		},
		Adapter: func(key naming.Key, adapter naming.Adapter) {
			known := f.roster.Get(key)
			asKnownAdapters[adapter.ID] = known != nil && slices.Contains(known.Adapters, adapter)
		},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the rows whose stamps had not settled: %w", err)
	}
	return without(servers, asKnownServers), without(adapters, asKnownAdapters), nil
}

// without are the ids that are not in the set.
func without(ids []int64, set map[int64]bool) []int64 {
	return slices.DeleteFunc(ids, func(id int64) bool { return set[id] })
}

// rows of one table that a comparison of stamps points at.
type rows struct {
	changed  []int64 // with another stamp than before
	settling []int64 // with the same, which is or was too young to rely on
	gone     map[int64]bool
}

func add(set map[int64]bool, ids []int64) {
	for _, id := range ids {
		set[id] = true
	}
}

// difference walks both lists, which are in the order of ids. waiting are the
// rows whose stamp had not settled the last time; it becomes those of this time.
func difference(previous, current []store.Stamp, waiting *map[int64]bool) rows {
	found := rows{gone: map[int64]bool{}}
	young := map[int64]bool{}
	var again []int64
	i := 0
	for _, stamp := range current {
		for ; i < len(previous) && previous[i].ID < stamp.ID; i++ {
			found.gone[previous[i].ID] = true
		}
		same := false
		if i < len(previous) && previous[i].ID == stamp.ID {
			same = previous[i].Text == stamp.Text
			i++
		}
		switch {
		case !same:
			found.changed = append(found.changed, stamp.ID)
		case !stamp.Again && len(*waiting) > 0 && (*waiting)[stamp.ID]:
			found.settling = append(found.settling, stamp.ID)
		case stamp.Again:
			again = append(again, stamp.ID)
		}
		if stamp.Again {
			young[stamp.ID] = true
		}
	}
	for ; i < len(previous); i++ {
		found.gone[previous[i].ID] = true
	}
	if len(again) <= fewUnsettled {
		found.settling = append(found.settling, again...)
	}
	*waiting = young
	return found
}

func (f *Follower) compared(part *store.Part, version uint64) {
	before := f.roster.Version()
	f.roster.Compared(part.Instances, part.Tombstones, version)
	f.mu.Lock()
	f.status.Others += f.roster.Version() - before
	f.mu.Unlock()
}
