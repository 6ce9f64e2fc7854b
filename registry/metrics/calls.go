package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
)

// namespace begins every metric's name.
const namespace = "tarsregistry"

// calls counts what the servants do; it is an rpc.Observer. The counters of a
// function are looked up once and kept, because it is told of every call.
type calls struct {
	done      *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	dropped   *prometheus.CounterVec
	panics    *prometheus.CounterVec
	opened    prometheus.Counter
	closed    *prometheus.CounterVec
	refused   *prometheus.CounterVec
	malformed *prometheus.CounterVec
	overload  *prometheus.CounterVec

	known sync.Map // functionKey -> *function
}

type functionKey struct{ servant, function string }

// function holds the metrics of one function.
type function struct {
	duration prometheus.Observer
	ok       prometheus.Counter
}

func newCalls(registerer prometheus.Registerer) *calls {
	c := &calls{
		done: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "calls_total",
			Help: "Calls answered, by servant, function and result.",
		}, []string{"servant", "function", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "call_duration_seconds",
			Help:    "Time from reading a call's frame to its answer.",
			Buckets: []float64{.00001, .00003, .0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3},
		}, []string{"servant", "function"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "calls_dropped_total",
			Help: "Calls whose caller had given up before they were started.",
		}, []string{"servant", "function"}),
		panics: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "panics_total",
			Help: "Calls whose handler panicked; the log has the stack.",
		}, []string{"servant", "function"}),
		opened: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "connections_opened_total", Help: "Connections accepted by the servants.",
		}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "connections_closed_total", Help: "Connections closed, by reason.",
		}, []string{"reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "connections_refused_total", Help: "Connections closed as soon as accepted, by reason.",
		}, []string{"reason"}),
		malformed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "frames_refused_total", Help: "Input that is no valid request, by reason.",
		}, []string{"reason"}),
		overload: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "calls_refused_total", Help: "Calls refused because a limit was reached, by reason.",
		}, []string{"reason"}),
	}
	registerer.MustRegister(c.done, c.duration, c.dropped, c.panics, c.opened, c.closed, c.refused, c.malformed, c.overload)
	return c
}

func (c *calls) function(servant, name string) *function {
	key := functionKey{servant, name}
	if known, ok := c.known.Load(key); ok {
		return known.(*function) //nolint:errcheck // the map holds nothing else
	}
	made := &function{
		duration: c.duration.WithLabelValues(servant, name),
		ok:       c.done.WithLabelValues(servant, name, "ok"),
	}
	known, _ := c.known.LoadOrStore(key, made)
	return known.(*function) //nolint:errcheck // the map holds nothing else
}

// CallDone counts an answer.
func (c *calls) CallDone(servant, name string, code int32, elapsed time.Duration, _ bool) {
	f := c.function(servant, name)
	f.duration.Observe(elapsed.Seconds())
	if code == rpc.CodeSuccess {
		f.ok.Inc()
		return
	}
	c.done.WithLabelValues(servant, name, result(code)).Inc()
}

// result names a return code.
func result(code int32) string {
	switch code {
	case rpc.CodeFailed:
		return "refused"
	case rpc.CodeUndecodable:
		return "undecodable"
	case rpc.CodeUnknownFunction:
		return "unknown_function"
	case rpc.CodeUnknownServant:
		return "unknown_servant"
	case rpc.CodeOverloaded:
		return "overloaded"
	case rpc.CodeInternal:
		return "internal"
	default:
		return "other"
	}
}

func (c *calls) ConnectionOpened()                { c.opened.Inc() }
func (c *calls) ConnectionClosed(reason string)   { c.closed.WithLabelValues(reason).Inc() }
func (c *calls) ConnectionRefused(reason string)  { c.refused.WithLabelValues(reason).Inc() }
func (c *calls) FrameRefused(reason string)       { c.malformed.WithLabelValues(reason).Inc() }
func (c *calls) CallRefused(reason string)        { c.overload.WithLabelValues(reason).Inc() }
func (c *calls) CallDropped(servant, name string) { c.dropped.WithLabelValues(servant, name).Inc() }
func (c *calls) Panicked(servant, name string)    { c.panics.WithLabelValues(servant, name).Inc() }
