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
	_, err := f.newEvents(ctx, Window)
	return err
}

func (f *Follower) newEvents(ctx context.Context, window time.Duration) ([]naming.Key, error) {
	events, err := f.source.Events(ctx, window, f.options.Replica)
	if err != nil {
		return nil, fmt.Errorf("read the event log: %w", err)
	}
	now := time.Now()
	var keys []naming.Key
	taken := map[naming.Key]bool{}
	for _, event := range events {
		_, known := f.seen[event.ID]
		f.seen[event.ID] = now
		if key := event.Key.Fold(); !known && !taken[key] {
			taken[key] = true
			keys = append(keys, event.Key)
		}
	}
	for id, at := range f.seen {
		if now.Sub(at) > Window {
			delete(f.seen, id) // the log has not shown it for a whole window
		}
	}
	return keys, nil
}
