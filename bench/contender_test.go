//go:build unix

package bench

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
)

// shape is how callers are connected.
type shape struct {
	name        string
	connections int
	depth       int // calls outstanding on each connection
}

// contender is a server under load, with what each of its turns came to.
type contender struct {
	process *load.Process
	address string
	// settle, where it is set, is how long after a turn the server still works
	// for it; the time it uses then counts as well.
	settle time.Duration
	// database tells the processor time of the database; nil: there is none, or
	// it is in the server's process.
	database func() time.Duration

	rates   []float64 // calls a second, by turn
	cpu     []float64 // microseconds of processor time a call, by turn
	stored  []float64 // microseconds of the database's processor time a call, by turn
	mallocs []float64 // a call, by turn
	calls   int64
	failed  int64
	latency load.Histogram
}

// start runs a server of this program until the benchmark ends.
func start(b *testing.B, name string, variables ...string) *load.Process {
	b.Helper()
	process, err := load.Start(name, variables...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := process.Stop(); err != nil {
			b.Errorf("stop %s: %v", name, err)
		}
	})
	return process
}

// takeTurn puts the server under load for one turn.
func (c *contender) takeTurn(b *testing.B, shape shape, length time.Duration, frames func(dst []byte, connection, n int, id int32) []byte) {
	b.Helper()
	before, stored := usage(b, c.process), c.storedSoFar()
	result, err := load.Run(b.Context(), load.Options{
		Address: c.address, Connections: shape.connections, Depth: shape.depth, Duration: length, Append: frames,
	})
	if err != nil {
		b.Fatal(err)
	}
	time.Sleep(c.settle)
	after := usage(b, c.process)
	c.rates = append(c.rates, result.Rate())
	c.cpu = append(c.cpu, (after.CPU-before.CPU).Seconds()*1e6/float64(result.Calls))
	if c.database != nil {
		c.stored = append(c.stored, (c.database()-stored).Seconds()*1e6/float64(result.Calls))
	}
	c.mallocs = append(c.mallocs, float64(after.Mallocs-before.Mallocs)/float64(result.Calls))
	c.calls += result.Calls
	c.failed += result.Failed
	c.latency.Merge(&result.Latency)
}

func (c *contender) storedSoFar() time.Duration {
	if c.database == nil {
		return 0
	}
	return c.database()
}

func usage(b *testing.B, process *load.Process) load.Usage {
	b.Helper()
	used, err := process.Usage()
	if err != nil {
		b.Fatal(err)
	}
	return used
}

// cells are what a table tells of a contender: rate, processor time, latencies,
// errors.
func (c *contender) cells() []string {
	return []string{
		rate(median(c.rates)), micros(median(c.cpu)), c.storedCell(),
		duration(c.latency.Quantile(0.5)), duration(c.latency.Quantile(0.99)), duration(c.latency.Quantile(0.999)),
		rate(float64(c.failed)),
	}
}

// cellNames head cells.
func cellNames() []string {
	return []string{"calls/s", "CPU µs/call", "database's", "p50", "p99", "p99.9", "errors"}
}

func (c *contender) storedCell() string {
	if c.database == nil {
		return ""
	}
	return micros(median(c.stored))
}

// against is the median of one contender's rates over the other's, turn by turn.
func (c *contender) against(other *contender) float64 {
	ratios := make([]float64, len(c.rates))
	for i := range ratios {
		ratios[i] = c.rates[i] / other.rates[i]
	}
	return median(ratios)
}

// median of what was measured; of an even number of values the mean of the two
// in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 9, 2}, 3}} {
		if got := median(test.values); got != test.want {
			t.Errorf("median of %v is %v, want %v", test.values, got, test.want)
		}
	}
}

// metricName is a shape's name as a benchmark's metric may have it.
func metricName(s shape) string {
	name, _, _ := strings.Cut(s.name, " ")
	return name
}
