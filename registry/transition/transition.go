package transition

import (
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Tx is what a transition sees of a write transaction; *store.Tx is it.
type Tx interface {
	// Instance is what the transaction now holds of key; never nil, without a
	// part where there is no row. Callers change a Clone and Put it.
	Instance(key naming.Key) *naming.Instance
	// LeasesOn gives the instances with a lease on a node.
	LeasesOn(node string) []*naming.Instance
	// Node is the row of t_node_info, nil where there is none.
	Node(name string) *naming.Node
	// Load brings further instances into the transaction.
	Load(keys ...naming.Key) error
	// Put makes the instance's rows what is given and records why.
	Put(instance *naming.Instance, event naming.Event)
	// PutNode makes a node's row what is given.
	PutNode(node naming.Node)
	// DeleteNode removes a node's row, unless the node has tarsnode.
	DeleteNode(name string)
}

// Action is what the answer asks of the pod (extensions.md, tars-action).
type Action string

// The actions. None: all is well.
const (
	None       Action = ""
	Register   Action = "register"   // not known: register again
	Left       Action = "left"       // ended; only onStartup revives it
	Superseded Action = "superseded" // another identity holds the name
)

// Outcome is what a transition did.
type Outcome struct {
	Action Action
	// Changed says that rows were changed, so that there is something to commit.
	Changed bool
	// Ended counts other instances that had to make room (R9).
	Ended int
}

// Caller is who asks, as its context tells (extensions.md).
type Caller struct {
	Identity naming.Identity
	// Interval is how far apart its heartbeats are, 0 where it does not tell.
	Interval time.Duration
	// Sequence numbers its state reports, 0 where it does not.
	Sequence int64
	// Age is how long ago the heartbeat arrived; not 0 only for one that was
	// answered from memory and is written later (R19).
	Age time.Duration
	// Actor is what events name: the caller's address, or an operator.
	Actor string
}

// Rules are the settings that transitions depend on.
type Rules struct {
	// LeaseTTL is the shortest lease time (R17).
	LeaseTTL time.Duration
}

// How long an ended instance is remembered.
const (
	// LeftMemory is how long a lease that has left is answered with `left` (R5).
	LeftMemory = 10 * time.Minute
	// CleanedMemory is how long a cleaned instance can be restored (R5).
	CleanedMemory = 7 * 24 * time.Hour
	// DefaultMetricsPort stands for port 0 in registerMetrics (R14).
	DefaultMetricsPort = 9325
)

// held says that the lease is another's: only the identity that holds a lease
// may speak for it, and saying nothing is an identity of its own (R6).
func held(lease *naming.Lease, caller Caller) bool {
	return lease.Identity.UID != caller.Identity.UID
}

// settleInterval notes what the client tells of its heartbeats; a client that
// tells nothing has the long lease until its beats were seen (R17).
func (r Rules) settleInterval(lease *naming.Lease, caller Caller) {
	if caller.Interval > 0 {
		lease.Interval = min(caller.Interval, naming.MaxInterval)
		lease.IntervalTold = true
		lease.Duration = naming.LeaseTime(r.LeaseTTL, lease.Interval)
		return
	}
	lease.Interval = 0
	lease.IntervalTold = false
	lease.Duration = max(r.LeaseTTL, naming.UnknownIntervalLease)
}

// remembered treats what is no longer remembered as never known (R5).
func remembered(lease *naming.Lease) bool {
	if lease == nil {
		return false
	}
	switch lease.State {
	case naming.LeaseLeft:
		return lease.StateAge <= LeftMemory
	case naming.LeaseCleaned:
		return lease.StateAge <= CleanedMemory
	default:
		return true
	}
}
