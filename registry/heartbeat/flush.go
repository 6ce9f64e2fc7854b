package heartbeat

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/store"
)

const (
	// chunkSize is the usual Options.Chunk.
	chunkSize = 500
	// maxFailures ends a round: one chunk may be at fault itself, two mean that
	// the database is.
	maxFailures = 2
	// writers is how many heartbeats are written through at once.
	writers = 8
)

// flushNoted writes f.noted in chunks, in id order, each with the ages of the
// moment it is written. What fails goes back into the book.
func (f *Flusher) flushNoted(ctx context.Context) error {
	slices.SortFunc(f.noted, func(a, b pending) int { return cmp.Compare(a.lease, b.lease) })
	var failures int
	var failed error
	for chunk := range slices.Chunk(f.noted, f.options.Chunk) {
		if failures >= maxFailures || ctx.Err() != nil {
			f.options.Book.giveBack(chunk)
			failed = cmp.Or(failed, context.Cause(ctx))
			continue
		}
		if err := f.flushChunk(ctx, chunk); err != nil {
			f.options.Book.giveBack(chunk)
			failures++
			failed = fmt.Errorf("flush %d of %d heartbeats: %w", len(chunk), len(f.noted), err)
			continue
		}
		f.touchNodes(ctx, chunk)
	}
	return failed
}

func (f *Flusher) flushChunk(ctx context.Context, chunk []pending) error {
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	now := f.options.Book.now()
	beats := make([]store.Beat, len(chunk))
	for i := range chunk {
		beats[i] = chunk[i].beat(now)
	}
	unexpected, err := f.options.Store.Flush(ctx, beats)
	if err != nil {
		return err
	}
	for _, beat := range unexpected {
		i, found := slices.BinarySearchFunc(chunk, beat.LeaseID, func(p pending, id int64) int {
			return cmp.Compare(p.lease, id)
		})
		if found {
			f.changed = append(f.changed, chunk[i].Unexpected)
		}
	}
	return nil
}

// touchNodes stamps the nodes whose turn it is. Nothing of ours depends on these
// stamps, so that a failure is logged and made up for in the next round.
func (f *Flusher) touchNodes(ctx context.Context, chunk []pending) {
	now := f.options.Book.now()
	var nodes []store.NodeBeat
	for i := range chunk {
		if p := &chunk[i]; p.touch {
			nodes = append(nodes, store.NodeBeat{Name: p.Key.Node, Age: time.Duration(now - p.at)})
		}
	}
	if len(nodes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	err := f.options.Store.TouchNodes(ctx, nodes)
	if err != nil {
		f.options.Book.untouch(chunk)
	}
	f.outages.nodes.Report(f.options.Logger, err)
}

// writeThrough hands on what met a changed lease. It takes no longer than an
// interval, so that a great many of them do not keep the flush mark from being
// written; the rest is for the next round.
func (f *Flusher) writeThrough(ctx context.Context) {
	if len(f.changed) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, f.options.Interval)
	defer cancel()
	work := make(chan Unexpected)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var undone []Unexpected
	var first error
	for range min(writers, len(f.changed)) {
		wg.Go(func() {
			for beat := range work {
				err := context.Cause(ctx)
				if err == nil {
					err = f.options.WriteThrough(ctx, beat)
				}
				if err != nil {
					mu.Lock()
					undone = append(undone, beat)
					first = cmp.Or(first, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, beat := range f.changed {
		work <- beat
	}
	close(work)
	wg.Wait()
	f.options.Book.giveBackChanged(undone)
	f.outages.through.Report(f.options.Logger, first)
}
