package naming

// EventKind says what happened to an instance.
type EventKind string

// The kinds of events (R22).
const (
	EventRegistered   EventKind = "registered"
	EventState        EventKind = "state"
	EventRevived      EventKind = "revived"
	EventRestored     EventKind = "restored"
	EventAdopted      EventKind = "adopted"
	EventLeft         EventKind = "left"
	EventEnded        EventKind = "ended"
	EventExpired      EventKind = "expired"
	EventCleaned      EventKind = "cleaned"
	EventFlow         EventKind = "flow"
	EventMetrics      EventKind = "metrics"
	EventDeregistered EventKind = "deregistered"
)

// Event is one transition of one instance: a row of t_registry_event, written
// in the transaction that makes the change. It is the feed of the other
// replicas, the change feed of the API and the history that operators read.
type Event struct {
	ID       int64
	Key      Key
	Kind     EventKind
	State    State // present_state after it, "" when the instance is gone
	Reason   string
	Actor    string // the pod's address, an operator, "sweep", "clean"
	Revision int64
	Replica  string // the registry replica that wrote it
	Time     string // the database's UTC time, RFC 3339 with microseconds
}

// Tombstone is an endpoint that was handed out lately and has been removed: it
// stays in the inactive lists for a while, so that clients finish their calls
// instead of cutting the connection (R25).
type Tombstone struct {
	ID      int64
	Key     Key
	Server  Server // the instance's last row: set, groups and bak flag count
	Adapter Adapter
	AgeMS   int64 // by the database's clock when it was read
}

// GroupRule is a row of t_server_group_rule: an IP group.
type GroupRule struct {
	ID        int32
	Name      string
	AllowRule string // allow_ip_rule
}

// GroupPriority is a row of t_group_priority: groups that back each other up.
type GroupPriority struct {
	ID        int32
	Groups    string // group_list
	Order     int32
	Station   string
	GroupName string // name
}

// RegistryEntry is a row of t_registry_info: a servant of a registry replica,
// ours or a C++ one's.
type RegistryEntry struct {
	Locator      string // locator_id, host:port of the replica's QueryObj
	Servant      string
	Endpoint     string
	PresentState State
	EnableGroup  bool
	Version      string
	Heartbeat    string // last_heartbeat as text: compared for change, never parsed
}
