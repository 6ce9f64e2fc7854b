package clean

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/outage"
	"github.com/tarsregistry/tarsregistry/store"
)

// Store finds what is to be removed; *store.Store is it.
type Store interface {
	Cleanable(ctx context.Context, olderThan time.Duration, limit int) (*store.Stale, error)
	// WallClock is the database's time as Tars' tables have it, in the zone of
	// its sessions: yyyy-mm-dd hh:mm:ss.
	WallClock(ctx context.Context) (string, error)
	Prune(ctx context.Context, retention store.Retention) (store.Pruned, error)
}

// Remover makes the change, commits and publishes it. Each method says whether
// there was something to remove: not when it has come alive again. They are called
// by a few goroutines at once.
type Remover interface {
	// Remove removes the rows of an instance that is not live.
	Remove(ctx context.Context, key naming.Key, reason, actor string) (bool, error)
	// RemoveNode removes the row of a node without tarsnode, unless a lease that
	// stands is on it again.
	RemoveNode(ctx context.Context, node, actor string) (bool, error)
}

// Options of a Cleaner. The zero value of a duration means its default.
type Options struct {
	Store   Store
	Remover Remover
	// Leading says whether it is this replica's turn to do the job; nil: always.
	Leading func() bool
	// After is how long an instance stays inactive before it is removed, 24 h.
	After time.Duration
	// LeaseTTL is the lease time within which no cut-off may lie, 95 s.
	LeaseTTL time.Duration
	// Interval of the job, 10 minutes.
	Interval time.Duration
	Logger   *slog.Logger
}

// How long what is past is kept.
const (
	keepEvents = 7 * 24 * time.Hour // R22
	keepLeases = 7 * 24 * time.Hour // R5
	// keepMarks is longer than the longest lease time: until then a silent
	// replica may hold heartbeats (R18).
	keepMarks = 2 * 3 * naming.MaxInterval
)

const (
	defaultAfter    = 24 * time.Hour
	defaultInterval = 10 * time.Minute
	defaultTTL      = 95 * time.Second
	// removers is how many changes are under way at once, so that they share
	// transactions.
	removers = 16
)

// Cleaner removes what has been gone for long. Its methods may be called
// concurrently.
type Cleaner struct {
	options Options
	round   sync.Mutex // one at a time, the job or an operator's
	outage  outage.Log
	started sync.Once
	stop    context.CancelFunc
	done    chan struct{}
}

// New makes a cleaner. It cleans when Clean is called, and by itself from Start
// to Close.
func New(options Options) *Cleaner {
	options.After = cmp.Or(options.After, defaultAfter)
	options.LeaseTTL = cmp.Or(options.LeaseTTL, defaultTTL)
	options.Interval = cmp.Or(options.Interval, defaultInterval)
	if options.Leading == nil {
		options.Leading = func() bool { return true }
	}
	return &Cleaner{options: options, outage: outage.Log{What: "cleaning"}}
}

// Request says what to clean.
type Request struct {
	// DryRun only tells what would be removed.
	DryRun bool
	// Before is the cut-off: what has been inactive since before then. It is in
	// the database's time zone, yyyy-mm-dd hh:mm:ss; "": as long ago as the
	// setting says.
	Before string
	// Actor is who asks, for the events; "": the job.
	Actor string
}

// parseTime reads a time as Tars' tables write it, without a fraction.
func parseTime(text string) (time.Time, error) {
	if len(text) != len(time.DateTime) {
		return time.Time{}, fmt.Errorf("%q is not of the form yyyy-mm-dd hh:mm:ss", text)
	}
	moment, err := time.Parse(time.DateTime, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time: %w", text, err)
	}
	return moment, nil
}

// Clean removes what pods left behind before the cut-off: instances, then the
// nodes on which nothing is registered any more. A cut-off that cannot be used is
// a *naming.InvalidError. What could not be removed is in the report, and is found
// again the next time.
func (c *Cleaner) Clean(ctx context.Context, request Request) (Report, error) {
	c.round.Lock()
	defer c.round.Unlock()
	request.Actor = cmp.Or(request.Actor, "clean")
	report := Report{DryRun: request.DryRun, Before: request.Before, Servers: []Removal{}, Nodes: []Removal{}}
	age, err := c.age(ctx, &report)
	if err != nil {
		return Report{}, err
	}
	stale, err := c.options.Store.Cleanable(ctx, age, 0)
	if err != nil {
		return Report{}, fmt.Errorf("look for what can be cleaned: %w", err)
	}
	slices.SortFunc(stale.Instances, naming.Key.Compare)
	slices.Sort(stale.Nodes)
	if request.DryRun {
		for _, key := range stale.Instances {
			report.Servers = append(report.Servers, removal(key, nil))
		}
		for _, node := range stale.Nodes {
			report.Nodes = append(report.Nodes, nodeRemoval(node, nil))
		}
		return report, nil
	}
	c.removeInstances(ctx, stale.Instances, request.Actor, &report)
	c.removeNodes(ctx, stale.Nodes, request.Actor, &report)
	return report, nil
}

// age is how long ago the report's cut-off is, by the database's clock; an empty
// cut-off is filled in. It is refused where a pod that lives could be hit.
func (c *Cleaner) age(ctx context.Context, report *Report) (time.Duration, error) {
	text, err := c.options.Store.WallClock(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the database's time: %w", err)
	}
	now, err := parseTime(text)
	if err != nil {
		return 0, fmt.Errorf("read the database's time: %w", err)
	}
	if report.Before == "" {
		report.Before = now.Add(-c.options.After).Format(time.DateTime)
		return c.options.After, nil
	}
	before, err := parseTime(report.Before)
	if err != nil {
		return 0, invalid("is not a time of the form yyyy-mm-dd hh:mm:ss")
	}
	age := now.Sub(before)
	switch {
	case age < 0:
		return 0, invalid("%s lies in the future; by the database's clock it is %s", report.Before, text)
	case age < c.options.LeaseTTL:
		return 0, invalid("%s lies within the lease time of %s; by the database's clock it is %s", report.Before, c.options.LeaseTTL, text)
	}
	return age, nil
}

func invalid(format string, args ...any) error {
	return &naming.InvalidError{Field: "the cut-off", Rule: fmt.Sprintf(format, args...)}
}

func (c *Cleaner) removeInstances(ctx context.Context, keys []naming.Key, actor string, report *Report) {
	reason := "inactive since before " + report.Before
	outcomes := inParallel(keys, func(key naming.Key) (bool, error) {
		return c.options.Remover.Remove(ctx, key, reason, actor)
	})
	for i, outcome := range outcomes {
		if outcome.err != nil || outcome.done {
			report.Servers = append(report.Servers, removal(keys[i], outcome.err))
		}
	}
}

func (c *Cleaner) removeNodes(ctx context.Context, nodes []string, actor string, report *Report) {
	outcomes := inParallel(nodes, func(node string) (bool, error) {
		return c.options.Remover.RemoveNode(ctx, node, actor)
	})
	for i, outcome := range outcomes {
		if outcome.err != nil || outcome.done {
			report.Nodes = append(report.Nodes, nodeRemoval(nodes[i], outcome.err))
		}
	}
}

type outcome struct {
	done bool
	err  error
}

// inParallel makes a change to each, a few at a time, and gives what came of each.
func inParallel[T any](list []T, change func(T) (bool, error)) []outcome {
	outcomes := make([]outcome, len(list))
	work := make(chan int)
	var wg sync.WaitGroup
	for range min(removers, len(list)) {
		wg.Go(func() {
			for i := range work {
				outcomes[i].done, outcomes[i].err = change(list[i])
			}
		})
	}
	for i := range list {
		work <- i
	}
	close(work)
	wg.Wait()
	return outcomes
}
