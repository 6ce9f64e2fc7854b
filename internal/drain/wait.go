package drain

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// Connection is one established connection to an adapter, with its counters.
type Connection struct {
	// ID is unique among the connections since the machine was started.
	ID uint64
	// Remote is the client's address, for people.
	Remote string
	// Local is the address that the client connected to.
	Local netip.Addr
	// BytesIn counts payload since the connection began.
	BytesIn uint64
	// SegmentsIn and SegmentsOut count segments with payload; they may wrap.
	SegmentsIn, SegmentsOut uint32
}

// Options says how long to wait, and for what. All durations but Maximum have
// defaults.
type Options struct {
	// Sample lists the connections as they are now. With an error the wait
	// takes the whole Maximum.
	Sample func() ([]Connection, error)
	// Maximum is the budget: the wait never takes longer.
	Maximum time.Duration
	// Minimum is the time in which clients refresh their lists. It counts from
	// what Told returns.
	Minimum time.Duration
	// Told returns when the registry was told that the server is leaving; nil,
	// and the zero time, mean the beginning of the wait. It is asked again and
	// again: the registry may have been away at first.
	Told func() time.Time
	// Quiet is how long no connection may have carried a request; 3 s.
	Quiet time.Duration
	// Interval is the time between two samples; 250 ms.
	Interval time.Duration
	// Answer is how long a request that has no answer yet counts as being
	// worked on; 5 s. Calls that want no answer look the same.
	Answer time.Duration
	// Report is told now and then what is being waited for; may be nil. It
	// must not block.
	Report func(Progress)
}

// Progress is what a wait sees.
type Progress struct {
	Elapsed, Minimum, Maximum time.Duration
	// Connections are open, Busy carried a request within the quiet period.
	Connections, Busy int
	// Example is a client of a busy connection, where there is one.
	Example string
}

func (p Progress) String() string {
	took := fmt.Sprintf("%v of at most %v", p.Elapsed.Round(100*time.Millisecond), p.Maximum.Round(100*time.Millisecond))
	if p.Busy > 0 {
		return fmt.Sprintf("%d of %d connections still carry requests (%s for example), %s", p.Busy, p.Connections, p.Example, took)
	}
	if p.Elapsed < p.Minimum {
		return fmt.Sprintf("%s, quiet; clients need up to %v to refresh their lists, %s", connections(p.Connections), p.Minimum, took)
	}
	return fmt.Sprintf("%s, quiet, %s", connections(p.Connections), took)
}

func connections(count int) string {
	if count == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", count)
}

// Outcome is how a wait ended.
type Outcome struct {
	// Quiet tells that the clients have gone.
	Quiet bool
	// Reason is a sentence for the log.
	Reason string
}

// Wait returns when the clients have gone, when the budget is used up or when
// ctx is done.
func Wait(ctx context.Context, options Options) Outcome {
	w := newWait(options)
	ticker := time.NewTicker(w.Interval)
	defer ticker.Stop()
	for {
		if outcome, over := w.look(); over {
			return outcome
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return Outcome{Reason: fmt.Sprintf("stopped waiting for clients after %v: %v", w.elapsed(), context.Cause(ctx))}
		}
	}
}

// reportEvery is the time between two reports of a wait.
const reportEvery = 5 * time.Second

type wait struct {
	Options
	start    time.Time
	traffic  *traffic
	failed   error
	reported time.Time
}

func newWait(o Options) *wait {
	now := time.Now()
	o.Quiet = positive(o.Quiet, 3*time.Second)
	o.Interval = positive(o.Interval, 250*time.Millisecond)
	o.Answer = positive(o.Answer, 5*time.Second)
	o.Minimum = min(o.Minimum, o.Maximum)
	return &wait{Options: o, start: now, traffic: newTraffic(now, o.Quiet, o.Answer)}
}

func positive(d, fallback time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return fallback
}

func (w *wait) elapsed() time.Duration { return time.Since(w.start).Round(10 * time.Millisecond) }

func (w *wait) told() time.Time {
	if w.Told != nil {
		if told := w.Told(); told.After(w.start) {
			return told
		}
	}
	return w.start
}

// look takes one sample and says whether the wait is over.
func (w *wait) look() (Outcome, bool) {
	connections, err := w.Sample()
	if err != nil && w.failed == nil {
		w.failed = err
	}
	elapsed := time.Since(w.start)
	if w.failed != nil {
		return w.blind(elapsed)
	}
	now := time.Now()
	w.traffic.update(now, connections)
	busy, example := w.traffic.busy(now)
	progress := Progress{
		Elapsed: elapsed, Minimum: w.Minimum, Maximum: w.Maximum,
		Connections: len(connections), Busy: busy, Example: example,
	}
	switch {
	case busy == 0 && now.Sub(w.told()) >= w.Minimum && elapsed >= min(w.Quiet, w.Maximum):
		return Outcome{Quiet: true, Reason: fmt.Sprintf("clients have gone after %v, %d idle connections left", w.elapsed(), len(connections))}, true
	case elapsed >= w.Maximum:
		return Outcome{Reason: fmt.Sprintf("clients still call after %v (%v); they do so when this was the last active endpoint, or when they refresh their lists more rarely", w.elapsed(), progress)}, true
	}
	w.report(now, progress)
	return Outcome{}, false
}

// blind waits for the whole budget: without numbers there is no early end.
func (w *wait) blind(elapsed time.Duration) (Outcome, bool) {
	if elapsed < w.Maximum {
		return Outcome{}, false
	}
	return Outcome{Reason: fmt.Sprintf("waited for the whole %v, because connections cannot be observed: %v", w.Maximum, w.failed)}, true
}

func (w *wait) report(now time.Time, progress Progress) {
	if w.Report == nil || (!w.reported.IsZero() && now.Sub(w.reported) < reportEvery) {
		return
	}
	w.reported = now
	w.Report(progress)
}
