package sweep

import (
	"context"
	"log/slog"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// Store is what a sweep reads; *store.Store is it.
type Store interface {
	HoldSweep(ctx context.Context, ttl time.Duration) (store.SweepLease, error)
	DropSweep(ctx context.Context) error
	SetProtected(ctx context.Context, on bool) error
	ReadSweep(ctx context.Context) (*store.Sweep, error)
	FlushMarks(ctx context.Context) ([]store.FlushMark, error)
}

// Legacy is what a sweep reads of what has no lease (R2); *store.Store is it.
type Legacy interface {
	UnleasedPods(ctx context.Context) ([]*naming.Instance, error)
	SilentNodes(ctx context.Context, timeout time.Duration) ([]store.SilentNode, error)
}

// Expirer makes the change, commits and publishes it. Each method says whether
// the rows were still as they had been read, and were changed. They are called
// by a few goroutines at once.
type Expirer interface {
	// Expire ends a lease on the condition that revision and heartbeat are what
	// was read, so that sweeper against flusher is decided by the row (R18).
	Expire(ctx context.Context, lease store.LeaseAge, reason string) (bool, error)
	// ExpireUnleased makes a pod-like row without a lease inactive.
	ExpireUnleased(ctx context.Context, key naming.Key, reason string) (bool, error)
	// ExpireNode makes a machine with tarsnode and its servers inactive.
	ExpireNode(ctx context.Context, node store.SilentNode, reason string) (bool, error)
}

// Options of a Sweeper. The zero value of a duration means its default.
type Options struct {
	Store   Store
	Legacy  Legacy // nil: what has no lease is left alone
	Expirer Expirer
	// Replica is the name of this replica's flush mark.
	Replica string
	// Serving says whether clients get the instance as active, so that
	// protection can let the last such of an object go last (R20). Nil: what
	// the pod reported last counts.
	Serving func(naming.Key) bool
	// LeaseTTL is the shortest lease time (R17).
	LeaseTTL time.Duration
	// Interval between two sweeps, 5 s.
	Interval time.Duration
	// Slow is how long the database may take to be read for its health to be
	// proven (R20), 1 s.
	Slow   time.Duration
	Logger *slog.Logger
}

// The times of R18 and R2 that no setting changes.
const (
	// sightingGap is how far apart the two sweeps are, at least, that must have
	// read the same last heartbeat.
	sightingGap = 10 * time.Second
	// clockTolerance is how far the database's clock and ours may differ in
	// what has passed since the last sweep.
	clockTolerance = 5 * time.Second
	// flushedLately is how old the flush mark of a replica that flushes every 2 s
	// may be, and soonestSilent what is allowed for the shortest leases.
	flushedLately = 10 * time.Second
	soonestSilent = 5 * time.Second
)

const (
	defaultInterval = 5 * time.Second
	defaultSlow     = time.Second
	// holdIntervals is for how many intervals the sweep lease is taken.
	holdIntervals = 4
	// statementTimeout bounds each reading.
	statementTimeout = 5 * time.Second
	// expireTimeout bounds the changes of one sweep; what is left is for the
	// next.
	expireTimeout = 10 * time.Second
	// expirers is how many changes are under way at once.
	expirers = 16
)

func (o *Options) setDefaults() {
	if o.Interval == 0 {
		o.Interval = defaultInterval
	}
	if o.Slow == 0 {
		o.Slow = defaultSlow
	}
	if o.LeaseTTL == 0 {
		o.LeaseTTL = 95 * time.Second
	}
}
