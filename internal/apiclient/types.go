package apiclient

// Page is a part of a list; Next is what to pass as `after` for the next one.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
	Total int    `json:"total"`
}

// Summary counts the instances of an application or a server.
type Summary struct {
	Application string         `json:"application"`
	Server      string         `json:"server,omitempty"`
	Instances   int            `json:"instances"`
	Serving     int            `json:"serving"`
	States      map[string]int `json:"states"`
}

// Instance is one server on one node.
type Instance struct {
	Application  string    `json:"application"`
	Server       string    `json:"server"`
	Node         string    `json:"node"`
	SettingState string    `json:"settingState,omitempty"`
	PresentState string    `json:"presentState,omitempty"`
	Flow         string    `json:"flow"`
	Serving      bool      `json:"serving"`
	Set          string    `json:"set,omitempty"`
	Version      string    `json:"version,omitempty"`
	ServerType   string    `json:"serverType,omitempty"`
	Template     string    `json:"template,omitempty"`
	Adapters     []Adapter `json:"adapters"`
	Lease        *Lease    `json:"lease,omitempty"`
	Events       []Event   `json:"events,omitempty"`
	Missing      string    `json:"missing,omitempty"`
}

// Name is App.Server@node.
func (i *Instance) Name() string { return i.Application + "." + i.Server + "@" + i.Node }

// Adapter is a listening endpoint of an instance.
type Adapter struct {
	Name     string `json:"name"`
	Servant  string `json:"servant"`
	Endpoint string `json:"endpoint"`
	Protocol string `json:"protocol,omitempty"`
}

// Lease is what the registry itself knows of a pod's instance.
type Lease struct {
	State               string  `json:"state"`
	Revision            int64   `json:"revision"`
	Reported            string  `json:"reported"`
	Identity            string  `json:"identity,omitempty"`
	Kind                string  `json:"kind,omitempty"`
	DurationSeconds     float64 `json:"durationSeconds"`
	FlowOffBy           string  `json:"flowOffBy,omitempty"`
	MetricsPort         int32   `json:"metricsPort,omitempty"`
	WorkerID            *int64  `json:"workerId,omitempty"`
	HeartbeatAgeSeconds float64 `json:"heartbeatAgeSeconds,omitempty"`
	StateAgeSeconds     float64 `json:"stateAgeSeconds,omitempty"`
}

// Event is a transition of an instance.
type Event struct {
	ID          int64  `json:"id"`
	Time        string `json:"time"`
	Application string `json:"application"`
	Server      string `json:"server"`
	Node        string `json:"node"`
	Kind        string `json:"kind"`
	State       string `json:"state,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Actor       string `json:"actor,omitempty"`
	Revision    int64  `json:"revision,omitempty"`
}

// Lookup is what a client would be answered, and why.
type Lookup struct {
	Object      string     `json:"object"`
	Code        int32      `json:"code"`
	Step        string     `json:"step"`
	CallerGroup int32      `json:"callerGroup"`
	Endpoints   []Endpoint `json:"endpoints"`
}

// Endpoint is one of an object's, with the reason for its place.
type Endpoint struct {
	Application string `json:"application,omitempty"`
	Server      string `json:"server,omitempty"`
	Node        string `json:"node,omitempty"`
	Host        string `json:"host"`
	Port        int32  `json:"port"`
	Transport   string `json:"transport"`
	TimeoutMS   int32  `json:"timeoutMs"`
	Set         string `json:"set,omitempty"`
	Weight      int32  `json:"weight"`
	List        string `json:"list"`
	Reason      string `json:"reason"`
}

// Registry is a servant of a registry replica.
type Registry struct {
	Locator  string `json:"locator"`
	Servant  string `json:"servant"`
	Endpoint string `json:"endpoint"`
	State    string `json:"state"`
	Version  string `json:"version"`
}

// CleanReport is what was removed, or with DryRun would be.
type CleanReport struct {
	DryRun  bool      `json:"dryRun"`
	Before  string    `json:"before"`
	Servers []Removal `json:"servers"`
	Nodes   []Removal `json:"nodes"`
}

// Removal is one server or one node, which has neither application nor server.
type Removal struct {
	Application string `json:"application,omitempty"`
	Server      string `json:"server,omitempty"`
	Node        string `json:"node"`
	Failure     string `json:"failure,omitempty"`
}

// Protection says whether leases are kept from expiring, and why.
type Protection struct {
	Sweeping        bool     `json:"sweeping"` // where not, the rest is not known here
	Sweeper         string   `json:"sweeper"`
	On              bool     `json:"on"`
	Reason          string   `json:"reason"`
	Since           string   `json:"since,omitempty"`
	Held            []string `json:"held"`
	Draining        bool     `json:"draining"`
	Unproven        string   `json:"unproven"`
	ProvenInSeconds float64  `json:"provenInSeconds"`
	ReleasedBy      string   `json:"releasedBy"`
}
