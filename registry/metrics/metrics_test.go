package metrics

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	m.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if recorder.Code != 200 {
		t.Fatalf("status %d: %s", recorder.Code, recorder.Body)
	}
	return recorder.Body.String()
}

func TestWhatIsCountedShows(t *testing.T) {
	m := New("v1")
	m.Calls().CallDone("S", "f", rpc.CodeSuccess, time.Millisecond, true)
	m.Calls().CallDone("S", "f", rpc.CodeFailed, time.Millisecond, false)
	m.Calls().ConnectionClosed(rpc.ReasonIdle)
	m.Statement("flush", time.Millisecond, errors.New("away"))
	m.Rejected("adapters[17].endpoint")
	m.Rejected("adapters[3].endpoint")
	m.Collect(State(func() []Sample {
		return []Sample{{Name: "instances", Label: "state", Values: map[string]float64{"active": 3}}}
	}))
	page := scrape(t, m)
	for _, want := range []string{
		`tarsregistry_calls_total{function="f",result="ok",servant="S"} 1`,
		`tarsregistry_calls_total{function="f",result="refused",servant="S"} 1`,
		`tarsregistry_call_duration_seconds_count{function="f",servant="S"} 2`,
		`tarsregistry_connections_closed_total{reason="idle"} 1`,
		`tarsregistry_statement_errors_total{statement="flush"} 1`,
		`tarsregistry_rejected_input_total{field="adapters.endpoint"} 2`,
		`tarsregistry_instances{state="active"} 3`,
		`tarsregistry_info{version="v1"} 1`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("the page does not have %s", want)
		}
	}
}

func BenchmarkCallDone(b *testing.B) {
	calls := New("v1").Calls()
	b.ReportAllocs()
	for b.Loop() {
		calls.CallDone("tars.tarsregistry.QueryObj", "findObjectByIdInSameGroup", 0, time.Microsecond, true)
	}
}
