package store

import (
	"context"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// SweepLease is who may sweep (R18), by the database's clock.
type SweepLease struct {
	Held    bool // by the asking replica
	Holder  string
	HeldFor time.Duration // how long the holder has had it without a gap
	// Release is how long ago an operator released the protection (R20), and
	// by whom; negative: never, or withdrawn.
	Release   time.Duration
	ReleaseBy string
}

// HoldSweep takes the sweep lease for ttl, or renews it, where no other replica
// has it.
func (s *Store) HoldSweep(ctx context.Context, ttl time.Duration) (SweepLease, error) {
	return SweepLease{}, errNotYet
}

// DropSweep gives the sweep lease back, when stopping.
func (s *Store) DropSweep(ctx context.Context) error { return errNotYet }

// ReleaseProtection notes that an operator lets the sweep go on (R20). The
// replica that sweeps finds it in its next HoldSweep.
func (s *Store) ReleaseProtection(ctx context.Context, actor string) error { return errNotYet }

// LeaseAge is a live lease as the sweep reads it.
type LeaseAge struct {
	ID        int64
	Key       naming.Key
	Revision  int64
	Heartbeat string        // stamp as text, to be compared for change
	Age       time.Duration // of the last heartbeat, by the database's clock
	Duration  time.Duration // lease time (R17)
}

// Overdue says that by the database's clock the lease has run out.
func (l LeaseAge) Overdue() bool { return l.Age > l.Duration }

// Sweep is the sweep's view of the leases, in one read.
type Sweep struct {
	// Clock is the database's clock: microseconds since 1970. Only differences
	// between two reads mean anything (R18).
	Clock time.Duration
	// Server is the identity of the database server, where it has one: clocks
	// of different servers are not compared.
	Server string
	// Overdue are the live leases that have run out, by id.
	Overdue []LeaseAge
	// Fresh are the live leases that were renewed within the last two lease
	// times, overdue ones included: what protection counts (R20).
	Fresh []LeaseAge
}

// ReadSweep reads what a sweep decides on.
func (s *Store) ReadSweep(ctx context.Context) (*Sweep, error) { return nil, errNotYet }

// UnleasedPods gives the instances with a server row that is not inactive, on
// nodes whose node_obj has port 0, that have no lease (R2). The server row's stamp
// is with them, to be compared for change.
func (s *Store) UnleasedPods(ctx context.Context) ([]*naming.Instance, error) {
	return nil, errNotYet
}

// SilentNode is a node with tarsnode whose heartbeats have stopped.
type SilentNode struct {
	Node    naming.Node
	Age     time.Duration // of its last heartbeat, by the database's clock
	Servers []naming.Key  // rows there that are not inactive
}

// SilentNodes gives active nodes with tarsnode without a heartbeat for longer than
// timeout (naming.NodeTimeout).
func (s *Store) SilentNodes(ctx context.Context, timeout time.Duration) ([]SilentNode, error) {
	return nil, errNotYet
}

// ExpireNode makes a silent node, and the servers there without a lease,
// inactive, where its heartbeat is still the one that was read.
func (s *Store) ExpireNode(ctx context.Context, silent SilentNode, reason string) (*Commit, error) {
	return nil, errNotYet
}
