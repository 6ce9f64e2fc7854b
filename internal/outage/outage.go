// Package outage logs work that is done again and again, such as a flush every
// two seconds: once when it begins to fail, and once when it is well again, so
// that a database that is away does not fill the log.
package outage

import (
	"context"
	"errors"
	"log/slog"
)

// Log is the state of one kind of work. It is for one goroutine at a time.
type Log struct {
	// What is failing, as the beginning of a sentence: "flushing heartbeats".
	What string

	failed int
}

// Report takes how one round of the work ended. A round that was cancelled says
// nothing: the work is being stopped.
func (l *Log) Report(logger *slog.Logger, err error) {
	switch {
	case errors.Is(err, context.Canceled):
	case err != nil:
		l.failed++
		if l.failed == 1 {
			logger.Error(l.What+" fails and is tried again", slog.Any("error", err)) //nolint:sloglint // What is a constant of its kind of work
		}
	case l.failed > 0:
		logger.Info(l.What+" works again", slog.Int("failed_rounds", l.failed)) //nolint:sloglint // as above
		l.failed = 0
	}
}

// Failed is how many rounds in a row have failed.
func (l *Log) Failed() int { return l.failed }
