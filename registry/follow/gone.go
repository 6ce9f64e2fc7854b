package follow

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// addYoung adds rows that came and went between two comparisons: they are in
// neither list of stamps, but this replica has written them itself, or read them
// because of an event.
func (f *Follower) addYoung(stamps *store.Stamps, servers, adapters map[int64]bool, version uint64) {
	for _, instance := range f.roster.Changed(f.since, version) {
		if instance.Server != nil && !contains(stamps.Servers, instance.Server.ID) {
			servers[instance.Server.ID] = true
		}
		for _, adapter := range instance.Adapters {
			if !contains(stamps.Adapters, adapter.ID) {
				adapters[adapter.ID] = true
			}
		}
	}
}

// contains looks an id up in stamps, which are in the order of ids.
func contains(stamps []store.Stamp, id int64) bool {
	_, found := slices.BinarySearchFunc(stamps, id, func(s store.Stamp, id int64) int { return cmp.Compare(s.ID, id) })
	return found
}

// compareGone looks at instances whose rows are gone. Where these are so many that
// the look is to be repeated before it is believed (R21), they are held: by folded
// key.
func (f *Follower) compareGone(ctx context.Context, servers, adapters map[int64]bool) (held map[naming.Key]bool, err error) {
	if len(servers)+len(adapters) == 0 {
		f.doubted = time.Time{}
		return nil, nil
	}
	var keys []naming.Key
	var loss loss
	for _, instance := range f.roster.All() {
		gone := lost(instance, servers, adapters)
		if gone > 0 {
			keys = append(keys, instance.Key)
		}
		loss.count(instance, gone)
	}
	if f.doubtful(loss) {
		held = make(map[naming.Key]bool, len(keys))
		for _, key := range keys {
			held[key.Fold()] = true
		}
		return held, nil
	}
	const chunk = 2000
	for keys := range slices.Chunk(keys, chunk) {
		version := f.roster.Version()
		part, err := f.source.LoadInstances(ctx, keys)
		if err != nil {
			return nil, fmt.Errorf("read the instances whose rows are gone: %w", err)
		}
		torn := f.torn(part.Instances)
		f.compared(part, version)
		f.roster.Tear(torn)
	}
	return nil, nil
}

// torn gives the instances that have fewer adapters than they were known to have:
// where a pod lives, its next heartbeat brings them back (R13).
func (f *Follower) torn(read []*naming.Instance) []naming.Key {
	var keys []naming.Key
	for _, instance := range read {
		known := f.roster.Get(instance.Key)
		if known != nil && known.Revision() == instance.Revision() && len(instance.Adapters) < len(known.Adapters) {
			keys = append(keys, instance.Key)
		}
	}
	return keys
}

// compareNodes looks for pods whose node has lost its row: their next heartbeat
// brings that back as well (R13).
func (f *Follower) compareNodes(names []string, version uint64) {
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[naming.Fold(name)] = true
	}
	f.roster.Tear(f.roster.Nodeless(there, version))
}

// nodesAgain is how often the names of nodes are read even though no row seems to
// have come or gone: an instance that was registering at the time was passed over.
const nodesAgain = 30 * time.Second

// lookAtNodes compares nodes where rows have come or gone since the last time.
func (f *Follower) lookAtNodes(ctx context.Context) error {
	version, known := f.roster.Version(), f.nodes
	if time.Since(f.nodesRead) >= nodesAgain {
		known = nil
	}
	names, sum, err := f.source.NodeNames(ctx, known)
	if err != nil {
		return fmt.Errorf("look for nodes that are gone: %w", err)
	}
	if known != nil && *known == sum {
		return nil
	}
	f.compareNodes(names, version)
	f.nodes, f.nodesRead = &sum, time.Now()
	return nil
}

// lost counts the rows of an instance that are among those given.
func lost(instance *naming.Instance, servers, adapters map[int64]bool) int {
	count := 0
	if instance.Server != nil && servers[instance.Server.ID] {
		count++
	}
	for i := range instance.Adapters {
		if adapters[instance.Adapters[i].ID] {
			count++
		}
	}
	return count
}

// missing counts the known rows of an instance that were not read; read is nil
// where the instance was not there at all.
func missing(known, read *naming.Instance) int {
	if read == nil {
		return rowsOf(known)
	}
	return max(0, rowsOf(known)-rowsOf(read))
}

func rowsOf(instance *naming.Instance) int {
	count := len(instance.Adapters)
	if instance.Server != nil {
		count++
	}
	return count
}

// loss is what a comparison finds to be gone.
type loss struct{ rows, of, instances int }

func (l *loss) count(instance *naming.Instance, gone int) {
	l.of += rowsOf(instance)
	l.rows += gone
	if gone > 0 {
		l.instances++
	}
}

// Thresholds of R21. One or two instances are an operator at work, however small
// the installation is.
const (
	doubtPercent   = 30 // of all rows may go at once,
	doubtInstances = 2  // and rows of so many instances may always
)

// doubtful says whether removals found by comparison are too many to believe at
// first sight, until they are still gone after the time of doubt (R21).
func (f *Follower) doubtful(l loss) bool {
	if l.instances <= doubtInstances || l.rows*100 <= l.of*doubtPercent {
		f.doubted = time.Time{}
		return false
	}
	now := time.Now()
	numbers := []any{slog.Int("gone", l.rows), slog.Int("known", l.of), slog.Int("instances", l.instances)}
	if f.doubted.IsZero() {
		f.doubted = now
		f.options.Logger.Warn("many rows are gone at once; looking again before believing it",
			append(numbers, slog.Duration("after", f.options.Doubt))...)
	}
	if now.Sub(f.doubted) < f.options.Doubt {
		return true
	}
	f.options.Logger.Warn("the rows are still gone; removing them", numbers...)
	f.doubted = time.Time{}
	return false
}
