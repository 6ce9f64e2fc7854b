package api

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// instanceView is an instance as the API shows it.
type instanceView struct {
	Application  string        `json:"application"`
	Server       string        `json:"server"`
	Node         string        `json:"node"`
	SettingState string        `json:"settingState,omitempty"`
	PresentState string        `json:"presentState,omitempty"`
	Flow         string        `json:"flow"`    // on, off
	Serving      bool          `json:"serving"` // clients get it as active
	Set          string        `json:"set,omitempty"`
	Version      string        `json:"version,omitempty"`
	ServerType   string        `json:"serverType,omitempty"`
	Template     string        `json:"template,omitempty"`
	Adapters     []adapterView `json:"adapters"`
	Lease        *leaseView    `json:"lease,omitempty"` // none: tarsnode's or TarsWeb's
}

type adapterView struct {
	Name     string `json:"name"`
	Servant  string `json:"servant"`
	Endpoint string `json:"endpoint"`
	Protocol string `json:"protocol,omitempty"`
}

type leaseView struct {
	State             string  `json:"state"`
	Revision          int64   `json:"revision"`
	Reported          string  `json:"reported"`
	Identity          string  `json:"identity,omitempty"`
	Kind              string  `json:"kind,omitempty"`
	DurationSeconds   float64 `json:"durationSeconds"`
	FlowOffBy         string  `json:"flowOffBy,omitempty"`
	MetricsPort       int32   `json:"metricsPort,omitempty"`
	WorkerID          *int64  `json:"workerId,omitempty"`
	HeartbeatAgeSecs  float64 `json:"heartbeatAgeSeconds,omitempty"` // as stored; only of a single instance
	StateSinceSeconds float64 `json:"stateAgeSeconds,omitempty"`
}

func viewOf(instance *naming.Instance) instanceView {
	view := instanceView{
		Application: instance.Application, Server: instance.Key.Server, Node: instance.Node,
		Flow: "on", Serving: instance.Serving(), Adapters: make([]adapterView, 0, len(instance.Adapters)),
	}
	if server := instance.Server; server != nil {
		view.SettingState, view.PresentState = string(server.SettingState), string(server.PresentState)
		view.Set, view.Version = server.SetID(), server.Version
		view.ServerType, view.Template = server.ServerType, server.TemplateName
	}
	if instance.FlowOff() {
		view.Flow = "off"
	}
	for _, adapter := range instance.Adapters {
		view.Adapters = append(view.Adapters, adapterView{adapter.Name, adapter.Servant, adapter.Endpoint, adapter.Protocol})
	}
	if lease := instance.Lease; lease != nil {
		view.Lease = &leaseView{
			State: string(lease.State), Revision: lease.Revision, Reported: string(lease.Reported),
			Identity: lease.Identity.UID, Kind: string(lease.Identity.Kind),
			DurationSeconds: lease.Duration.Seconds(), FlowOffBy: lease.FlowOffBy, MetricsPort: lease.MetricsPort,
		}
		if lease.WorkerID >= 0 {
			view.Lease.WorkerID = &lease.WorkerID
		}
	}
	return view
}

// instances lists instances with a server row, filtered.
func (a *api) instances(r *http.Request) (any, error) {
	query := r.URL.Query()
	var found []*naming.Instance
	for _, instance := range a.Roster.All() {
		if instance.Server == nil && query.Get("lease") == "" {
			continue
		}
		if matches(query.Get("application"), instance.Application) && matches(query.Get("server"), instance.Key.Server) &&
			matches(query.Get("node"), instance.Node) && matchesState(query.Get("state"), query.Get("lease"), query.Get("set"), instance) {
			found = append(found, instance)
		}
	}
	part, err := paged(r, found, func(i *naming.Instance) string { return i.Key.String() })
	if err != nil {
		return nil, err
	}
	views := page[instanceView]{Items: make([]instanceView, 0, len(part.Items)), Next: part.Next, Total: part.Total}
	for _, instance := range part.Items {
		views.Items = append(views.Items, viewOf(instance))
	}
	return views, nil
}

func matches(want, value string) bool {
	return want == "" || naming.Fold(want) == naming.Fold(value)
}

func matchesState(state, lease, set string, instance *naming.Instance) bool {
	if state != "" && (instance.Server == nil || string(instance.Server.PresentState) != state) {
		return false
	}
	if set != "" && (instance.Server == nil || instance.Server.SetID() != set) {
		return false
	}
	return lease == "" || (instance.Lease != nil && string(instance.Lease.State) == lease)
}

// historyLength is how many events a single instance is shown with.
const historyLength = 50

// instance shows one, with its history. With the database away it is shown as
// memory knows it, without one.
func (a *api) instance(r *http.Request) (any, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	known := a.Roster.Get(key)
	if known == nil {
		return nil, errNotKnown
	}
	view := struct {
		instanceView
		Events  []eventView `json:"events"`
		Missing string      `json:"missing,omitempty"` // why there is no history
	}{instanceView: viewOf(known), Events: []eventView{}}
	if stored, err := a.History.LoadWhole(r.Context(), known.Key); err == nil && stored.Lease != nil && view.Lease != nil {
		view.Lease.HeartbeatAgeSecs = stored.Lease.HeartbeatAge.Seconds()
		view.Lease.StateSinceSeconds = stored.Lease.StateAge.Seconds()
	}
	events, err := a.History.EventHistory(r.Context(), store.EventFilter{
		Application: key.Application, Server: key.Server, Node: key.Node, Limit: historyLength,
	})
	if err != nil {
		view.Missing = a.problemOf(r, err).detail
	}
	for _, event := range events {
		view.Events = append(view.Events, viewOfEvent(event))
	}
	return view, nil
}

func keyOf(r *http.Request) (naming.Key, error) {
	key := naming.Key{
		Application: r.PathValue("application"), Server: r.PathValue("server"), Node: r.PathValue("node"),
	}
	// Rows of other programs may have names that pods may not register.
	if key.Application == "" || key.Server == "" || key.Node == "" {
		return key, badRequest("application, server and node must not be empty")
	}
	return key, nil
}

// summary counts the instances of an application or a server.
type summary struct {
	Application string         `json:"application"`
	Server      string         `json:"server,omitempty"`
	Instances   int            `json:"instances"`
	Serving     int            `json:"serving"`
	States      map[string]int `json:"states"`
}

func (a *api) applications(r *http.Request) (any, error) {
	return a.summaries(r, func(i *naming.Instance) (string, string) { return i.Application, "" })
}

func (a *api) servers(r *http.Request) (any, error) {
	return a.summaries(r, func(i *naming.Instance) (string, string) { return i.Application, i.Key.Server })
}

func (a *api) summaries(r *http.Request, group func(*naming.Instance) (application, server string)) (any, error) {
	wanted := r.URL.Query().Get("application")
	groups := map[naming.Key]*summary{}
	for _, instance := range a.Roster.All() {
		if instance.Server == nil || !matches(wanted, instance.Application) {
			continue
		}
		application, server := group(instance)
		key := naming.Key{Application: application, Server: server}.Fold()
		if groups[key] == nil {
			groups[key] = &summary{Application: application, Server: server, States: map[string]int{}}
		}
		found := groups[key]
		found.Instances++
		found.States[string(instance.Server.PresentState)]++
		if instance.Serving() {
			found.Serving++
		}
		// Of several spellings the first by letters stands for all.
		found.Application = min(found.Application, application)
		found.Server = min(found.Server, server)
	}
	return paged(r, slices.Collect(maps.Values(groups)), func(s *summary) string {
		return cmp.Or(s.Application+"."+s.Server, "")
	})
}
