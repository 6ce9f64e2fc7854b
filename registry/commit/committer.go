package commit

import (
	"context"
	"errors"
	"fmt"
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
	// MaxBatch is how many requests share a transaction, 128.
	MaxBatch int
	// MaxWaiting is how many requests may wait, 8192.
	MaxWaiting int
	// Gap is how long the committer waits for one more request before it begins,
	// while fewer are there than callers were seen last; 1.5 ms. Where requests do
	// not come in crowds, none waits.
	Gap time.Duration
	// Timeout bounds one transaction, 3 s (R22).
	Timeout time.Duration
	// Publish is told of every commit before its requests are answered (R24).
	Publish func(*store.Commit)
}

// Committer runs Ops in group commits. Its methods may be called concurrently.
type Committer struct {
	store   Store
	options Options
	queue   chan *request
	stop    context.CancelFunc
	stopped <-chan struct{}
	done    chan struct{}

	// Of the committer's goroutine.
	callers int         // in the last transaction, and waiting at its end
	gap     *time.Timer // see Options.Gap
}

const (
	// crowd is how many callers say that more requests will come.
	crowd = 8
	// maxGaps bounds the wait for a transaction, in gaps.
	maxGaps = 5
)

type request struct {
	op     Op
	ctx    context.Context //nolint:containedctx // a request waits with its caller's context
	result chan error
}

// New starts a committer; Close ends it.
func New(writer Store, options Options) *Committer {
	if options.MaxBatch == 0 {
		options.MaxBatch = 128
	}
	if options.MaxWaiting == 0 {
		options.MaxWaiting = 8192
	}
	if options.Gap == 0 {
		options.Gap = 1500 * time.Microsecond
	}
	if options.Timeout == 0 {
		options.Timeout = 3 * time.Second
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Committer{
		store: writer, options: options, stop: stop, stopped: ctx.Done(),
		queue: make(chan *request, options.MaxWaiting), done: make(chan struct{}),
		gap: time.NewTimer(time.Hour),
	}
	go c.run(ctx)
	return c
}

// Do runs op in a transaction and returns when it is committed and published,
// or has failed. When ctx ends first the outcome is unknown: the transaction may
// still be committed.
func (c *Committer) Do(ctx context.Context, op Op) error {
	r := &request{op: op, ctx: ctx, result: make(chan error, 1)}
	select {
	case <-c.stopped:
		return ErrClosed
	default:
	}
	select {
	case c.queue <- r:
	default:
		return ErrBusy
	}
	select {
	case err := <-r.result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for the transaction: %w", context.Cause(ctx))
	case <-c.done:
		select {
		case err := <-r.result:
			return err
		default:
			return ErrClosed
		}
	}
}

// Close finishes what is waiting and stops the committer.
func (c *Committer) Close() {
	c.stop()
	<-c.done
}

func (c *Committer) run(ctx context.Context) {
	defer close(c.done)
	defer c.gap.Stop()
	work := context.WithoutCancel(ctx) // Close waits for what was taken
	for {
		select {
		case first := <-c.queue:
			batch := c.gather(first)
			c.commit(work, batch)
			c.callers = len(batch) + len(c.queue)
		case <-ctx.Done():
			c.drain(work)
			return
		}
	}
}

func (c *Committer) drain(ctx context.Context) {
	for {
		select {
		case first := <-c.queue:
			c.commit(ctx, c.gather(first))
		default:
			return
		}
	}
}

// gather takes what is waiting, leaving out whoever has given up. Who was answered
// together asks again together, one after the other: where there was a crowd,
// gather waits a moment for each until there are as many again. Without that every
// other transaction would have the one request that came first.
func (c *Committer) gather(first *request) []*request {
	batch := make([]*request, 0, c.options.MaxBatch)
	deadline := time.Now().Add(maxGaps * c.options.Gap)
	for r := first; r != nil; r = c.another(len(batch), deadline) {
		if r.ctx.Err() == nil {
			batch = append(batch, r)
		}
		if len(batch) == c.options.MaxBatch {
			break
		}
	}
	slices.SortStableFunc(batch, func(a, b *request) int {
		return firstKey(a).Compare(firstKey(b))
	})
	return batch
}

// another is the next request, nil where none comes in time for those that are
// there already.
func (c *Committer) another(there int, deadline time.Time) *request {
	select {
	case r := <-c.queue:
		return r
	default:
	}
	if c.callers < crowd || there >= c.callers || !time.Now().Before(deadline) {
		return nil
	}
	c.gap.Reset(c.options.Gap)
	select {
	case r := <-c.queue:
		return r
	case <-c.gap.C:
		return nil
	case <-c.stopped:
		return nil
	}
}

func firstKey(r *request) naming.Key {
	for _, keys := range [][]naming.Key{r.op.Scope.New, r.op.Scope.Keys} {
		if len(keys) > 0 {
			return keys[0]
		}
	}
	if len(r.op.Scope.Nodes) > 0 {
		return naming.Key{Node: r.op.Scope.Nodes[0]}
	}
	return naming.Key{}
}

// commit runs the batch in one transaction; when that fails for a reason that
// may be one request's, each runs in its own.
func (c *Committer) commit(ctx context.Context, batch []*request) {
	if len(batch) == 0 {
		return
	}
	err := c.transact(ctx, batch)
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
		if err := c.transact(ctx, []*request{r}); err != nil {
			r.result <- err
		}
	}
}

// transact answers every request of the batch when it returns nil, and none
// otherwise.
func (c *Committer) transact(ctx context.Context, batch []*request) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	results := make([]error, len(batch))
	done, err := c.store.Update(ctx, scopeOf(batch), func(tx *store.Tx) error {
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
	if c.options.Publish != nil {
		c.options.Publish(done)
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
		scope.New = append(scope.New, r.op.Scope.New...)
		scope.Nodes = append(scope.Nodes, r.op.Scope.Nodes...)
	}
	return scope
}
