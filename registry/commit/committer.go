package commit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// Errors of Do that are not the transaction's own.
var (
	// ErrBusy: too many requests are waiting.
	ErrBusy = errors.New("too many registrations are waiting; try again")
	// ErrClosed: the committer has stopped.
	ErrClosed = errors.New("the registry is stopping")
)

// Store is the write path of the store.
type Store interface {
	Update(ctx context.Context, scope store.Scope, fn func(*store.Tx) error) (*store.Commit, error)
}

// Op is one request's part of a transaction.
type Op struct {
	Scope store.Scope
	// Run makes the transition. It may run more than once, each time from the
	// start; what it returns as an error undoes its own changes and nobody
	// else's, and is what Do returns.
	Run func(tx *store.Tx) error
}

// Options of a Committer. The zero value of a field means its default.
type Options struct {
	// Lanes is how many transactions may be under way at a time, 1. Requests that
	// speak of one node share a lane, so that they keep their order and do not wait
	// for each other's locks.
	Lanes int
	// MaxBatch is how many requests share a transaction, 128.
	MaxBatch int
	// MaxWaiting is how many requests may wait, 8192, an equal part in each lane.
	MaxWaiting int
	// Gap is how long the committer waits for one more request before it begins,
	// while many come at a time; 500 µs. A lone request never waits.
	Gap time.Duration
	// Timeout bounds one transaction, 3 s (R22).
	Timeout time.Duration
	// Publish is told of every commit before its requests are answered (R24), by
	// each lane in its own time.
	Publish func(*store.Commit)
}

// Committer runs Ops in group commits. Its methods may be called concurrently.
type Committer struct {
	lanes   []*lane
	seed    maphash.Seed
	stop    context.CancelFunc
	stopped <-chan struct{}
}

// lane makes one transaction after the other.
type lane struct {
	store   Store
	options Options
	queue   chan *request
	stopped <-chan struct{}
	done    chan struct{}

	// Of the lane's goroutine.
	crowded bool        // the last transaction had many requests
	gap     *time.Timer // see Options.Gap
}

const (
	// crowd is how many requests in a transaction say that more will come: who
	// was answered together asks again together.
	crowd = 8
	// maxGaps bounds the wait for a transaction, in gaps.
	maxGaps = 10
)

type request struct {
	op     Op
	ctx    context.Context //nolint:containedctx // a request waits with its caller's context
	result chan error
}

// New starts a committer; Close ends it.
func New(writer Store, options Options) *Committer {
	options = options.filled()
	ctx, stop := context.WithCancel(context.Background())
	c := &Committer{seed: maphash.MakeSeed(), stop: stop, stopped: ctx.Done()}
	for range options.Lanes {
		l := &lane{
			store: writer, options: options, stopped: ctx.Done(),
			queue: make(chan *request, max(1, options.MaxWaiting/options.Lanes)), done: make(chan struct{}),
			gap: time.NewTimer(time.Hour),
		}
		c.lanes = append(c.lanes, l)
		go l.run(ctx)
	}
	return c
}

func (o Options) filled() Options {
	o.Lanes = cmp.Or(o.Lanes, 1)
	o.MaxBatch = cmp.Or(o.MaxBatch, 128)
	o.MaxWaiting = cmp.Or(o.MaxWaiting, 8192)
	o.Gap = cmp.Or(o.Gap, 500*time.Microsecond)
	o.Timeout = cmp.Or(o.Timeout, 3*time.Second)
	return o
}

// Do runs op in a transaction and returns when it is committed and published,
// or has failed. When ctx ends first the outcome is unknown: the transaction may
// still be committed.
func (c *Committer) Do(ctx context.Context, op Op) error {
	r := &request{op: op, ctx: ctx, result: make(chan error, 1)}
	l := c.laneOf(r)
	select {
	case <-c.stopped:
		return ErrClosed
	default:
	}
	select {
	case l.queue <- r:
	default:
		return ErrBusy
	}
	select {
	case err := <-r.result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for the transaction: %w", context.Cause(ctx))
	case <-l.done:
		select {
		case err := <-r.result:
			return err
		default:
			return ErrClosed
		}
	}
}

func (c *Committer) laneOf(r *request) *lane {
	node := naming.Fold(firstKey(r).Node)
	return c.lanes[maphash.String(c.seed, node)%uint64(len(c.lanes))]
}

// Close finishes what is waiting and stops the committer.
func (c *Committer) Close() {
	c.stop()
	for _, l := range c.lanes {
		<-l.done
	}
}

func (l *lane) run(ctx context.Context) {
	defer close(l.done)
	defer l.gap.Stop()
	work := context.WithoutCancel(ctx) // Close waits for what was taken
	for {
		select {
		case first := <-l.queue:
			l.commit(work, l.gather(first))
		case <-ctx.Done():
			l.drain(work)
			return
		}
	}
}

func (l *lane) drain(ctx context.Context) {
	for {
		select {
		case first := <-l.queue:
			l.commit(ctx, l.gather(first))
		default:
			return
		}
	}
}

// gather takes what is waiting, leaving out whoever has given up. Where the last
// transaction had many requests it waits a moment for each further one: without
// that every other transaction would have the one request that came first.
func (l *lane) gather(first *request) []*request {
	batch := make([]*request, 0, l.options.MaxBatch)
	deadline := time.Now().Add(maxGaps * l.options.Gap)
	for r := first; r != nil; r = l.another(deadline) {
		if r.ctx.Err() == nil {
			batch = append(batch, r)
		}
		if len(batch) == l.options.MaxBatch {
			break
		}
	}
	l.crowded = len(batch) >= crowd
	slices.SortStableFunc(batch, func(a, b *request) int {
		return firstKey(a).Compare(firstKey(b))
	})
	return batch
}

// another is the next request, nil where none comes in time.
func (l *lane) another(deadline time.Time) *request {
	select {
	case r := <-l.queue:
		return r
	default:
	}
	if !l.crowded || !time.Now().Before(deadline) {
		return nil
	}
	l.gap.Reset(l.options.Gap)
	select {
	case r := <-l.queue:
		return r
	case <-l.gap.C:
		return nil
	case <-l.stopped:
		return nil
	}
}

func firstKey(r *request) naming.Key {
	if len(r.op.Scope.Keys) > 0 {
		return r.op.Scope.Keys[0]
	}
	if len(r.op.Scope.Nodes) > 0 {
		return naming.Key{Node: r.op.Scope.Nodes[0]}
	}
	return naming.Key{}
}

// commit runs the batch in one transaction; when that fails for a reason that
// may be one request's, each runs in its own.
func (l *lane) commit(ctx context.Context, batch []*request) {
	if len(batch) == 0 {
		return
	}
	err := l.transact(ctx, batch)
	if err == nil {
		return
	}
	if len(batch) == 1 || errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		for _, r := range batch {
			r.result <- err
		}
		return
	}
	for _, r := range batch {
		if err := l.transact(ctx, []*request{r}); err != nil {
			r.result <- err
		}
	}
}

// transact answers every request of the batch when it returns nil, and none
// otherwise.
func (l *lane) transact(ctx context.Context, batch []*request) error {
	ctx, cancel := context.WithTimeout(ctx, l.options.Timeout)
	defer cancel()
	results := make([]error, len(batch))
	done, err := l.store.Update(ctx, scopeOf(batch), func(tx *store.Tx) error {
		for i, r := range batch {
			// The rows are locked now. Whoever gave up before that has been told so,
			// and may have had the same and more carried out by another replica:
			// done now it would undo that.
			if results[i] = r.ctx.Err(); results[i] != nil {
				continue
			}
			mark := tx.Mark()
			if results[i] = r.op.Run(tx); results[i] != nil {
				tx.Undo(mark)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit %d requests: %w", len(batch), err)
	}
	if l.options.Publish != nil {
		l.options.Publish(done)
	}
	for i, r := range batch {
		r.result <- results[i]
	}
	return nil
}

func scopeOf(batch []*request) store.Scope {
	if len(batch) == 1 {
		return batch[0].op.Scope
	}
	var scope store.Scope
	for _, r := range batch {
		scope.Keys = append(scope.Keys, r.op.Scope.Keys...)
		scope.Nodes = append(scope.Nodes, r.op.Scope.Nodes...)
	}
	return scope
}
