package follow

import (
	"context"
	"fmt"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// near is how far back most readings of the event log go: a transaction that
// lasts its 3 s is found by them. What shows later still, because a cluster was
// slow, is found when the whole Window is read, every Options.Compare. Without
// that a storm of registrations would be read 75 times over.
const near = 5 * time.Second

// tailEvents takes what other replicas have committed since: the rows that their
// events name are read again (R22).
func (f *Follower) tailEvents(ctx context.Context) error {
	window := near
	if time.Since(f.lookedBack) >= f.options.Compare {
		window, f.lookedBack = Window, time.Now()
	}
	keys, err := f.newEvents(ctx, window)
	if err != nil || len(keys) == 0 {
		return err
	}
	part, err := f.source.LoadInstances(ctx, keys)
	if err != nil {
		f.broken = true // the events count as seen: compare everything
		return fmt.Errorf("read the instances of %d events: %w", len(keys), err)
	}
	f.roster.Committed(part.Instances, part.Tombstones)
	f.mu.Lock()
	f.status.Events += uint64(len(keys))
	f.mu.Unlock()
	return nil
}

// skipEvents takes all events as seen: what follows reads everything.
func (f *Follower) skipEvents(ctx context.Context) error {
	fresh, err := f.unseen(ctx, Window)
	f.take(fresh...)
	return err
}

// newEvents gives the instances that events name which were not taken before.
func (f *Follower) newEvents(ctx context.Context, window time.Duration) ([]naming.Key, error) {
	fresh, err := f.unseen(ctx, window)
	if err != nil || len(fresh) == 0 {
		return nil, err
	}
	events, err := f.source.EventsByID(ctx, fresh)
	if err != nil {
		return nil, fmt.Errorf("read the event log: %w", err)
	}
	var keys []naming.Key
	taken := map[naming.Key]bool{}
	for _, event := range events {
		f.take(event.ID) // one that was not read, behind a proxy perhaps, is asked for again
		if key := event.Key.Fold(); !taken[key] {
			taken[key] = true
			keys = append(keys, event.Key)
		}
	}
	return keys, nil
}

// unseen gives the ids of events that were not taken before.
func (f *Follower) unseen(ctx context.Context, window time.Duration) ([]int64, error) {
	ids, err := f.source.EventIDs(ctx, window, f.options.Replica)
	if err != nil {
		return nil, fmt.Errorf("read the event log: %w", err)
	}
	fresh := ids[:0]
	now := time.Now()
	for _, id := range ids {
		if _, known := f.seen[id]; known {
			f.seen[id] = now
		} else {
			fresh = append(fresh, id)
		}
	}
	for id, at := range f.seen {
		if now.Sub(at) > Window {
			delete(f.seen, id) // the log has not shown it for a whole window
		}
	}
	return fresh, nil
}

// take notes events as taken.
func (f *Follower) take(ids ...int64) {
	now := time.Now()
	for _, id := range ids {
		f.seen[id] = now
	}
}
