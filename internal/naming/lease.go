package naming

import "time"

// Kind says how much an identity is worth.
type Kind string

// The kinds of identity (extensions.md). A pod's UID is known and its address
// its own; a host shares its address with others.
const (
	KindNone Kind = ""
	KindPod  Kind = "pod"
	KindHost Kind = "host"
)

// Identity tells one life of a pod from another on the same name. The zero value
// is that of callers which do not say who they are.
type Identity struct {
	UID  string
	Kind Kind
}

// IsZero says that the caller did not tell who it is.
func (i Identity) IsZero() bool { return i.UID == "" }

// LeaseState is where a lease is in its life (R1).
type LeaseState string

// The states of a lease. Live: beats arrive. Expired: they stopped arriving.
// Left: the pod said good-bye, or an operator or a successor ended it. Cleaned:
// its rows were removed for good, the registration is kept for a while.
const (
	LeaseLive    LeaseState = "live"
	LeaseExpired LeaseState = "expired"
	LeaseLeft    LeaseState = "left"
	LeaseCleaned LeaseState = "cleaned"
)

// Who turned the flow off (R12); empty: nobody.
const (
	FlowOffByPod      = "pod"
	FlowOffByOperator = "operator"
)

// Lease is what the registry itself knows of an instance that a pod registered:
// a row of t_registry_lease (R1).
type Lease struct {
	ID       int64 // 0: not stored yet
	Identity Identity
	State    LeaseState
	Revision int64 // grows by one in every transaction that touches the instance
	Reported State
	// Sequence is the number of the last state report that was taken; 0: the
	// client does not number them.
	Sequence int64
	// Interval is how far apart the heartbeats are: told by the client, else
	// the longest distance seen. 0: not known.
	Interval time.Duration
	// IntervalTold says that the client itself told the interval.
	IntervalTold bool
	// Duration is the lease time (R17): without a heartbeat for so long the
	// lease is overdue.
	Duration    time.Duration
	MetricsPort int32 // 0: none registered
	WorkerID    int64 // -1: none
	FlowOffBy   string
	// HeartbeatAge is how old the last heartbeat was, by the database's clock,
	// when the row was read. When the row is written it says how old the beat
	// that it writes is.
	HeartbeatAge time.Duration
	// Heartbeat is the stored stamp as text: to be compared for change, never
	// parsed (R16).
	Heartbeat string
	// StateAge is how long ago the lease came into its state, as of the read.
	StateAge     time.Duration
	Registration *Registration // what the last onStartup said
}

// Lease times of R17 that no setting changes.
const (
	// UnknownIntervalLease holds for clients that do not tell their interval,
	// until three beats were seen. It is the C++ registry's node timeout.
	UnknownIntervalLease = 250 * time.Second
	// NodeTimeout ends what has no lease: hosts with tarsnode, and pods of the
	// time before leases (R2).
	NodeTimeout = 250 * time.Second
	// MaxInterval is the longest heartbeat interval that is believed.
	MaxInterval = 10 * time.Minute
)

// LeaseTime is how long an instance with this interval may be silent (R17).
func LeaseTime(ttl, interval time.Duration) time.Duration {
	return max(ttl, 3*min(interval, MaxInterval))
}
