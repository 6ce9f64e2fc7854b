package heartbeat

import (
	"context"
	"errors"
	"log/slog"
)

// outage logs a kind of work that fails once when it begins to fail, and once
// when it is well again: a database that is away does not fill the log.
type outage struct {
	what   string
	failed int // times in a row
}

func (o *outage) report(logger *slog.Logger, err error) {
	switch {
	case errors.Is(err, context.Canceled):
		// The flusher is stopping; the last round follows.
	case err != nil:
		o.failed++
		if o.failed == 1 {
			logger.Error(o.what+" fails and is tried again", slog.Any("error", err))
		}
	case o.failed > 0:
		logger.Info(o.what+" works again", slog.Int("failed_rounds", o.failed))
		o.failed = 0
	}
}
