package behaviour

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// logBook keeps what a registry logs.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func newLogBook() *logBook { return &logBook{} }

func (l *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logBook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
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
