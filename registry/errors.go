package registry

import (
	"context"
	"errors"
	"log/slog"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/commit"
	"github.com/tarsregistry/tarsregistry/registry/metrics"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// Sentences for callers; what lies behind them goes to the log.
const (
	textUnavailable = "the registry's database is not reachable; nothing was changed, try again"
	textTimeout     = "the registry's database did not answer in time; try again"
	textInternal    = "internal error of the registry; its log has the details"
)

// errStarting refuses what needs the database while the registry has only the
// picture on disk (R26).
var errStarting = errors.New("the registry has not reached its database yet; try again")

// edge is where errors leave the registry.
type edge struct {
	logger  *slog.Logger
	metrics *metrics.Metrics
}

// answer turns an error into what a caller is told, a Tars return code and a
// sentence, and logs what it is not told.
func (e edge) answer(what string, err error) error {
	if err == nil {
		return nil
	}
	if invalid, ok := errors.AsType[*naming.InvalidError](err); ok {
		e.metrics.Rejected(invalid.Field)
		return rpc.Errorf(rpc.CodeFailed, "%s", err.Error())
	}
	if refused, ok := errors.AsType[*rpc.Error](err); ok {
		return refused
	}
	switch {
	case errors.Is(err, commit.ErrBusy):
		e.metrics.CallRefused(reasonCommitter)
		return overloaded("overloaded: %s", err.Error())
	case errors.Is(err, commit.ErrClosed), errors.Is(err, errStarting),
		errors.Is(err, transition.ErrUnknown), errors.Is(err, transition.ErrNotPod), errors.Is(err, errNoWorker),
		errors.Is(err, store.ErrConflict):
		return rpc.Errorf(rpc.CodeFailed, "%s", err.Error())
	case errors.Is(err, store.ErrUnavailable):
		return rpc.Errorf(rpc.CodeFailed, "%s", textUnavailable)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return rpc.Errorf(rpc.CodeFailed, "%s", textTimeout)
	}
	e.logger.Error("request failed", slog.String("request", what), slog.Any("error", err))
	return rpc.Errorf(rpc.CodeFailed, "%s", textInternal)
}
