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
		alive uint64
		want  int
	}{
		{0, 400},            // nothing was collected yet
		{mega, 400},         // bounded
		{16 * mega, 400},    // 64 MB beside 16
		{64 * mega, 100},    // as Go has it
		{100 * mega, 60},    // 64 MB, in steps
		{128 * mega, 50},    // 64 MB
		{10_000 * mega, 50}, // half again
	} {
		if got := percent(test.alive); got != test.want {
			t.Errorf("%d MB: %d, want %d", test.alive/mega, got, test.want)
		}
	}
}

func TestFillPercent(t *testing.T) {
	const mega = 1 << 20
	for _, test := range []struct {
		alive uint64
		want  int
	}{
		{0, 4000},            // nothing was collected yet: 40 times 4 MB
		{mega, 4000},         // the same
		{16 * mega, 900},     // 160 MB
		{64 * mega, 150},     // 160 MB
		{80 * mega, 100},     // 160 MB, as Go has it
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
