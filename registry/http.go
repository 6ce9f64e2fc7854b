package registry

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/tarsregistry/tarsregistry/registry/api"
	"github.com/tarsregistry/tarsregistry/registry/web"
)

// Bounds of the HTTP port's connections: scrapers, probes and people are few.
const (
	httpConnections      = 2048
	httpConnectionsOfOne = 512
)

// startHTTP opens the HTTP port: /healthz says that the process lives and never
// looks at the database, /readyz whether clients may be sent here (R27).
func (r *Registry) startHTTP(ctx context.Context) error {
	if r.options.HTTP.Port == PortOff {
		return nil
	}
	host := r.options.HTTP.Host
	if host == "" {
		host = r.options.Host
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(r.options.HTTP.Port))))
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	bound := listener.Addr().String()
	listener = web.Limited(listener, web.Limits{All: httpConnections, PerAddress: httpConnectionsOfOne}, r.metrics.HTTPRefused)
	if config := r.options.HTTP.TLS; config != nil {
		listener = tls.NewListener(listener, config)
	}
	server := web.NewServer(r.httpHandler(), r.logger)
	r.mu.Lock()
	r.addresses.HTTP = bound
	r.mu.Unlock()
	r.working.start(func(context.Context) {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			r.fail(fmt.Errorf("serve HTTP: %w", err))
		}
	})
	r.working.start(func(ctx context.Context) {
		<-ctx.Done()
		_ = server.Close()
	})
	return nil
}

func (r *Registry) httpHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", r.serveReady)
	mux.Handle("GET /metrics", r.metrics.Handler())
	mux.HandleFunc("GET /sd/prometheus", r.serveTargets)
	access := &api.Access{Token: r.options.Token, Logger: r.logger}
	mux.Handle("GET /{$}", web.Console())
	mux.Handle("GET /console/", web.Console())
	if r.options.Pprof {
		mux.Handle("GET /debug/pprof/", access.Protect(web.Profiles()))
	}
	mux.Handle("/api/", access.Protect(api.New(api.Options{
		Roster: r.roster, Pictures: r.table, History: r.store, Operator: operator{r},
		Protection: r.sweeper.Protection, Status: r.status, Logger: r.logger,
	})))
	return mux
}

// status says how the registry is, in a few words.
func (r *Registry) status() api.Status {
	status := api.Status{
		Version: r.options.Version, Replica: r.replica,
		Database: r.store.Target(), Instances: r.roster.Len(),
	}
	status.State, status.Reason = r.condition()
	return status
}

// condition is the state that readiness shows, and the reason when it is not
// simply ready (R27).
func (r *Registry) condition() (state, reason string) {
	switch r.current() {
	case starting:
		return "starting", "the first picture is not there yet"
	case stopping:
		return "stopping", ""
	case fromDisk:
		r.mu.Lock()
		age := time.Since(r.pictureTaken).Round(time.Second)
		r.mu.Unlock()
		return "degraded", fmt.Sprintf("serving the picture on disk, %s old; the database was not reached yet", age)
	case serving:
		if status := r.follower.Status(); !status.Broken.IsZero() {
			return "degraded", "the database is not reachable; answering from memory"
		}
	}
	return "ready", ""
}

// serveTargets answers Prometheus' HTTP service discovery with what
// getMetricsAdapters answers; query parameters filter by label.
func (r *Registry) serveTargets(w http.ResponseWriter, req *http.Request) {
	if r.current() == starting {
		http.Error(w, textNoPicture, http.StatusServiceUnavailable) // Prometheus keeps what it has
		return
	}
	filter := map[string]string{}
	for label, values := range req.URL.Query() {
		filter[label] = values[0]
	}
	groups := r.targets.find(filter)
	if groups == nil {
		groups = []targetGroup{}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(groups); err != nil {
		r.logger.Debug("cannot answer service discovery", slog.Any("error", err))
	}
}

// serveReady says whether clients may be sent here: not before the first picture
// and not while stopping, but very well without the database, so that replicas do
// not leave a Service together (R27).
func (r *Registry) serveReady(w http.ResponseWriter, _ *http.Request) {
	state, reason := r.condition()
	if state == "starting" || state == "stopping" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if reason != "" {
		state += ": " + reason
	}
	fmt.Fprintln(w, state)
}
