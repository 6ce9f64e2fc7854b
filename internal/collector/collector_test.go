package collector

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

func TestPercent(t *testing.T) {
	const mega = 1 << 20
	for _, test := range []struct {
		alive, rate uint64
		want        int
	}{
		{0, 0, 800},            // nothing was collected yet
		{mega, 0, 800},         // bounded
		{16 * mega, 0, 400},    // 64 MB beside 16
		{64 * mega, 0, 100},    // as Go has it
		{100 * mega, 0, 60},    // 64 MB, in steps
		{128 * mega, 0, 50},    // 64 MB
		{10_000 * mega, 0, 50}, // half again
		{64 * mega, 32, 100},   // 64 MB last for two seconds
		{64 * mega, 33 * mega, 200},
		{64 * mega, 65 * mega, 400},
		{64 * mega, 10_000 * mega, 400}, // 256 MB at most
		{10_000 * mega, 10_000 * mega, 50},
	} {
		if got := percent(test.alive, test.rate); got != test.want {
			t.Errorf("%d MB, %d MB/s: %d, want %d", test.alive/mega, test.rate/mega, got, test.want)
		}
	}
}

// TestTheRateForgets: a burst counts for some seconds, and no longer.
func TestTheRateForgets(t *testing.T) {
	load := meter{total: 1000}
	for _, step := range []struct{ total, want uint64 }{{1000, 0}, {2000, 500}, {3000, 750}, {3000, 375}, {3000, 187}} {
		if got := load.rate(step.total); got != step.want {
			t.Errorf("at %d it is %d, want %d", step.total, got, step.want)
		}
	}
}

func TestFillPercent(t *testing.T) {
	const mega = 1 << 20
	for _, test := range []struct {
		alive uint64
		want  int
	}{
		{0, 5200},            // nothing was collected yet: 52 times 4 MB
		{mega, 5200},         // the same
		{16 * mega, 1200},    // 208 MB
		{64 * mega, 225},     // 208 MB
		{104 * mega, 100},    // 208 MB, as Go has it
		{10_000 * mega, 100}, // as Go has it
	} {
		if got := fillPercent(test.alive); got != test.want {
			t.Errorf("%d MB: %d, want %d", test.alive/mega, got, test.want)
		}
	}
}

// TestFillingEnds: by itself, where nobody says that it has.
func TestFillingEnds(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		fill(t.Context(), nil)
		if took := time.Since(start); took != fillTime {
			t.Errorf("it ended after %s, want %s", took, fillTime)
		}
	})
}

// TestRunSetsThePercentage: for as long as it runs, by the heap as it is, once that is
// filled.
func TestRunSetsThePercentage(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	heap := make([]byte, 300<<20)
	runtime.GC()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		filled := make(chan struct{})
		go func() { defer close(done); Run(ctx, filled) }()
		synctest.Wait()
		if got := debug.SetGCPercent(77); got != standard {
			t.Errorf("while 300 MB are being filled it is %d, want %d", got, standard)
		}
		close(filled)
		synctest.Wait()
		if got := debug.SetGCPercent(77); got != share {
			t.Errorf("with 300 MB alive it is %d, want %d", got, share)
		}
		stop()
		<-done
	})
	runtime.KeepAlive(heap)
}
