package collector

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// headroom is what may be wasted in any case, in bytes: a small heap would be
	// collected several times a second.
	headroom = 64 << 20
	// busy is what may be wasted under load. Registrations leave some 20 kB each
	// behind, and marking a large heap takes longer than writing a hundred of them.
	busy = 256 << 20
	// apart is for how long, in seconds, what is allocated shall last until the next
	// collection, between headroom and busy.
	apart = 2
	// share is what may be wasted of a large heap, in percent of what is alive. Go
	// itself would take as much as is alive, 100.
	share = 50
	// most bounds the percentage of a small heap, which may grow before it is looked
	// at again.
	most = 800
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
	load := meter{total: allocated()}
	steer(ctx, nil, rhythm, func() int { return percent(alive(), load.rate(allocated())) })
}

// steer sets the percentage as often as told, until ended is closed or ctx ends.
func steer(ctx context.Context, ended <-chan struct{}, often time.Duration, percent func() int) {
	ticker := time.NewTicker(often)
	defer ticker.Stop()
	current := 0
	for {
		if wanted := percent(); wanted != current {
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

// meter tells how much is allocated in each rhythm.
type meter struct {
	total uint64 // at the last reading
	mean  uint64
}

// rate is a mean of the last few readings, in bytes.
func (m *meter) rate(total uint64) uint64 {
	m.mean = (m.mean + total - m.total) / 2
	m.total = total
	return m.mean
}

// percent is GOGC for so many bytes that are alive, and allocated a second. It is in
// steps, because setting it stops the world.
func percent(alive, rate uint64) int {
	if alive == 0 {
		return most
	}
	waste := uint64(headroom)
	for waste < busy && waste < apart*rate {
		waste *= 2
	}
	return int(min(max(waste*100/alive, share), most)) / 10 * 10
}

// alive is what the last collection left.
func alive() uint64 { return read("/gc/heap/live:bytes") }

// allocated is all that ever was.
func allocated() uint64 { return read("/gc/heap/allocs:bytes") }

func read(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
