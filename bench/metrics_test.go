//go:build unix

package bench

import (
	"slices"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
	"github.com/tarsregistry/tarsregistry/tars"
)

// BenchmarkMetricsTargets: getMetricsAdapters with 10,000 targets of 1,000
// servers, when nothing has changed since the last call and when something has.
func BenchmarkMetricsTargets(b *testing.B) {
	w := newWorld(b)
	send(b, w.registry.Pod, templates(b, w.fleet, registerMetrics))
	call := load.NewTemplate(load.Request{
		Servant: podObject, Function: "getMetricsAdapters", Body: encode(b, 1, &tars.GetMetricsAdaptersReq{}), Timeout: 3000,
	})
	answer, err := ask(w.registry.Pod, call)
	if err != nil {
		b.Fatal(err)
	}
	w.rest()
	change := []load.Template{onStartup(b, w.fleet[0])}
	const times = 30
	var steady, changed []float64
	var cpu float64
	for range times {
		send(b, w.registry.Pod, change)
		changed = append(changed, took(b, w.registry.Pod, call))
		before := usage(b, w.process)
		steady = append(steady, took(b, w.registry.Pod, call))
		cpu += (usage(b, w.process).CPU - before.CPU).Seconds()
	}
	table := results.section("getMetricsAdapters: 10,000 targets of 1,000 servers",
		"since the last call", "p50", "slowest of "+rate(times), "registry's CPU")
	table.row("nothing changed", seconds(median(steady)), seconds(slices.Max(steady)), seconds(cpu/times))
	table.row("an instance registered", seconds(median(changed)), seconds(slices.Max(changed)), "")
	table.note("The answer has %d kB. A call is timed from its first byte to the answer's last, on a connection of its own.", len(answer)>>10)
	b.ReportMetric(median(steady)*1000, "ms/steady")
	b.ReportMetric(median(changed)*1000, "ms/changed")
}

// took is how long one call takes, in seconds.
func took(b *testing.B, address string, call load.Template) float64 {
	b.Helper()
	start := time.Now()
	if _, err := ask(address, call); err != nil {
		b.Fatal(err)
	}
	return time.Since(start).Seconds()
}

func seconds(s float64) string { return duration(time.Duration(s * float64(time.Second))) }
