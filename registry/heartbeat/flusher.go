package heartbeat

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/outage"
	"github.com/tarsregistry/tarsregistry/store"
)

// Store is what heartbeats are flushed to; *store.Store is it.
type Store interface {
	Flush(ctx context.Context, beats []store.Beat) (unexpected []store.Beat, err error)
	TouchNodes(ctx context.Context, beats []store.NodeBeat) error
	WriteFlushMark(ctx context.Context, age time.Duration) error
	DropFlushMark(ctx context.Context, replica string) error
}

// Options of a Flusher. The zero value of a duration means its default.
type Options struct {
	Book  *Book
	Store Store
	// WriteThrough writes one heartbeat whose lease is not as the book knew it,
	// and has the book learn what it found. It is called by a few goroutines at
	// once. On an error the heartbeat is tried again in the next round.
	WriteThrough func(ctx context.Context, beat Unexpected) error
	// Replica is the name that this replica's flush mark is kept under.
	Replica string
	// Interval between two rounds, 2 s (R19).
	Interval time.Duration
	// NodeInterval is how often a node's row is stamped at most, 20 s (R19).
	NodeInterval time.Duration
	// Chunk is how many heartbeats one call of the store carries, 500 (R19). An
	// embedded database, whose every transaction waits for the disk, takes more.
	Chunk int
	// Timeout bounds one call of the store, 3 s.
	Timeout time.Duration
	Logger  *slog.Logger
}

// Flusher writes what the book has noted to the store, every interval. When the
// database is away the heartbeats stay in the book; a crash costs one interval
// of them.
type Flusher struct {
	options Options
	stop    context.CancelFunc
	done    chan struct{}

	round   sync.Mutex // one at a time; guards noted and changed, which are reused
	noted   []pending
	changed []Unexpected
	reaped  time.Time
	outages struct{ flush, nodes, through outage.Log }

	mu    sync.Mutex
	stats FlushStats
}

const (
	defaultInterval     = 2 * time.Second
	defaultNodeInterval = 20 * time.Second
	defaultTimeout      = 3 * time.Second
	reapInterval        = time.Minute
)

// NewFlusher makes a flusher and starts its loop; Close ends it.
func NewFlusher(options Options) *Flusher {
	if options.Interval == 0 {
		options.Interval = defaultInterval
	}
	if options.NodeInterval == 0 {
		options.NodeInterval = defaultNodeInterval
	}
	if options.Chunk == 0 {
		options.Chunk = chunkSize
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &Flusher{options: options, stop: stop, done: make(chan struct{}), reaped: time.Now()}
	f.outages.flush.What = "flushing heartbeats"
	f.outages.nodes.What = "stamping nodes"
	f.outages.through.What = "writing heartbeats through"
	go f.run(ctx)
	return f
}

func (f *Flusher) run(ctx context.Context) {
	defer close(f.done)
	ticker := time.NewTicker(f.options.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = f.Flush(ctx) // told in the log, and tried again
		}
	}
}

// Close stops the loop, flushes what is still noted and withdraws the flush
// mark: this replica holds no heartbeats any more. ctx bounds it. Heartbeats that
// could not be written are an error.
func (f *Flusher) Close(ctx context.Context) error {
	f.stop()
	select {
	case <-f.done:
	case <-ctx.Done():
		return fmt.Errorf("wait for the last round of the flusher: %w", context.Cause(ctx))
	}
	if err := f.Flush(ctx); err != nil {
		return fmt.Errorf("flush the last heartbeats: %w", err)
	}
	if err := f.options.Store.DropFlushMark(ctx, f.options.Replica); err != nil {
		return fmt.Errorf("withdraw the flush mark: %w", err)
	}
	return nil
}

// Flush does one round: all heartbeats noted so far, the stamps of their nodes,
// and this replica's flush mark, which is written whether there were heartbeats
// or not, but only when none of them stayed behind (R18).
func (f *Flusher) Flush(ctx context.Context) error {
	f.round.Lock()
	defer f.round.Unlock()
	started := time.Now()
	f.noted, f.changed = f.options.Book.collect(f.noted[:0], f.changed[:0], f.options.NodeInterval)
	count := len(f.noted)
	err := f.flushNoted(ctx)
	if err == nil {
		err = f.mark(ctx, started)
	}
	through := len(f.changed)
	f.writeThrough(ctx)
	clear(f.noted)
	clear(f.changed)
	f.reap()
	f.finish(started, count, through, err)
	return err
}

func (f *Flusher) mark(ctx context.Context, started time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	if err := f.options.Store.WriteFlushMark(ctx, time.Since(started)); err != nil {
		return fmt.Errorf("write the flush mark: %w", err)
	}
	return nil
}

func (f *Flusher) reap() {
	if time.Since(f.reaped) >= reapInterval {
		f.reaped = time.Now()
		f.options.Book.forgetLeft()
	}
}

func (f *Flusher) finish(started time.Time, beats, through int, err error) {
	f.outages.flush.Report(f.options.Logger, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.stats
	s.Rounds++
	s.LastTook = time.Since(started)
	s.Through += uint64(through)
	s.Failing = f.outages.flush.Failed()
	if err != nil {
		s.Failures++
		return
	}
	s.Beats += uint64(beats)
	s.lastSuccess = time.Now()
}

// FlushStats are a flusher's figures, for metrics and the API.
type FlushStats struct {
	Rounds   uint64
	Failures uint64 // rounds that failed
	Failing  int    // rounds that failed since the last good one
	Beats    uint64 // heartbeats written
	Through  uint64 // heartbeats whose lease was not as expected
	LastTook time.Duration
	// SinceSuccess is how long ago the last good round ended; negative: never.
	SinceSuccess time.Duration

	lastSuccess time.Time
}

// Stats gives the figures of the rounds so far.
func (f *Flusher) Stats() FlushStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	stats := f.stats
	stats.SinceSuccess = -1
	if !stats.lastSuccess.IsZero() {
		stats.SinceSuccess = time.Since(stats.lastSuccess)
	}
	return stats
}
