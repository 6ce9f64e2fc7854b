package sweep

import (
	"context"
	"fmt"
	"time"
)

// Start sweeps every interval until Close.
func (s *Sweeper) Start() {
	s.started.Do(func() {
		ctx, stop := context.WithCancel(context.Background())
		s.stop, s.done = stop, make(chan struct{})
		go s.run(ctx)
	})
}

// Wake has the next sweep done at once: an operator has released protection.
func (s *Sweeper) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // one is due already
	}
}

func (s *Sweeper) run(ctx context.Context) {
	defer close(s.done)
	ticker := time.NewTicker(s.options.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.wake:
		}
		_, err := s.Sweep(ctx, false)
		s.outage.Report(s.options.Logger, err)
	}
}

// Close stops the loop and gives the sweep lease back, so that another replica
// can begin at once. ctx bounds it.
func (s *Sweeper) Close(ctx context.Context) error {
	s.started.Do(func() {}) // it cannot be started any more
	if s.stop != nil {
		s.stop()
		select {
		case <-s.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for the last sweep: %w", context.Cause(ctx))
		}
	}
	if err := s.options.Store.DropSweep(ctx); err != nil {
		return fmt.Errorf("give the sweep lease back: %w", err)
	}
	return nil
}
