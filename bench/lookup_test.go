//go:build unix

package bench

import (
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
)

// BenchmarkLookups: 1,000 servants of ten endpoints, and one of 1,000.
func BenchmarkLookups(b *testing.B) {
	w := newWorld(b)
	large := fleet("Large", 1, 1000, 1<<20)
	send(b, w.registry.Pod, templates(b, large, onStartup))
	w.rest()
	var small []load.Template
	for i := 0; i < len(w.fleet); i += 10 {
		small = append(small, findObject(b, w.fleet[i].object()))
	}
	for _, kind := range []struct {
		name, title string
		requests    []load.Template
	}{
		{"10", "Look-ups: 1,000 servants of 10 endpoints", small},
		{"1000", "Look-ups: a servant of 1,000 endpoints", []load.Template{findObject(b, large[0].object())}},
	} {
		table := results.section(kind.title, header("callers", "servant")...)
		for _, shape := range []shape{
			{"64 connections", 64, 1}, {"256 connections", 256, 1}, {"8 connections, 32 calls each", 8, 32},
		} {
			ours := &contender{process: w.process, address: w.registry.Query}
			null := &contender{process: startNull(b, w.registry.Query, kind.requests[0])}
			null.address = null.process.Address
			frames := around(kind.requests, shape.connections)
			for range rounds(b) {
				profiled := w.registry.profile(b, "lookups "+kind.name+" "+shape.name, turn(b))
				ours.takeTurn(b, shape, turn(b), frames)
				profiled()
				null.takeTurn(b, shape, turn(b), frames)
			}
			table.compare(shape, ours, null, nil)
			table.note("%s: %.2f allocations a look-up.", shape.name, median(ours.mallocs))
			b.ReportMetric(median(ours.cpu), "cpu-us/"+kind.name+"/"+metricName(shape))
			b.ReportMetric(ours.against(null), "of-null/"+kind.name+"/"+metricName(shape))
		}
	}
}
