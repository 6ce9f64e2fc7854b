package collector

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// headroom is what may be wasted in any case, in bytes: registrations leave
	// some 20 kB each behind, and a small heap would be collected several times a
	// second.
	headroom = 64 << 20
	// share is what may be wasted of a large heap, in percent of what is alive. Go
	// itself would take as much as is alive, 100.
	share = 50
	// most bounds the percentage of a small heap, which may grow before it is looked
	// at again.
	most = 400
	// rhythm is how often the heap is looked at.
	rhythm = time.Second
)

// Run sets the collector's percentage for the whole process until ctx ends: while
// the heap is being filled so that it is hardly ever collected, and from when filled
// is closed by its size. What the filling left behind is given back to the system in
// between. It is for programs whose operator has not set GOGC.
func Run(ctx context.Context, filled <-chan struct{}) {
	fill(ctx, filled)
	debug.FreeOSMemory()
	steer(ctx, nil, rhythm, percent)
}

// steer sets the percentage by the heap that is alive, as often as told, until ended
// is closed or ctx ends.
func steer(ctx context.Context, ended <-chan struct{}, often time.Duration, percent func(alive uint64) int) {
	ticker := time.NewTicker(often)
	defer ticker.Stop()
	current := 0
	for {
		if wanted := percent(alive()); wanted != current {
			debug.SetGCPercent(wanted)
			current = wanted
		}
		select {
		case <-ticker.C:
		case <-ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

// percent is GOGC for so many bytes that are alive, in steps of ten: setting it
// stops the world.
func percent(alive uint64) int {
	if alive == 0 {
		return most
	}
	return int(min(max(headroom*100/alive, share), most)) / 10 * 10
}

// alive is what the last collection left.
func alive() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
