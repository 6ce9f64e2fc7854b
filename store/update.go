package store

import (
	"context"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Scope says what a write transaction reads and locks at its start. Locks are
// taken in one order, lease rows first (R30).
type Scope struct {
	// Keys are instances that are loaded whole: lease, server row, adapters. The
	// leases on their nodes, and the nodes' rows, are read as well.
	Keys []naming.Key
	// Nodes are nodes whose leases are locked and whose instances with a live
	// or expired lease are loaded whole.
	Nodes []string
}

// Commit is what a transaction has changed, as it stands in the tables now.
type Commit struct {
	Instances  []*naming.Instance // whole, with ids and stamps; a removed one has Server nil
	Nodes      []naming.Node      // rows that were written
	NodesGone  []string           // rows that were deleted
	Events     []naming.Event     // without ids and times
	Tombstones []naming.Tombstone // made
	// TombstonesGone are ids of tombstones whose endpoint registered again (R25).
	TombstonesGone []int64
}

// Update runs fn on what scope names and writes the differences that fn made, in
// one transaction at READ COMMITTED that lasts 3 s at most (R22).
//
// fn may be run again from the start, on freshly read rows, after a deadlock or
// another refusal of the database; it must therefore keep nothing of an earlier
// run (R30). What fn returns as an error rolls back and is returned as it is. A
// transaction in which nothing was put writes nothing and gives an empty Commit.
func (s *Store) Update(ctx context.Context, scope Scope, fn func(*Tx) error) (*Commit, error) {
	return nil, errNotYet
}

// Tx is what a closure of Update sees of its transaction: the rows as they were
// read, with what the closure has put laid over them. It is for one goroutine.
type Tx struct{}

// Instance is what the transaction holds of key: never nil, a part without a row
// is nil. It is shared: change a Clone and Put that. An instance that the scope
// does not name is read now; if that fails Update fails.
func (t *Tx) Instance(key naming.Key) *naming.Instance { return nil }

// LeasesOn gives the instances with a live or expired lease on a node, and those
// that this transaction put there, in the order of their keys. Those that were not
// loaded whole (Scope.Nodes, Keys, Load) have a Lease only.
func (t *Tx) LeasesOn(node string) []*naming.Instance { return nil }

// Node is the row of t_node_info, nil where there is none. It is shared.
func (t *Tx) Node(name string) *naming.Node { return nil }

// Load brings further instances into the transaction and locks their leases.
func (t *Tx) Load(keys ...naming.Key) error { return errNotYet }

// Put makes the instance's rows what is given and records why. Server nil deletes
// the server row, its adapters and the config files of this host; otherwise the
// adapters are the whole truth. A nil Lease leaves a lease row as it is.
//
// The store fills in what it alone knows: ids and stamps, the lease's revision
// (+1 once a transaction), the event's key, revision, replica and time, and the
// tombstones. Of rows that exist only the columns that differ are written, and
// registry_timestamp with them (R4); for naming.EventRegistered and
// naming.EventRestored those of the description's onStartup. Of the lease,
// last_heartbeat is written where HeartbeatAge is smaller than it was read, or
// Heartbeat differs; state_since where State differs or StateAge is smaller.
// A Registration that changes must be another pointer.
func (t *Tx) Put(instance *naming.Instance, event naming.Event) {}

// PutNode makes a node's row what is given. A row whose node_obj has a port is
// never touched (R3).
func (t *Tx) PutNode(node naming.Node) {}

// DeleteNode removes a node's row, unless its node_obj has a port.
func (t *Tx) DeleteNode(name string) {}

// FreeWorkerID is the smallest number from 0 up to, not including, limit that no
// other instance of the key's server holds (R35); false when all are taken.
func (t *Tx) FreeWorkerID(key naming.Key, limit int64) (int64, bool, error) {
	return 0, false, errNotYet
}

// Mark is a point in a transaction's memory.
type Mark struct{}

// Mark notes what has been put so far, so that it can be gone back to.
func (t *Tx) Mark() Mark { return Mark{} }

// Undo forgets everything that was put since the mark, so that one request of a
// group commit can fail without its neighbours.
func (t *Tx) Undo(mark Mark) {}
