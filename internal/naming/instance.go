package naming

import "slices"

// Instance is everything the tables say about one server on one node. A nil
// part has no row.
type Instance struct {
	Key
	Server   *Server
	Adapters []Adapter // by name
	Lease    *Lease
	// Torn says that rows of a live pod were seen to have been deleted by somebody
	// else, so that its next heartbeat looks and brings them back (R13).
	Torn bool
}

// Revision is the lease's, 0 without one.
func (i *Instance) Revision() int64 {
	if i.Lease == nil {
		return 0
	}
	return i.Lease.Revision
}

// Live says that a pod holds the instance by a lease that has not ended.
func (i *Instance) Live() bool { return i.Lease != nil && i.Lease.State == LeaseLive }

// FlowOff says whether the instance is kept from clients although it is active
// (R12): by flow_state; where the table has none, by the lease or, as of old, by
// grid_flag.
func (i *Instance) FlowOff() bool {
	if i.Server == nil {
		return false
	}
	if i.Server.FlowState != "" {
		return i.Server.FlowState == Inactive
	}
	return i.Server.GridFlag == "NO_FLOW" || (i.Lease != nil && i.Lease.FlowOffBy != "")
}

// Serving says that clients get the instance as active: wanted, present and
// with flow (routing.md, "Which rows become endpoints").
func (i *Instance) Serving() bool {
	return i.Server != nil && i.Server.SettingState == Active &&
		i.Server.PresentState == Active && !i.FlowOff()
}

// Clone gives a copy that shares nothing that is ever changed.
func (i *Instance) Clone() *Instance {
	c := *i
	c.Adapters = slices.Clone(i.Adapters)
	if i.Server != nil {
		server := *i.Server
		c.Server = &server
	}
	if i.Lease != nil {
		lease := *i.Lease
		c.Lease = &lease
	}
	return &c
}

// Server is a row of t_server_conf as far as naming goes. Columns may be NULL
// whatever the original schema says; NULL reads as the zero value.
type Server struct {
	ID           int64
	Stamp        string // registry_timestamp as text: compared for change, never parsed
	SettingState State
	PresentState State
	FlowState    State  // "": the table has no flow_state, or it is NULL
	GridFlag     string // "": the table has no grid_flag
	BakFlag      int32
	EnableSet    bool
	SetName      string
	SetArea      string
	SetGroup     string
	EnableGroup  bool
	IPGroupName  string
	TemplateName string
	ServerType   string
	Version      string // patch_version
	ProcessID    int32
	MetricsPort  int32 // metrics_port, which the registry before this one wrote; 0: none, or no such column
}

// SetID is name.area.group as it stands in the columns, "" when the instance is
// in no set. Routing sends it even when a part is empty.
func (s *Server) SetID() string {
	if !s.EnableSet {
		return ""
	}
	return s.SetName + "." + s.SetArea + "." + s.SetGroup
}

// Adapter is a row of t_adapter_conf: a servant's listening endpoint.
type Adapter struct {
	ID             int64
	Stamp          string // registry_timestamp as text: compared for change, never parsed
	Name           string // adapter_name, by convention <servant>Adapter
	Servant        string
	Endpoint       string
	Protocol       string
	ThreadNum      int32
	MaxConnections int32
	QueueCap       int32
	QueueTimeout   int32 // ms
}

// Node is a row of t_node_info.
type Node struct {
	Name         string
	Object       string // node_obj: proxy string of tarsnode, port 0 where there is none
	EndpointIP   string
	EndpointPort int32
	SettingState State
	PresentState State
	TemplateName string
	Version      string
	Heartbeat    string // last_heartbeat as text: compared for change, never parsed
}
