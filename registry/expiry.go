package registry

import (
	"context"
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/commit"
	"github.com/tarsregistry/tarsregistry/registry/roster"
	"github.com/tarsregistry/tarsregistry/registry/sweep"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// expirer makes the changes that a sweep decides on.
type expirer struct{ r *Registry }

// Expire ends a lease that still stands as it was read (R18).
func (e expirer) Expire(ctx context.Context, lease store.LeaseAge, reason string) (bool, error) {
	seen := transition.Seen{Key: lease.Key, Revision: lease.Revision, Heartbeat: lease.Heartbeat}
	return e.change(ctx, lease.Key, func(tx *store.Tx) transition.Outcome {
		return transition.Expire(tx, seen, reason)
	})
}

// ExpireUnleased marks a row inactive that pods left before there were leases
// (R2).
func (e expirer) ExpireUnleased(ctx context.Context, key naming.Key, reason string) (bool, error) {
	return e.change(ctx, key, func(tx *store.Tx) transition.Outcome {
		return transition.ExpireUnleased(tx, key, reason)
	})
}

// ExpireNode marks a machine inactive whose tarsnode has gone silent (R2).
func (e expirer) ExpireNode(ctx context.Context, node store.SilentNode, reason string) (bool, error) {
	done, err := e.r.store.ExpireNode(ctx, node, reason)
	if err != nil {
		return false, fmt.Errorf("expire node %s: %w", node.Node.Name, err)
	}
	if done == nil {
		return false, nil
	}
	e.r.publish(done)
	return len(done.Instances)+len(done.Nodes) > 0, nil
}

func (e expirer) change(ctx context.Context, key naming.Key, run func(*store.Tx) transition.Outcome) (bool, error) {
	var outcome transition.Outcome
	err := e.r.committer.Do(ctx, commit.Op{
		Scope: store.Scope{Keys: []naming.Key{key}},
		Run: func(tx *store.Tx) error {
			outcome = run(tx)
			return nil
		},
	})
	if err != nil {
		return false, fmt.Errorf("expire %s: %w", key, err)
	}
	return outcome.Changed, nil
}

// legacy reads what has no lease.
type legacy struct {
	*store.Store
	roster *roster.Roster
}

// UnleasedPods asks the database only where memory knows of rows without a lease:
// to find that there are none it would look up 100,000 leases every five seconds.
func (l legacy) UnleasedPods(ctx context.Context) ([]*naming.Instance, error) {
	if !l.roster.Has(unleased) {
		return nil, nil
	}
	return l.Store.UnleasedPods(ctx)
}

// unleased says that an instance is not inactive and no lease that still stands
// keeps it (R2).
func unleased(instance *naming.Instance) bool {
	if instance.Server == nil || instance.Server.PresentState == naming.Inactive {
		return false
	}
	lease := instance.Lease
	return lease == nil || lease.State != naming.LeaseLive && lease.State != naming.LeaseExpired
}

func (r *Registry) newSweeper() *sweep.Sweeper {
	return sweep.New(sweep.Options{
		Store: r.store, Legacy: legacy{r.store, r.roster}, Expirer: expirer{r}, Replica: r.replica,
		LeaseTTL: r.options.LeaseTTL, Logger: r.logger,
		Serving: func(key naming.Key) bool {
			instance := r.roster.Get(key)
			return instance != nil && instance.Serving()
		},
	})
}
