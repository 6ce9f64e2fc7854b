package store

import (
	"context"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Scope says what a write transaction reads, locks and may change. Locks are
// taken in one order, lease rows first (R30).
type Scope struct {
	// Keys are instances that are loaded whole: lease, server row, adapters,
	// and the node's row.
	Keys []naming.Key
	// Nodes are nodes all of whose leases are loaded (and whose row in
	// t_node_info is). The node of every key is among them by itself.
	Nodes []string
}

// Commit is what a transaction has changed, as it stands in the tables now.
type Commit struct {
	Instances  []*naming.Instance // whole, with ids; a removed one has Server nil
	Events     []naming.Event
	Tombstones []naming.Tombstone
}

// Beat is one heartbeat that is to be written.
type Beat struct {
	LeaseID  int64
	Revision int64         // as the book knows it
	Age      time.Duration // how long ago it arrived
	Interval time.Duration // see naming.Lease
	Duration time.Duration // lease time (R17)
}

// Snapshot is everything that look-ups need, read in one consistent view.
type Snapshot struct {
	Instances  []*naming.Instance
	Nodes      []naming.Node
	Rules      []naming.GroupRule
	Priorities []naming.GroupPriority
	Registries []naming.RegistryEntry
	Tombstones []naming.Tombstone
}

// writer is the shape of the write path; *Store is its only implementation.
type writer interface {
	// Update runs fn on what scope names and writes what it changed, in one
	// transaction at READ COMMITTED that lasts 3 s at most. fn may be run again
	// from the start after a deadlock, and must therefore be idempotent (R30).
	// What fn returns as an error rolls back and is returned as it is.
	Update(ctx context.Context, scope Scope, fn func(*Tx) error) (*Commit, error)
	// Flush writes heartbeats in chunks of 500 in id order (R19) and returns the
	// beats whose lease has another revision or is no longer live.
	Flush(ctx context.Context, beats []Beat) (unexpected []Beat, err error)
}
