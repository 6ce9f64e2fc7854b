package api

import (
	"context"
	_ "embed" // the description of the API
	"log/slog"
	"net/http"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/clean"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/sweep"
	"github.com/tarsregistry/tarsregistry/store"
)

//go:embed openapi.yaml
var description []byte

// Roster is what is known of instances.
type Roster interface {
	All() []*naming.Instance
	Get(key naming.Key) *naming.Instance
}

// Pictures gives the current picture, nil before there is one.
type Pictures interface {
	Picture() *routing.Picture
}

// History is what only the database knows.
type History interface {
	EventHistory(ctx context.Context, filter store.EventFilter) ([]naming.Event, error)
	LoadWhole(ctx context.Context, key naming.Key) (*naming.Instance, error)
	Registries(ctx context.Context) ([]naming.RegistryEntry, error)
}

// Operator makes changes, and audits them.
type Operator interface {
	SetFlow(ctx context.Context, key naming.Key, on bool, reason, actor string) error
	Deregister(ctx context.Context, key naming.Key, reason, actor string) error
	Clean(ctx context.Context, request clean.Request) (clean.Report, error)
	ReleaseProtection(ctx context.Context, actor string) error
}

// Options of the API.
type Options struct {
	Roster     Roster
	Pictures   Pictures
	History    History
	Operator   Operator
	Protection func() sweep.Protection
	Status     func() Status
	Logger     *slog.Logger
}

// Status is how the registry is, in a few words.
type Status struct {
	Version   string `json:"version"`
	Replica   string `json:"replica"`
	Database  string `json:"database"`
	State     string `json:"state"` // ready, degraded, starting, stopping
	Reason    string `json:"reason,omitempty"`
	Instances int    `json:"instances"`
}

type api struct {
	Options
	streams chan struct{} // a place for each open change feed
}

// New makes the handler of everything under /api/v1. Access is not its business:
// see Access.
func New(options Options) http.Handler {
	a := &api{Options: options, streams: make(chan struct{}, maxStreams)}
	mux := http.NewServeMux()
	for pattern, handle := range a.routes() {
		mux.HandleFunc(pattern, a.answer(handle))
	}
	mux.HandleFunc("GET /api/v1/events/stream", a.stream)
	mux.HandleFunc("GET /api/v1/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(description)
	})
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, problem{http.StatusNotFound, "there is nothing at " + r.URL.Path + " for " + r.Method})
	})
	return mux
}

// handler answers with a value for the body, or an error.
type handler func(r *http.Request) (any, error)

func (a *api) routes() map[string]handler {
	const instance = "/api/v1/instances/{application}/{server}/{node}"
	return map[string]handler{
		"GET /api/v1/status":              a.status,
		"GET /api/v1/applications":        a.applications,
		"GET /api/v1/servers":             a.servers,
		"GET /api/v1/instances":           a.instances,
		"GET " + instance:                 a.instance,
		"PUT " + instance + "/flow":       a.setFlow,
		"DELETE " + instance:              a.deregister,
		"GET /api/v1/objects":             a.objects,
		"GET /api/v1/objects/{object}":    a.lookup,
		"GET /api/v1/events":              a.events,
		"GET /api/v1/registries":          a.registries,
		"GET /api/v1/badrows":             a.badRows,
		"POST /api/v1/clean":              a.clean,
		"GET /api/v1/protection":          a.protection,
		"POST /api/v1/protection/release": a.release,
	}
}

func (a *api) status(*http.Request) (any, error) { return a.Status(), nil }
