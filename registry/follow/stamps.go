package follow

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// Few rows that were stamped just now are read again at once; of many (our own
// registrations, mostly) each is read again once its stamp has settled.
const fewUnsettled = 1000

// unsettled holds rows whose stamp was too young to rely on (R23).
type unsettled struct {
	servers  map[int64]bool
	adapters map[int64]bool
}

// compareStamps finds the rows that other programs have written or deleted
// (R23).
func (f *Follower) compareStamps(ctx context.Context) error {
	version := f.roster.Version()
	stamps, err := f.source.Stamps(ctx)
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
	servers := difference(previous.Servers, stamps.Servers, &f.unsettled.servers)
	adapters := difference(previous.Adapters, stamps.Adapters, &f.unsettled.adapters)
	if len(servers.changed)+len(adapters.changed) > 0 {
		part, err := f.source.LoadByIDs(ctx, servers.changed, adapters.changed)
		if err != nil {
			return fmt.Errorf("read the rows whose stamp changed: %w", err)
		}
		f.compared(part, version)
	}
	if held, err := f.compareGone(ctx, servers.gone, adapters.gone, version); held || err != nil {
		return err
	}
	f.previous = stamps
	return nil
}

// rows of one table that a comparison of stamps points at.
type rows struct {
	changed []int64
	gone    map[int64]bool
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
		case !same, !stamp.Again && len(*waiting) > 0 && (*waiting)[stamp.ID]:
			found.changed = append(found.changed, stamp.ID)
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
		found.changed = append(found.changed, again...)
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

// compareGone looks at instances whose rows are gone; held says that they are so
// many that the look is to be repeated before it is believed (R21).
func (f *Follower) compareGone(ctx context.Context, servers, adapters map[int64]bool, version uint64) (held bool, err error) {
	if len(servers)+len(adapters) == 0 {
		f.doubted = time.Time{}
		return false, nil
	}
	var keys []naming.Key
	all := f.roster.All()
	known := 0
	for _, instance := range all {
		if instance.Server != nil {
			known++
		}
		if lost(instance, servers, adapters) {
			keys = append(keys, instance.Key)
		}
	}
	if f.doubtful(len(keys), known) {
		return true, nil
	}
	const chunk = 2000
	for len(keys) > 0 {
		n := min(chunk, len(keys))
		part, err := f.source.LoadInstances(ctx, keys[:n])
		if err != nil {
			return false, fmt.Errorf("read the instances whose rows are gone: %w", err)
		}
		f.compared(part, version)
		keys = keys[n:]
	}
	return false, nil
}

func lost(instance *naming.Instance, servers, adapters map[int64]bool) bool {
	if instance.Server != nil && servers[instance.Server.ID] {
		return true
	}
	for _, adapter := range instance.Adapters {
		if adapters[adapter.ID] {
			return true
		}
	}
	return false
}

// doubtful says whether removals found by comparison are too many to believe at
// first sight: more than 30 % of all at once, until they are still gone after the
// time of doubt (R21).
func (f *Follower) doubtful(gone, known int) bool {
	const percent = 30
	if gone*100 <= known*percent {
		f.doubted = time.Time{}
		return false
	}
	now := time.Now()
	if f.doubted.IsZero() {
		f.doubted = now
		f.options.Logger.Warn("many rows are gone at once; looking again before believing it",
			slog.Int("gone", gone), slog.Int("known", known), slog.Duration("after", f.options.Doubt))
	}
	if now.Sub(f.doubted) < f.options.Doubt {
		return true
	}
	f.options.Logger.Warn("the rows are still gone; removing them", slog.Int("gone", gone), slog.Int("known", known))
	f.doubted = time.Time{}
	return false
}
