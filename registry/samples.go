package registry

import (
	"time"

	"github.com/tarsregistry/tarsregistry/registry/metrics"
)

// samples is the registry's state as metrics show it.
func (r *Registry) samples() []metrics.Sample {
	r.mu.Lock()
	server, flusher := r.server, r.flusher
	r.mu.Unlock()
	samples := append(r.instanceSamples(), r.followSamples()...)
	samples = append(samples, r.sweepSamples()...)
	if server != nil {
		stats := server.Stats()
		samples = append(samples,
			gauge("connections", "Open connections of the servants.", float64(stats.Connections)),
			gauge("calls_queued", "Calls that wait for a worker.", float64(stats.Queued)),
			gauge("request_memory_bytes", "Memory held by large requests and queued calls.", float64(stats.Held)),
		)
	}
	if flusher != nil {
		stats := flusher.Stats()
		samples = append(samples,
			counter("flushes_total", "Rounds of writing heartbeats.", float64(stats.Rounds)),
			counter("flush_failures_total", "Rounds of writing heartbeats that failed.", float64(stats.Failures)),
			counter("heartbeats_flushed_total", "Heartbeats written.", float64(stats.Beats)),
			gauge("flush_duration_seconds", "Time of the last round of writing heartbeats.", stats.LastTook.Seconds()),
			gauge("flush_age_seconds", "Time since heartbeats were last written; -1: never.", stats.SinceSuccess.Seconds()),
		)
	}
	return samples
}

func gauge(name, help string, value float64) metrics.Sample {
	return metrics.Sample{Name: name, Help: help, Values: map[string]float64{"": value}}
}

func counter(name, help string, value float64) metrics.Sample {
	sample := gauge(name, help, value)
	sample.Counter = true
	return sample
}

func truth(value bool) float64 {
	if value {
		return 1
	}
	return 0
}

func (r *Registry) instanceSamples() []metrics.Sample {
	states := map[string]float64{"active": 0, "inactive": 0, "activating": 0, "deactivating": 0, "destroyed": 0}
	leases := map[string]float64{"live": 0, "expired": 0, "left": 0, "cleaned": 0}
	for _, instance := range r.roster.All() {
		if instance.Server != nil {
			states[string(instance.Server.PresentState)]++
		}
		if instance.Lease != nil {
			leases[string(instance.Lease.State)]++
		}
	}
	book := r.book.Stats()
	beats := map[string]float64{}
	for verdict, count := range book.Beats {
		beats[verdict.String()] = float64(count)
	}
	return []metrics.Sample{
		{Name: "instances", Help: "Instances with a server row, by present state.", Label: "state", Values: states},
		{Name: "leases", Help: "Leases of pods, by state.", Label: "state", Values: leases},
		{Name: "heartbeats_total", Help: "Heartbeats by what they came to.", Counter: true, Label: "verdict", Values: beats},
		gauge("heartbeats_pending", "Heartbeats noted and not yet written.", float64(book.Pending)),
		gauge("heartbeats_pending_age_seconds", "How long the oldest heartbeat has been waiting to be written.", book.OldestPending.Seconds()),
	}
}

func (r *Registry) followSamples() []metrics.Sample {
	status := r.follower.Status()
	age := -1.0
	if !status.Current.IsZero() {
		age = time.Since(status.Current).Seconds()
	}
	samples := []metrics.Sample{
		gauge("database_up", "1 while the database can be followed.", truth(status.Broken.IsZero() && r.current() >= serving)),
		gauge("picture_age_seconds", "Time since the picture was last equal to the tables; -1: never.", age),
		gauge("removals_doubted", "1 while a mass removal is held back.", truth(status.Doubting)),
		counter("followed_events_total", "Changes of other replicas taken from the event log.", float64(status.Events)),
		counter("followed_changes_total", "Changes of other programs found by comparison.", float64(status.Others)),
	}
	picture := r.table.Picture()
	if picture == nil {
		return samples
	}
	stats := picture.Stats()
	return append(samples,
		counter("picture_version_total", "Publications of the picture.", float64(picture.Version())),
		gauge("objects", "Objects with rows.", float64(stats.Objects)),
		gauge("endpoints", "Rows of objects.", float64(stats.Endpoints)),
		gauge("tombstones", "Removed endpoints still in inactive lists.", float64(stats.Tombstones)),
		gauge("bad_rows", "Rows that look-ups pass over; the admin command badrows lists them.", float64(stats.BadRows)),
		gauge("encoded_replies_bytes", "Memory of encoded replies.", float64(stats.BodyBytes)),
	)
}

func (r *Registry) sweepSamples() []metrics.Sample {
	stats, protection := r.sweeper.Stats(), r.sweeper.Protection()
	return []metrics.Sample{
		gauge("sweeping", "1 on the replica that sweeps.", truth(stats.Sweeping)),
		counter("sweeps_total", "Sweeps done.", float64(stats.Sweeps)),
		counter("sweeps_skipped_total", "Sweeps in which nothing could expire.", float64(stats.Skipped)),
		counter("expired_total", "Leases expired.", float64(stats.Expired)),
		gauge("overdue", "Leases that had run out in the last sweep.", float64(stats.Overdue)),
		gauge("protection_on", "1 while protection keeps leases from expiring.", truth(protection.On)),
		gauge("protection_held", "Leases that protection keeps.", float64(stats.Held)),
	}
}
