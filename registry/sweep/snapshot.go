package sweep

import (
	"log/slog"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Protection is what is shown of it (R20). Only the replica that sweeps knows.
type Protection struct {
	// Sweeping says that this replica sweeps, so that the rest can be believed.
	Sweeping bool
	// Sweeper is the replica that does; "" before the first sweep.
	Sweeper string

	On     bool
	Reason string
	Since  time.Time
	Held   []naming.Key // sorted
	// Draining says that this registry's own health has been proven, so that
	// the overdue expire a few at a time.
	Draining bool
	// Unproven says why it is not proven; "" when that is only a matter of time.
	Unproven string
	// ProvenIn is how long it takes until then if all stays well.
	ProvenIn time.Duration
	// ReleasedBy is the operator who let the sweep go on.
	ReleasedBy string
}

func (g *guard) snapshot(held []naming.Key, now time.Time) Protection {
	e := g.episode
	if e == nil {
		return Protection{}
	}
	p := Protection{
		On: true, Reason: e.reason, Since: e.since, Held: slices.Clone(held),
		Draining: e.draining, Unproven: e.unwell, ReleasedBy: e.released,
	}
	slices.SortFunc(p.Held, naming.Key.Compare)
	if !e.draining && !e.heard.IsZero() {
		p.ProvenIn = max(0, proofTimes*e.longest-now.Sub(e.heard))
	}
	return p
}

// Protection tells the state as of the last sweep.
func (s *Sweeper) Protection() Protection {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.protection
	p.Held = slices.Clone(p.Held)
	p.Sweeping, p.Sweeper = s.stats.Sweeping, s.stats.Holder
	return p
}

// Stats gives the figures so far.
func (s *Sweeper) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// tell logs what has changed: each expiry has an event of its own, so that here
// one line a sweep says enough.
func (s *Sweeper) tell(report Report, before, now Protection) {
	logger := s.options.Logger
	switch {
	case now.On && !before.On:
		logger.Warn("protection is on: nobody expires for now",
			slog.String("reason", now.Reason), slog.Int("held", len(now.Held)))
	case before.On && !now.On:
		logger.Info("protection is off again", slog.Time("since", before.Since))
	case now.ReleasedBy != "" && before.ReleasedBy == "":
		logger.Warn("protection was released", slog.String("by", now.ReleasedBy))
	case now.Draining && !before.Draining:
		logger.Warn("protection lets go a few at a time: this registry has been healthy for two lease times")
	}
	if len(report.Expired) > 0 || report.Failed > 0 {
		logger.Info("swept", slog.Int("expired", len(report.Expired)),
			slog.Int("failed", report.Failed), slog.Int("held", len(report.Held)))
	}
}
