package registrycmd

import (
	"io"
	"log/slog"

	"github.com/tarsregistry/tarsregistry/internal/settings"
)

func newLogger(out io.Writer, s settings.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.Level}
	if s.JSON {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}
