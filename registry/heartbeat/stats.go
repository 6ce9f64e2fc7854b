package heartbeat

import "time"

// counts are a shard's.
type counts [verdictCount]uint64

func (s *shard) count(v Verdict) Verdict {
	s.counts[v]++
	return v
}

// Stats is the book at one moment, for metrics and the API.
type Stats struct {
	Leases  int // known, in whatever state
	Live    int
	Nodes   int
	Pending int // heartbeats that are noted and not flushed
	// OldestPending is how long the first of them has been waiting.
	OldestPending time.Duration
	// Beats counts heartbeats by verdict since the book was opened.
	Beats map[Verdict]uint64
}

// Stats counts. It visits every lease; ask every few seconds, not per call.
func (b *Book) Stats() Stats {
	stats := Stats{Beats: make(map[Verdict]uint64, verdictCount)}
	now := b.now()
	oldest := now
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		stats.Leases += len(s.entries)
		stats.Nodes += len(s.nodes)
		stats.Pending += len(s.changed)
		for _, u := range s.changed {
			oldest = min(oldest, u.at)
		}
		for _, e := range s.noted {
			if e.has(flagNoted) {
				stats.Pending++
				oldest = min(oldest, e.last)
			}
		}
		for _, e := range s.entries {
			if e.state == leaseLive {
				stats.Live++
			}
		}
		for v, n := range s.counts {
			stats.Beats[Verdict(v)] += n
		}
		s.mu.Unlock()
	}
	stats.OldestPending = time.Duration(now - oldest)
	return stats
}
