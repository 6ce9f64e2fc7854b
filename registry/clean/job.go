package clean

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tarsregistry/tarsregistry/store"
)

// roundTimeout bounds one round of the job.
const roundTimeout = 5 * time.Minute

// Start cleans and prunes every interval until Close.
func (c *Cleaner) Start() {
	c.started.Do(func() {
		ctx, stop := context.WithCancel(context.Background())
		c.stop, c.done = stop, make(chan struct{})
		go c.run(ctx)
	})
}

func (c *Cleaner) run(ctx context.Context) {
	defer close(c.done)
	ticker := time.NewTicker(c.options.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if c.options.Leading() {
				c.outage.Report(c.options.Logger, c.job(ctx))
			}
		}
	}
}

// job is one round: clean, then prune, the one whether the other fails or not.
func (c *Cleaner) job(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	report, err := c.Clean(ctx, Request{})
	if failed := report.Failed(); err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d servers and nodes could not be removed", failed, len(report.Servers)+len(report.Nodes))
	}
	if len(report.Servers)+len(report.Nodes) > 0 {
		c.options.Logger.Info("cleaned", slog.Int("servers", len(report.Servers)),
			slog.Int("nodes", len(report.Nodes)), slog.String("inactive_since_before", report.Before))
	}
	return errors.Join(err, c.prune(ctx))
}

func (c *Cleaner) prune(ctx context.Context) error {
	pruned, err := c.options.Store.Prune(ctx, store.Retention{
		Events: keepEvents, Leases: keepLeases, Marks: keepMarks,
	})
	if err != nil {
		return fmt.Errorf("prune what is past: %w", err)
	}
	if pruned != (store.Pruned{}) {
		c.options.Logger.Debug("pruned", slog.Int64("events", pruned.Events), slog.Int64("leases", pruned.Leases),
			slog.Int64("tombstones", pruned.Tombstones), slog.Int64("marks", pruned.Marks), slog.Int64("locks", pruned.Locks))
	}
	return nil
}

// Close stops the job, what it is doing included. ctx bounds the wait.
func (c *Cleaner) Close(ctx context.Context) error {
	c.started.Do(func() {}) // it cannot be started any more
	if c.stop == nil {
		return nil
	}
	c.stop()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the clean job: %w", context.Cause(ctx))
	}
}
