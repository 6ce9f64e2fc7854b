package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a run. Either Calls or Duration ends it.
type Options struct {
	Address     string
	Connections int // at least 1
	Depth       int // calls outstanding on each connection; 0 is 1
	Calls       int // in all
	Duration    time.Duration
	// Append appends the frame of a call with the id given; connection counts
	// from 0, n the calls of that connection. It is called by one goroutine for
	// each connection.
	Append func(dst []byte, connection, n int, id int32) []byte
}

// Result of a run.
type Result struct {
	Calls   int64 // answered
	Failed  int64 // of them with a return code other than 0
	Elapsed time.Duration
	Latency Histogram // from handing a call to the kernel to having its answer
}

// Rate is calls answered in a second.
func (r *Result) Rate() float64 { return float64(r.Calls) / r.Elapsed.Seconds() }

func (r *Result) String() string {
	return fmt.Sprintf("%d calls, %.0f/s, %d failed, p50 %v, p99 %v, p99.9 %v, max %v", r.Calls, r.Rate(), r.Failed,
		r.Latency.Quantile(0.5), r.Latency.Quantile(0.99), r.Latency.Quantile(0.999), r.Latency.Max())
}

// Run opens the connections, then makes calls as fast as they are answered. A
// broken connection ends the run with an error.
func Run(ctx context.Context, options Options) (*Result, error) {
	options.Depth = max(options.Depth, 1)
	callers, err := dialAll(ctx, options)
	if err != nil {
		return nil, err
	}
	if options.Duration > 0 { // of the calls, not of connecting
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, options.Duration)
		defer cancel()
	}
	result := &Result{}
	errs := make([]error, len(callers))
	budget := newBudget(ctx, options)
	var group sync.WaitGroup
	start := time.Now()
	for i, c := range callers {
		group.Go(func() { errs[i] = c.run(budget) })
	}
	group.Wait()
	result.Elapsed = time.Since(start)
	for _, c := range callers {
		result.Calls += c.calls
		result.Failed += c.failed
		result.Latency.Merge(&c.latency)
	}
	return result, errors.Join(errs...)
}

func dialAll(ctx context.Context, options Options) ([]*caller, error) {
	var dialer net.Dialer
	callers := make([]*caller, options.Connections)
	for i := range callers {
		conn, err := dialer.DialContext(ctx, "tcp", options.Address)
		if err != nil {
			for _, c := range callers[:i] {
				_ = c.conn.Close()
			}
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
		callers[i] = newCaller(i, conn, options)
	}
	return callers, nil
}

// budget is how many calls may still be begun.
type budget struct {
	ctx  context.Context
	left atomic.Int64
}

func newBudget(ctx context.Context, options Options) *budget {
	b := &budget{ctx: ctx}
	if b.left.Store(int64(options.Calls)); options.Calls <= 0 {
		b.left.Store(1 << 62)
	}
	return b
}

func (b *budget) take() bool { return b.left.Add(-1) >= 0 && b.ctx.Err() == nil }
