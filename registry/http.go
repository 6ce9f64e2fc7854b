package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
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
	server := &http.Server{Handler: r.httpHandler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	r.mu.Lock()
	r.addresses.HTTP = listener.Addr().String()
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
	return mux
}

func (r *Registry) serveReady(w http.ResponseWriter, _ *http.Request) {
	switch r.current() {
	case starting:
		http.Error(w, "starting: the first picture is not there yet", http.StatusServiceUnavailable)
	case stopping:
		http.Error(w, "stopping", http.StatusServiceUnavailable)
	case fromDisk:
		fmt.Fprintln(w, "degraded: serving the picture on disk; the database was not reached yet")
	case serving:
		if status := r.follower.Status(); !status.Broken.IsZero() {
			fmt.Fprintln(w, "degraded: the database is not reachable; answering from memory")
			return
		}
		fmt.Fprintln(w, "ready")
	}
}
