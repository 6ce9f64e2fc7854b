package load

import (
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	var h, other Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("quantile of nothing")
	}
	for i := range 10_000 {
		d := time.Duration(i+1) * time.Microsecond
		if i%2 == 0 {
			h.Add(d)
		} else {
			other.Add(d)
		}
	}
	h.Merge(&other)
	for _, test := range []struct {
		q    float64
		want time.Duration
	}{{0, time.Microsecond}, {0.5, 5 * time.Millisecond}, {0.99, 9900 * time.Microsecond}, {0.999, 9990 * time.Microsecond}, {1, 10 * time.Millisecond}} {
		got := h.Quantile(test.q)
		if diff := float64(got-test.want) / float64(test.want); diff < -0.001 || diff > 0.04 {
			t.Errorf("quantile %v is %v, want about %v", test.q, got, test.want)
		}
	}
	if h.Max() != 10*time.Millisecond {
		t.Errorf("max %v", h.Max())
	}
}

func TestBucketsAreInOrderAndNarrow(t *testing.T) {
	for _, v := range []uint64{0, 1, 31, 32, 33, 63, 64, 1000, 123_456_789, 1<<62 + 12345, 1<<63 - 1} {
		i := bucket(v)
		if up := uint64(upper(i)); up < v || float64(up-v) > float64(v)/16 {
			t.Errorf("%d is in a bucket up to %d", v, up)
		}
		if v > 0 && bucket(v-1) > i {
			t.Errorf("bucket of %d is after that of %d", v-1, v)
		}
	}
}
