//go:build unix

package bench

import (
	"testing"
	"time"
)

// flushTime is how long after the last heartbeat all are written: one interval
// of the flusher and a little more.
const flushTime = 2200 * time.Millisecond

// BenchmarkHeartbeats: 10,000 instances on 10,000 nodes.
func BenchmarkHeartbeats(b *testing.B) {
	w := newWorld(b)
	beats := templates(b, w.fleet, keepAlive)
	questions := w.questions(b)
	table := results.section("Heartbeats: 10,000 instances on 10,000 nodes", header("callers", "servant")...)
	table.note("Without callers the registry uses %.0f ms of processor time a second.", idle(b, w.process))
	for _, shape := range []shape{
		{"64 connections", 64, 1}, {"512 connections", 512, 1}, {"8 connections, 32 calls each", 8, 32},
	} {
		ours := &contender{process: w.process, address: w.registry.Pod, settle: flushTime, database: databaseCPU(b, w.dsn)}
		null := &contender{process: startNull(b, w.registry.Pod, beats[0])}
		null.address = null.process.Address
		literal := w.literal(b)
		frames := around(beats, shape.connections)
		var statements, flushed float64
		for range rounds(b) {
			before, wrote := questions(), w.registry.metric(b, "heartbeats_flushed_total")
			profiled := w.registry.profile(b, "heartbeats "+shape.name, turn(b))
			ours.takeTurn(b, shape, turn(b), frames)
			profiled()
			statements += questions() - before
			flushed += w.registry.metric(b, "heartbeats_flushed_total") - wrote
			null.takeTurn(b, shape, turn(b), frames)
			literal.takeTurn(b, shape, turn(b), frames)
		}
		table.compare(shape, ours, null, map[string]*contender{"literal SQL": literal})
		table.note("%s: %.5f SQL statements a heartbeat, %.2f allocations a heartbeat, all of the registry's jobs included; %.0f %% of the heartbeats of a turn were newer ones of an instance that had one waiting.",
			shape.name, statements/float64(ours.calls), median(ours.mallocs), 100*(1-flushed/float64(ours.calls)))
		b.ReportMetric(median(ours.cpu), "cpu-us/"+metricName(shape))
		b.ReportMetric(ours.against(null), "of-null/"+metricName(shape))
	}
}
