package operator

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/apiclient"
	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// answered makes an operator of a registry that gives one answer to everything.
func answered(t *testing.T, answer string) (*Operator, *strings.Builder) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	out := new(strings.Builder)
	return &Operator{API: &apiclient.Client{Base: server.URL}, Out: out, Format: Table}, out
}

// TestProtection: nobody is told that protection is off by a replica that cannot
// know.
func TestProtection(t *testing.T) {
	for name, test := range map[string]struct{ answer, want, not string }{
		"another sweeps": {`{"on":false,"held":[],"sweeping":false,"sweeper":"10.0.0.2:17892/abc"}`, "10.0.0.2:17892/abc", "off"},
		"no sweep yet":   {`{"on":false,"held":[],"sweeping":false,"sweeper":""}`, "as far as is known", "ON"},
		"off":            {`{"on":false,"held":[],"sweeping":true,"sweeper":"me"}`, "protection is off: leases expire", "ON"},
		"on": {`{"on":true,"held":["A.B@c"],"sweeping":true,"sweeper":"me","since":"2026-01-02T03:04:05Z","reason":"many are silent","provenInSeconds":90}`,
			"protection is ON since 2026-01-02T03:04:05Z: many are silent\nit ends in 1m30s", "off"},
		"on for as long": {`{"on":true,"held":["A.B@c"],"sweeping":true,"sweeper":"me","since":"2026-01-02T03:04:05Z","reason":"all are silent","unproven":"nobody beats"}`,
			"it stays on because: nobody beats; where all that is held is known to be dead, end it by: tarscli protection release", "it ends in"},
	} {
		t.Run(name, func(t *testing.T) {
			o, out := answered(t, test.answer)
			if err := o.Protection(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); !strings.Contains(got, test.want) || strings.Contains(got, test.not) {
				t.Errorf("%q does not have %q, or has %q", got, test.want, test.not)
			}
		})
	}
}

// TestGetTellsWhenALeaseEnds: only one that is live ends some day.
func TestGetTellsWhenALeaseEnds(t *testing.T) {
	for state, want := range map[string]string{
		"live": "live, revision 3, ends 1m35s after the last heartbeat\n",
		"left": "left, revision 3\n",
	} {
		o, out := answered(t, `{"application":"A","server":"B","node":"c","flow":"on","lease":{"state":"`+state+`","revision":3,"durationSeconds":95}}`)
		if err := o.Get(t.Context(), naming.Key{Application: "A", Server: "B", Node: "c"}); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.Contains(got, want) {
			t.Errorf("%q does not have %q", got, want)
		}
	}
}
