package behaviour

import (
	"log/slog"
	"strings"
	"testing"

	e2e "github.com/tarsregistry/tarsregistry/e2e/replica"
)

// logBook keeps what a registry logs.
type logBook struct{ e2e.Output }

func newLogBook() *logBook { return &logBook{} }

func (l *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logBook) mentions(text string) bool { return strings.Contains(l.String(), text) }

// await waits until the log mentions a text.
func (l *logBook) await(t *testing.T, text string) {
	t.Helper()
	await(t, func() string {
		if l.mentions(text) {
			return ""
		}
		return "the log does not mention " + text
	})
}
