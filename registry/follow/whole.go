package follow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// compareAll reads everything and takes what differs (R23). first: the roster is
// empty or was filled from the picture on disk, which the tables replace (R26); the
// snapshot's instances are then those of the roster.
func (f *Follower) compareAll(ctx context.Context, first bool) (*store.Snapshot, error) {
	version := f.roster.Version()
	snapshot, err := f.source.LoadAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("read all tables: %w", err)
	}
	f.picture.SetGroups(snapshot.Rules, snapshot.Priorities)
	f.picture.SetRegistries(snapshot.Registries)
	if first {
		snapshot.Instances = f.roster.Replace(snapshot.Instances)
		version = f.roster.Version() // nobody has committed anything before
	} else if !f.compareWhole(snapshot, version) {
		return snapshot, nil // the next comparison of everything comes soon: lastFull stays
	}
	f.nodesRead = time.Time{} // the next step reads them: a start need not wait for that
	f.lastFull = time.Now()
	f.unsettled.servers = youngOf(snapshot.Stamps.Servers)
	f.unsettled.adapters = youngOf(snapshot.Stamps.Adapters)
	f.previous, f.since = snapshot.Stamps, version
	return snapshot, nil
}

// youngOf gives the rows whose stamp is too young to rely on.
func youngOf(stamps []store.Stamp) map[int64]bool {
	ids := map[int64]bool{}
	for _, stamp := range stamps {
		if stamp.Again {
			ids[stamp.ID] = true
		}
	}
	return ids
}

// compareWhole takes what differs from what is known; false: so much is gone that
// only what is not gone was taken, and the look is to be repeated (R21).
func (f *Follower) compareWhole(snapshot *store.Snapshot, version uint64) bool {
	read := make(map[naming.Key]*naming.Instance, len(snapshot.Instances))
	for _, instance := range snapshot.Instances {
		read[instance.Fold()] = instance
	}
	var loss loss
	var less []*naming.Instance // as it is now, of what has lost rows
	for _, known := range f.roster.All() {
		now := read[known.Fold()]
		gone := missing(known, now)
		loss.count(known, gone)
		if now == nil {
			less = append(less, &naming.Instance{Key: known.Key})
		} else if gone > 0 {
			less = append(less, now)
			delete(read, known.Fold())
		}
	}
	whole := slices.Collect(maps.Values(read))
	f.roster.Compared(whole, snapshot.Tombstones, version)
	if f.doubtful(loss) {
		return false
	}
	torn := f.torn(less)
	f.roster.Compared(less, nil, version)
	f.roster.Tear(torn)
	return true
}
