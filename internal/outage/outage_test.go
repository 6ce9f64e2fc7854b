package outage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestAStateIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, nil))
	log := Log{What: "testing"}
	for _, err := range []error{nil, errors.New("first"), errors.New("second"), fmt.Errorf("stop: %w", context.Canceled), nil, nil, errors.New("third")} {
		log.Report(logger, err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := []string{"first", "failed_rounds=2", "third"}
	if len(lines) != len(want) {
		t.Fatalf("logged\n%s", out.String())
	}
	for i := range want {
		if !strings.Contains(lines[i], want[i]) {
			t.Errorf("line %d is %q, want %q in it", i, lines[i], want[i])
		}
	}
	if log.Failed() != 1 {
		t.Errorf("%d failed rounds, want 1", log.Failed())
	}
}
