package store

import (
	"context"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Stale is what the clean job would remove.
type Stale struct {
	// Instances are pods' instances that have been inactive for too long, with
	// or without a lease.
	Instances []naming.Key
	// Nodes are pods' nodes without any instance.
	Nodes []string
}

// Cleanable lists what pods left behind longer than olderThan ago: instances
// whose lease expired, unleased ones on nodes without tarsnode, adapters without
// a server row, and nodes without a server row and live lease. Never anything of
// a machine with tarsnode. limit bounds the list; 0: no bound.
func (s *Store) Cleanable(ctx context.Context, olderThan time.Duration, limit int) (*Stale, error) {
	return nil, errNotYet
}

// Retention says how long what is past is kept.
type Retention struct {
	Events time.Duration // t_registry_event (R22: 7 days)
	Leases time.Duration // leases that have left or were cleaned (R5: 7 days)
	Marks  time.Duration // flush marks of replicas that are no more
}

// Pruned counts the rows that Prune removed.
type Pruned struct {
	Events, Leases, Tombstones, Marks, Locks int64
}

// Prune removes what is older than it is kept, and tombstones past their time, in
// chunks of a bounded number of rows.
func (s *Store) Prune(ctx context.Context, retention Retention) (Pruned, error) {
	return Pruned{}, errNotYet
}
