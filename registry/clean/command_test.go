package clean

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func TestParseCommand(t *testing.T) {
	for _, c := range []struct {
		arguments string
		want      Request
		refused   bool
	}{
		{"", Request{DryRun: true}, false},
		{"  ", Request{DryRun: true}, false},
		{"n", Request{}, false},
		{" n ", Request{}, false},
		{"n 2026-01-02 15:04:05", Request{Before: "2026-01-02 15:04:05"}, false},
		{"n  2026-01-02\t15:04:05 ", Request{Before: "2026-01-02 15:04:05"}, false},
		{"N", Request{}, true},
		{"y", Request{}, true},
		{"no", Request{}, true},
		{"n 2026-01-02", Request{}, true},
		{"n 15:04:05", Request{}, true},
		{"n 2026-01-02 15:04:05.5", Request{}, true},
		{"n 2026-13-02 15:04:05", Request{}, true},
		{"n 2026-01-02 15:04:05 n", Request{}, true},
		{"2026-01-02 15:04:05", Request{}, true},
		{"n '2026-01-02 15:04:05'", Request{}, true},
		{"n 2026-01-02 15:04:05; DROP TABLE t_server_conf", Request{}, true},
	} {
		t.Run(c.arguments, func(t *testing.T) {
			got, err := ParseCommand(c.arguments)
			if got != c.want {
				t.Errorf("parsed as %+v, want %+v", got, c.want)
			}
			_, invalid := errors.AsType[*naming.InvalidError](err)
			if invalid != c.refused || (err == nil) == c.refused {
				t.Errorf("error %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), `"clean n yyyy-mm-dd hh:mm:ss"`) {
				t.Errorf("%v does not say how it is done", err)
			}
		})
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{"", "n", "n 2026-01-02 15:04:05", "n 2026-01-02", "x\x00y", strings.Repeat("n ", 1000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, arguments string) {
		request, err := ParseCommand(arguments)
		if err != nil {
			if request != (Request{}) {
				t.Errorf("%q: an error and %+v", arguments, request)
			}
			if len(err.Error()) > 400 {
				t.Errorf("%q: an error of %d bytes", arguments, len(err.Error()))
			}
			return
		}
		if request.DryRun != (strings.TrimSpace(arguments) == "") {
			t.Errorf("%q: dry run %t", arguments, request.DryRun)
		}
		if request.Before != "" {
			if _, err := time.Parse(time.DateTime, request.Before); err != nil {
				t.Errorf("%q: cut-off %q", arguments, request.Before)
			}
		}
	})
}
