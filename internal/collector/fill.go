package collector

import (
	"context"
	"time"
)

const (
	// first is how large a heap that is being filled may grow before it is collected,
	// in bytes. What a registry reads at a start mostly stays: collecting it at 8, 16,
	// 32 and 64 MB finds little, and is a tenth of the work.
	first = 208 << 20
	// standard is Go's own percentage, by which a heap may waste as much as is alive.
	standard = 100
	// smallest is the heap that Go collects first at the standard percentage.
	smallest = 4 << 20
	// fillRhythm is how often a heap is looked at that is being filled.
	fillRhythm = 5 * time.Millisecond
	// fillTime is how long a filling may last. Who waits longer than that for a
	// database wastes no more memory than others.
	fillTime = time.Minute
)

// fill sets the percentage until filled is closed, or for fillTime.
func fill(ctx context.Context, filled <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, fillTime)
	defer cancel()
	steer(ctx, filled, fillRhythm, func() int { return fillPercent(alive()) })
}

// fillPercent is GOGC by which a heap with so many bytes alive is collected next when
// it has grown to first; it is not less than Go's own.
func fillPercent(alive uint64) int {
	percent := uint64(first * standard / smallest)
	if alive > 0 {
		percent = min(percent, max(first, alive)*100/alive-100)
	}
	return int(max(percent, standard))
}
