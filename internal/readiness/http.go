package readiness

import (
	"fmt"
	"net/http"
)

// Handler answers /readyz with what status says, and /healthz with what alive
// says: 200 and the state, or 503 and the reason. Both functions are called
// from many goroutines.
func Handler(status func() Status, alive func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		s := status()
		answer(w, s.Ready(), string(s.State))
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, alive(), "ok")
	})
	return mux
}

func answer(w http.ResponseWriter, err error, ok string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		ok = err.Error()
	}
	// Who hangs up does not want to know.
	_, _ = fmt.Fprintln(w, ok)
}
