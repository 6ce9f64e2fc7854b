package load

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets about 3 % wide.
type Histogram struct {
	counts [64 * fine]uint64
	total  uint64
	max    time.Duration
}

const (
	fineBits = 5
	fine     = 1 << fineBits // buckets for each power of two
)

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.total++
	h.max = max(h.max, d)
}

// Merge adds what another has counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.max = max(h.max, other.max)
}

// Quantile is the duration that a share q (0..1) of those counted does not
// exceed, to the width of a bucket; 0 when there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q * float64(h.total))
	seen := uint64(0)
	for i, n := range h.counts {
		if seen += n; seen > rank {
			return min(upper(i), h.max)
		}
	}
	return h.max
}

// Max is the longest duration counted.
func (h *Histogram) Max() time.Duration { return h.max }

func bucket(v uint64) int {
	if v < fine {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - fineBits
	return (shift+1)*fine + int(v>>shift) - fine
}

// upper is the largest value of a bucket.
func upper(i int) time.Duration {
	if i < fine {
		return time.Duration(i)
	}
	shift := i/fine - 1
	return time.Duration((uint64(i%fine+fine)+1)<<shift - 1)
}
