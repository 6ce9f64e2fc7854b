package docs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/registry/metrics"
)

// metric is what the page says of one, beside its name.
type metric struct{ kind, labels string }

// metricsOnPage are the rows of the page's tables.
func metricsOnPage(t *testing.T) map[string]metric {
	t.Helper()
	rows := map[string]metric{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(tarsregistry_[a-z_]+)` \\| ([a-z]+) \\|([^|]*)\\|").FindAllStringSubmatch(read(t, "metrics.md"), -1) {
		if _, twice := rows[row[1]]; twice {
			t.Errorf("%s is on the page twice", row[1])
		}
		rows[row[1]] = metric{kind: row[2], labels: sorted(strings.TrimSpace(row[3]), ", ")}
	}
	return rows
}

func sorted(list, separator string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Split(list, separator))), ", ")
}

// exposed adds the metrics of what a registry serves under /metrics.
func exposed(t *testing.T, into map[string]metric, text string) {
	t.Helper()
	for _, found := range regexp.MustCompile(`(?m)^# TYPE (tarsregistry_[a-z_]+) ([a-z]+)\n[a-z_]+(?:\{(.*)\})? `).FindAllStringSubmatch(text, -1) {
		labels := regexp.MustCompile(`le="[^"]*"|="[^"]*"`).ReplaceAllString(found[3], "")
		into[found[1]] = metric{kind: found[2], labels: sorted(strings.Trim(labels, ","), ",")}
	}
}

// countEverything has a registry's metrics count each thing once: a series with
// labels shows from its first value on.
func countEverything(t *testing.T) string {
	t.Helper()
	m := metrics.New("v1")
	m.Calls().CallDone("servant", "function", rpc.CodeSuccess, time.Millisecond, true)
	m.Calls().CallDropped("servant", "function")
	m.Calls().CallRefused("reason")
	m.Calls().Panicked("servant", "function")
	m.Calls().ConnectionClosed("reason")
	m.Calls().ConnectionRefused("reason")
	m.Calls().FrameRefused("reason")
	m.Statement("statement", time.Millisecond, errors.New("away"))
	m.Rejected("field")
	m.Event("kind")
	m.HTTPRefused("reason")
	recorder := httptest.NewRecorder()
	m.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return recorder.Body.String()
}

// scrape starts a registry and gives what it serves under /metrics.
func scrape(t *testing.T) string {
	t.Helper()
	r, err := registry.New(registry.Options{
		DataDir: t.TempDir(), Host: "127.0.0.1",
		Node: registry.Listener{Port: registry.PortOff}, Admin: registry.Listener{Port: registry.PortOff},
		LeaseTTL: time.Minute, CleanAfter: time.Hour, Version: "v1", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-r.Ready():
	case err := <-r.Err():
		t.Fatal(err)
	}
	response, err := http.Get(fmt.Sprintf("http://%s/metrics", r.Addresses().HTTP))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMetricsPage: the page tells exactly the metrics that a registry exposes,
// with their kinds and labels.
func TestMetricsPage(t *testing.T) {
	page, served := metricsOnPage(t), map[string]metric{}
	exposed(t, served, countEverything(t))
	exposed(t, served, scrape(t))
	for _, name := range slices.Sorted(maps.Keys(served)) {
		if told, found := page[name]; !found {
			t.Errorf("%s is not on the page: %+v", name, served[name])
		} else if told != served[name] {
			t.Errorf("%s is %+v, the page says %+v", name, served[name], told)
		}
	}
	for name := range page {
		if _, found := served[name]; !found {
			t.Errorf("%s is on the page and does not exist", name)
		}
	}
}

// TestPagesNameMetricsThatExist: an operator must not look for what is not there.
func TestPagesNameMetricsThatExist(t *testing.T) {
	exist := metricsOnPage(t) // TestMetricsPage holds it to the registry
	for _, page := range pages(t) {
		for _, name := range namesIn(`(tarsregistry_[a-z_]+)`, read(t, page)) {
			if _, found := exist[name]; !found && name != "tarsregistry_" {
				t.Errorf("%s names %s", page, name)
			}
		}
	}
}
