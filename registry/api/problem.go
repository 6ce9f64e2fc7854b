package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// problem is an error with its HTTP status; its text is for the caller.
type problem struct {
	status int
	detail string
}

func (p problem) Error() string { return p.detail }

func badRequest(format string, args ...any) error {
	return problem{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

var (
	errNoPicture = problem{http.StatusServiceUnavailable, "the registry has not loaded its picture yet; try again"}
	errNotKnown  = problem{http.StatusNotFound, "no such instance"}
)

// answer runs a handler and writes what it gives as JSON.
func (a *api) answer(handle handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := handle(r)
		if err != nil {
			writeProblem(w, a.problemOf(r, err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		if err := encoder.Encode(body); err != nil {
			a.Logger.Debug("cannot answer", slog.String("path", r.URL.Path), slog.Any("error", err))
		}
	}
}

// problemOf is the one place that turns errors into statuses. What is not meant
// for callers goes to the log.
func (a *api) problemOf(r *http.Request, err error) problem {
	if known, ok := errors.AsType[problem](err); ok {
		return known
	}
	if invalid, ok := errors.AsType[*naming.InvalidError](err); ok {
		return problem{http.StatusBadRequest, invalid.Error()}
	}
	switch {
	case errors.Is(err, transition.ErrUnknown):
		return errNotKnown
	case errors.Is(err, transition.ErrNotPod):
		return problem{http.StatusConflict, err.Error()}
	case errors.Is(err, store.ErrUnavailable) && r.Method == http.MethodGet:
		return problem{http.StatusServiceUnavailable, "the registry's database is not reachable, and this is not kept in memory; try again"}
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return problem{http.StatusServiceUnavailable, "the registry's database is not reachable; nothing was changed, try again"}
	case errors.Is(err, context.Canceled):
		return problem{http.StatusServiceUnavailable, "the request was given up"}
	}
	a.Logger.Error("API request failed", slog.String("path", r.URL.Path), slog.Any("error", err))
	return problem{http.StatusInternalServerError, "internal error of the registry; its log has the details"}
}

// writeProblem answers with application/problem+json (RFC 9457).
func writeProblem(w http.ResponseWriter, p problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.status)
	//nolint:errchkjson // text and a number; and who has gone needs no answer
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": http.StatusText(p.status), "status": p.status, "detail": p.detail,
	})
}
