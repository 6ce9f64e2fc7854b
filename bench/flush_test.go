//go:build unix

package bench

import (
	"testing"
	"time"
)

// BenchmarkFlush: one heartbeat of each of 10,000 instances, written by the
// registry's own flusher.
func BenchmarkFlush(b *testing.B) {
	table := results.section("Writing 10,000 heartbeats", "database", "median", "registry's CPU")
	dsn := startMariaDB(b).Database(b)
	for _, kind := range []struct{ name, dsn string }{{"SQLite", ""}, {"MariaDB", dsn}} {
		process, registry := startRegistry(b, kind.dsn, b.TempDir())
		fleet := fleet("Some", 1000, 10, 1)
		send(b, registry.Pod, templates(b, fleet, onStartup))
		beats := templates(b, fleet, keepAlive)
		time.Sleep(restTime)
		var took, cpu []float64
		for range rounds(b) {
			flushed := registry.metric(b, "heartbeats_flushed_total")
			send(b, registry.Pod, beats)
			before := usage(b, process)
			for registry.metric(b, "heartbeats_flushed_total") < flushed+float64(len(fleet)) {
				time.Sleep(250 * time.Millisecond) // asking costs something too
			}
			took = append(took, registry.metric(b, "flush_duration_seconds"))
			cpu = append(cpu, (usage(b, process).CPU - before.CPU).Seconds())
		}
		table.row(kind.name, seconds(median(took)), seconds(median(cpu)))
		b.ReportMetric(median(took)*1000, "ms/"+kind.name)
	}
	table.note("A round that fell between the heartbeats' arrivals has part of them in the one before; its time is that of the last one.")
}
