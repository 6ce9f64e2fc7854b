package api

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/tarsregistry/tarsregistry/registry/routing"
)

// objects lists the names that can be looked up; prefix filters.
func (a *api) objects(r *http.Request) (any, error) {
	picture := a.Pictures.Picture()
	if picture == nil {
		return nil, errNoPicture
	}
	prefix := r.URL.Query().Get("prefix")
	var names []string
	for _, name := range picture.Objects() {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return paged(r, names, func(dst []byte, name string) []byte { return append(dst, name...) })
}

// endpointView is an endpoint with the reason for its place.
type endpointView struct {
	Application string `json:"application,omitempty"`
	Server      string `json:"server,omitempty"`
	Node        string `json:"node,omitempty"`
	Host        string `json:"host"`
	Port        int32  `json:"port"`
	Transport   string `json:"transport"`
	TimeoutMS   int32  `json:"timeoutMs"`
	Set         string `json:"set,omitempty"`
	Weight      int32  `json:"weight"`
	List        string `json:"list"` // active, inactive, or empty: in neither
	Reason      string `json:"reason"`
}

// lookupView is what a caller would be answered, and why.
type lookupView struct {
	Object      string         `json:"object"`
	Code        int32          `json:"code"` // the call's return value
	Step        string         `json:"step"` // how the lists were chosen
	CallerGroup int32          `json:"callerGroup"`
	Endpoints   []endpointView `json:"endpoints"`
}

// lookup answers as a client would be answered: `as` is its address or node
// name, `set` its set.
func (a *api) lookup(r *http.Request) (any, error) {
	picture := a.Pictures.Picture()
	if picture == nil {
		return nil, errNoPicture
	}
	query := r.URL.Query()
	caller := routing.Caller{Name: query.Get("as")}
	if address, err := netip.ParseAddr(caller.Name); err == nil {
		caller.Address = address
	}
	explained := picture.Explain(r.PathValue("object"), caller, query.Get("set"))
	if !explained.Known {
		return nil, problem{http.StatusNotFound, "no such object; clients get code 0 and empty lists"}
	}
	view := lookupView{
		Object: explained.Object, Code: explained.Code, Step: explained.Step,
		CallerGroup: explained.CallerGroup, Endpoints: make([]endpointView, 0, len(explained.Endpoints)),
	}
	for _, endpoint := range explained.Endpoints {
		view.Endpoints = append(view.Endpoints, viewOfEndpoint(endpoint))
	}
	return view, nil
}

func viewOfEndpoint(explained routing.ExplainedEndpoint) endpointView {
	endpoint := explained.Endpoint
	view := endpointView{
		Application: explained.Instance.Application, Server: explained.Instance.Server, Node: explained.Instance.Node,
		Host: endpoint.Host, Port: endpoint.Port, TimeoutMS: endpoint.Timeout,
		Set: endpoint.SetId, Weight: endpoint.Weight, List: explained.List, Reason: explained.Reason,
	}
	switch endpoint.Istcp {
	case 0:
		view.Transport = "udp"
	case 2:
		view.Transport = "ssl"
	default:
		view.Transport = "tcp"
	}
	return view
}

func (a *api) registries(r *http.Request) (any, error) {
	entries, err := a.History.Registries(r.Context())
	if err != nil {
		return nil, err
	}
	type registryView struct {
		Locator  string `json:"locator"`
		Servant  string `json:"servant"`
		Endpoint string `json:"endpoint"`
		State    string `json:"state"`
		Version  string `json:"version"`
	}
	views := make([]registryView, 0, len(entries))
	for _, entry := range entries {
		views = append(views, registryView{entry.Locator, entry.Servant, entry.Endpoint, string(entry.PresentState), entry.Version})
	}
	return paged(r, views, func(dst []byte, v registryView) []byte { return append(dst, v.Locator+" "+v.Servant...) })
}

func (a *api) badRows(r *http.Request) (any, error) {
	picture := a.Pictures.Picture()
	if picture == nil {
		return nil, errNoPicture
	}
	type badRowView struct {
		Application string `json:"application"`
		Server      string `json:"server"`
		Node        string `json:"node"`
		Adapter     string `json:"adapter,omitempty"`
		Value       string `json:"value"`
		Reason      string `json:"reason"`
	}
	var views []badRowView
	for _, row := range picture.BadRows() {
		views = append(views, badRowView{row.Key.Application, row.Key.Server, row.Key.Node, row.Adapter, row.Value, row.Reason})
	}
	return paged(r, views, func(dst []byte, v badRowView) []byte {
		return append(dst, v.Application+"."+v.Server+"@"+v.Node+" "+v.Adapter...)
	})
}
