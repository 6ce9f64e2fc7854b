package sweep

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/outage"
	"github.com/tarsregistry/tarsregistry/store"
)

// Sweeper expires who has gone quiet. Every replica has one; only that of the
// replica with the sweep lease does anything. Its methods may be called
// concurrently.
type Sweeper struct {
	options Options
	now     func() time.Time // with a monotonic reading (R16)
	wake    chan struct{}
	stop    context.CancelFunc
	done    chan struct{}
	started sync.Once

	round      sync.Mutex // one sweep at a time; guards what follows
	conditions *conditions
	guard      *guard
	legacy     *legacy
	outage     outage.Log // of whole rounds
	changes    outage.Log // of changes

	mu         sync.Mutex
	stats      Stats
	protection Protection
}

// New makes a sweeper. It sweeps when Sweep is called, and by itself from Start
// to Close.
func New(options Options) *Sweeper {
	options.setDefaults()
	return &Sweeper{
		options: options, now: time.Now, wake: make(chan struct{}, 1),
		conditions: newConditions(), guard: newGuard(options), legacy: newLegacy(),
		outage:  outage.Log{What: "sweeping"},
		changes: outage.Log{What: "expiring some instances"},
	}
}

// Sweep does one round. With dryRun it reads and judges, and changes nothing:
// neither the database, the sweep lease included, nor what this sweeper has
// observed so far.
//
// A lease expires when all conditions of R18 are met and protection does not hold
// it (R20). The error is that of the first reading that failed; what could not be
// changed is counted in the report and tried again.
func (s *Sweeper) Sweep(ctx context.Context, dryRun bool) (Report, error) {
	s.round.Lock()
	defer s.round.Unlock()
	if dryRun {
		return s.try(ctx)
	}
	lease, err := s.hold(ctx)
	if err != nil {
		return Report{}, err
	}
	s.conditions.holding(lease, s.now())
	if !lease.Held {
		s.guard.reset()
		s.legacy.reset()
		report := Report{Skipped: fmt.Sprintf("replica %s sweeps", lease.Holder)}
		s.note(lease, report)
		return report, nil
	}
	plan, err := s.look(ctx, lease, s.conditions, s.guard)
	if err != nil {
		return Report{}, err
	}
	done, errs := inParallel(ctx, plan.leases, func(ctx context.Context, lease store.LeaseAge) (bool, error) {
		return s.options.Expirer.Expire(ctx, lease, expiryOf(lease).Reason)
	})
	plan.failed(errs)
	for _, lease := range done {
		plan.Expired = append(plan.Expired, expiryOf(lease))
	}
	s.guard.departed(done, s.now())
	if plan.judged {
		plan.failed(s.handOver(ctx, lease))
	}
	s.sweepLegacy(ctx, &plan)
	s.changes.Report(s.options.Logger, plan.err)
	s.note(lease, plan.Report)
	return plan.Report, nil
}

// handOver notes in the database that protection came on or ended, so that a
// replica which takes the sweep over goes on with it (R20).
func (s *Sweeper) handOver(ctx context.Context, lease store.SweepLease) []error {
	on := s.guard.episode != nil
	if on == (lease.Protected >= 0) {
		return nil
	}
	if err := s.options.Store.SetProtected(ctx, on); err != nil {
		return []error{fmt.Errorf("hand protection over: %w", err)}
	}
	return nil
}

// try judges on copies of what was observed.
func (s *Sweeper) try(ctx context.Context) (Report, error) {
	lease := store.SweepLease{Held: !s.conditions.held.IsZero(), Release: -1, Protected: -1}
	plan, err := s.look(ctx, lease, s.conditions.clone(), s.guard.clone())
	if err != nil {
		return Report{}, err
	}
	plan.DryRun = true
	if !lease.Held && plan.Skipped == "" {
		plan.Skipped = "another replica sweeps"
	}
	for _, lease := range plan.leases {
		plan.Expired = append(plan.Expired, expiryOf(lease))
	}
	return plan.Report, nil
}

func (s *Sweeper) hold(ctx context.Context) (store.SweepLease, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	lease, err := s.options.Store.HoldSweep(ctx, holdIntervals*s.options.Interval)
	if err != nil {
		return lease, fmt.Errorf("take the sweep lease: %w", err)
	}
	return lease, nil
}

// plan is a report with what it leads to.
type plan struct {
	Report
	leases []store.LeaseAge // to expire
	steady bool             // nothing speaks against looking at what has no lease
	judged bool             // protection was decided on
	err    error            // the first one of a change
}

// failed takes the errors of changes that will be tried again.
func (p *plan) failed(errs []error) {
	p.Failed += len(errs)
	if len(errs) > 0 && p.err == nil {
		p.err = errs[0]
	}
}

func expiryOf(lease store.LeaseAge) Expiry {
	return Expiry{
		Key: lease.Key, Silent: lease.Age,
		Reason: fmt.Sprintf("no heartbeat for %s, the lease time is %s",
			lease.Age.Round(time.Second), lease.Duration.Round(time.Second)),
	}
}

// look reads and judges.
func (s *Sweeper) look(ctx context.Context, lease store.SweepLease, c *conditions, g *guard) (plan, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	before := s.now()
	read, err := s.options.Store.ReadSweep(ctx)
	if err != nil {
		return plan{}, fmt.Errorf("read the leases: %w", err)
	}
	now := s.now()
	took := now.Sub(before)
	marks, err := s.options.Store.FlushMarks(ctx)
	if err != nil {
		return plan{}, fmt.Errorf("read the flush marks: %w", err)
	}
	p := plan{Report: Report{Overdue: len(read.Overdue)}}
	f := judgeMarks(marks, s.options.Replica)
	if problem := c.clock(read, now); problem != "" {
		p.Skipped = problem
	} else if !f.own {
		p.Skipped = "this replica has not flushed its heartbeats lately"
	}
	if p.Skipped != "" {
		g.unwell(p.Skipped)
		p.Waiting = len(read.Overdue)
		return p, nil
	}
	c.sight(read.Overdue, now)
	_, holds := f.holdsUp(naming.NodeTimeout)
	p.steady = !holds
	ready := p.ready(read.Overdue, c, f, now)
	p.leases, p.Held = g.judge(newView(read, lease, f, took), ready, now)
	p.judged = true
	return p, nil
}

// ready gives the overdue leases that meet the conditions of R18.
func (p *plan) ready(overdue []store.LeaseAge, c *conditions, f flushed, now time.Time) []store.LeaseAge {
	var ready []store.LeaseAge
	for _, lease := range overdue {
		if !c.met(lease, now) {
			p.Waiting++
			continue
		}
		if replica, holds := f.holdsUp(lease.Duration); holds {
			p.Waiting++
			p.Skipped = fmt.Sprintf("replica %s has not flushed its heartbeats lately", replica)
			continue
		}
		ready = append(ready, lease)
	}
	return ready
}

// inParallel makes a change to each, a few at a time so that they share
// transactions, and gives those that were changed.
func inParallel[T any](ctx context.Context, list []T, change func(context.Context, T) (bool, error)) (changed []T, failed []error) {
	ctx, cancel := context.WithTimeout(ctx, expireTimeout)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	work := make(chan T)
	for range min(expirers, len(list)) {
		wg.Go(func() {
			for one := range work {
				done, err := change(ctx, one)
				mu.Lock()
				if err != nil {
					failed = append(failed, err)
				} else if done {
					changed = append(changed, one)
				}
				mu.Unlock()
			}
		})
	}
	for _, one := range list {
		work <- one
	}
	close(work)
	wg.Wait()
	return changed, failed
}

// note keeps the figures, and what is shown of protection.
func (s *Sweeper) note(lease store.SweepLease, report Report) {
	protection := s.guard.snapshot(report.Held, s.now())
	s.mu.Lock()
	before := s.protection
	s.protection = protection
	s.stats.Sweeping, s.stats.Holder = lease.Held, lease.Holder
	s.stats.Sweeps++
	if report.Skipped != "" {
		s.stats.Skipped++
	}
	s.stats.Expired += uint64(len(report.Expired))
	s.stats.Overdue, s.stats.Held = report.Overdue, len(report.Held)
	s.mu.Unlock()
	s.tell(report, before, protection)
}
