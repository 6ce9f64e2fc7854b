package api

import (
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
	if a.Pictures.Picture() == nil {
		return nil, errNoPicture // nobody is known yet, which is not the same as nobody
	}
	filter := instanceFilterOf(r)
	found := slices.DeleteFunc(a.Roster.All(), func(i *naming.Instance) bool { return !filter.matches(i) })
	part, err := paged(r, found, appendKey)
	if err != nil {
		return nil, err
	}
	views := page[instanceView]{Items: make([]instanceView, 0, len(part.Items)), Next: part.Next, Total: part.Total}
	for _, instance := range part.Items {
		views.Items = append(views.Items, viewOf(instance))
	}
	return views, nil
}

// appendKey appends what naming.Key.String gives.
func appendKey(dst []byte, i *naming.Instance) []byte {
	dst = append(append(dst, i.Application...), '.')
	dst = append(append(dst, i.Key.Server...), '@')
	return append(dst, i.Node...)
}

// instanceFilter is which instances are asked for; "" is any.
type instanceFilter struct {
	application, server, node string
	set                       string
	state                     naming.State
	lease                     naming.LeaseState
}

func instanceFilterOf(r *http.Request) instanceFilter {
	query := r.URL.Query()
	return instanceFilter{
		application: query.Get("application"), server: query.Get("server"), node: query.Get("node"),
		set: query.Get("set"), state: naming.State(query.Get("state")), lease: naming.LeaseState(query.Get("lease")),
	}
}

// matches is called for every instance there is.
func (f *instanceFilter) matches(instance *naming.Instance) bool {
	server := instance.Server
	if server == nil && (f.lease == "" || f.state != "" || f.set != "") {
		return false // it has only a lease left
	}
	return (f.state == "" || server.PresentState == f.state) &&
		(f.lease == "" || (instance.Lease != nil && instance.Lease.State == f.lease)) &&
		matches(f.application, instance.Application) && matches(f.server, instance.Key.Server) &&
		matches(f.node, instance.Node) && (f.set == "" || server.SetID() == f.set)
}

func matches(want, value string) bool { return want == "" || naming.SameName(want, value) }

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
	switch {
	case known == nil && a.Pictures.Picture() == nil:
		return nil, errNoPicture
	case known == nil:
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
	if a.Pictures.Picture() == nil {
		return nil, errNoPicture
	}
	wanted := r.URL.Query().Get("application")
	spellings := map[naming.Key]*summary{}
	for _, instance := range a.Roster.All() {
		if instance.Server == nil || !matches(wanted, instance.Application) {
			continue
		}
		application, server := group(instance)
		key := naming.Key{Application: application, Server: server}
		found := spellings[key]
		if found == nil {
			found = &summary{Application: application, Server: server, States: map[string]int{}}
			spellings[key] = found
		}
		found.Instances++
		found.States[string(instance.Server.PresentState)]++
		if instance.Serving() {
			found.Serving++
		}
	}
	return paged(r, merged(spellings), func(dst []byte, s *summary) []byte {
		return append(append(append(dst, s.Application...), '.'), s.Server...)
	})
}

// merged puts together what is the same name but for its spelling. Of several
// spellings the first by letters stands for all.
func merged(spellings map[naming.Key]*summary) []*summary {
	groups := make(map[naming.Key]*summary, len(spellings))
	for key, part := range spellings {
		folded := key.Fold()
		group := groups[folded]
		if group == nil {
			groups[folded] = part
			continue
		}
		group.Application, group.Server = min(group.Application, part.Application), min(group.Server, part.Server)
		group.Instances += part.Instances
		group.Serving += part.Serving
		for state, count := range part.States {
			group.States[state] += count
		}
	}
	return slices.Collect(maps.Values(groups))
}
