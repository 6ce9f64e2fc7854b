package metrics

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
)

// Metrics are one registry's metrics. They are kept in a registry of their own,
// so that several can live in one process. All methods are safe for concurrent
// use.
type Metrics struct {
	registry   *prometheus.Registry
	calls      *calls
	statements *prometheus.HistogramVec
	failures   *prometheus.CounterVec
	rejected   *prometheus.CounterVec
	again      prometheus.Counter
	changes    *prometheus.CounterVec
	turnedAway *prometheus.CounterVec
}

// New makes metrics that show the registry's version.
func New(version string) *Metrics {
	registry := prometheus.NewRegistry()
	m := &Metrics{
		registry: registry,
		calls:    newCalls(registry),
		statements: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "statement_duration_seconds",
			Help:    "Time of the database's statements, by name.",
			Buckets: []float64{.0003, .001, .003, .01, .03, .1, .3, 1, 3},
		}, []string{"statement"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "statement_errors_total", Help: "Statements that failed, by name.",
		}, []string{"statement"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "rejected_input_total", Help: "Requests refused for a value, by field.",
		}, []string{"field"}),
		again: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "register_again_total", Help: "Pods that were told to register again.",
		}),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "events_total", Help: "Transitions of instances that this replica committed, by kind.",
		}, []string{"kind"}),
		turnedAway: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "http_connections_refused_total",
			Help: "Connections to the HTTP port closed as soon as accepted, by reason.",
		}, []string{"reason"}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "info", Help: "1; the label has the version.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	registry.MustRegister(m.statements, m.failures, m.rejected, m.again, m.changes, m.turnedAway, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Calls observes the servants.
func (m *Metrics) Calls() rpc.Observer { return m.calls }

// Statement observes a statement of the store.
func (m *Metrics) Statement(name string, took time.Duration, err error) {
	m.statements.WithLabelValues(name).Observe(took.Seconds())
	if err != nil {
		m.failures.WithLabelValues(name).Inc()
	}
}

// Rejected counts a request that was refused for a field's value.
func (m *Metrics) Rejected(field string) { m.rejected.WithLabelValues(withoutIndex(field)).Inc() }

// CallRefused counts a call that was over a limit of the registry's own.
func (m *Metrics) CallRefused(reason string) { m.calls.CallRefused(reason) }

// RegisterAgain counts a pod that was told to register again.
func (m *Metrics) RegisterAgain() { m.again.Inc() }

// Event counts a transition.
func (m *Metrics) Event(kind string) { m.changes.WithLabelValues(kind).Inc() }

// HTTPRefused counts a connection to the HTTP port that was over a limit.
func (m *Metrics) HTTPRefused(reason string) { m.turnedAway.WithLabelValues(reason).Inc() }

// Collect adds what is read when metrics are asked for.
func (m *Metrics) Collect(collector prometheus.Collector) { m.registry.MustRegister(collector) }

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// withoutIndex makes adapters[17].endpoint one label value with its neighbours.
func withoutIndex(field string) string {
	before, rest, found := strings.Cut(field, "[")
	if !found {
		return field
	}
	_, after, _ := strings.Cut(rest, "]")
	return before + after
}
