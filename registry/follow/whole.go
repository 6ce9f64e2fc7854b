package follow

import (
	"context"
	"fmt"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// compareAll reads everything and takes what differs (R23). first: the roster is
// empty or was filled from the picture on disk, which the tables replace (R26).
func (f *Follower) compareAll(ctx context.Context, first bool) (*store.Snapshot, error) {
	version := f.roster.Version()
	// The stamps are read first: what changes before the snapshot is then found
	// once more, and what changes after it is not missed.
	stamps, err := f.source.Stamps(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the stamps of all rows: %w", err)
	}
	snapshot, err := f.source.LoadAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("read all tables: %w", err)
	}
	f.picture.SetGroups(snapshot.Rules, snapshot.Priorities)
	f.picture.SetRegistries(snapshot.Registries)
	f.roster.Compared(snapshot.Instances, snapshot.Tombstones, version)
	gone, known := f.unmentioned(snapshot.Instances)
	if !first && f.doubtful(len(gone), known) {
		return snapshot, nil // the next comparison of everything comes soon: lastFull stays
	}
	f.roster.Compared(gone, nil, version)
	f.lastFull = time.Now()
	difference(nil, stamps.Servers, &f.unsettled.servers) // notes the young ones
	difference(nil, stamps.Adapters, &f.unsettled.adapters)
	f.previous = stamps
	return snapshot, nil
}

// unmentioned gives what is known and was not read, as removed instances.
func (f *Follower) unmentioned(read []*naming.Instance) (gone []*naming.Instance, known int) {
	mentioned := make(map[naming.Key]bool, len(read))
	for _, instance := range read {
		mentioned[instance.Fold()] = true
	}
	for _, instance := range f.roster.All() {
		if instance.Server != nil {
			known++
		}
		if !mentioned[instance.Fold()] {
			gone = append(gone, &naming.Instance{Key: instance.Key})
		}
	}
	return gone, known
}
