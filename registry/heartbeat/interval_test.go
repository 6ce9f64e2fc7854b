package heartbeat

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// beats sends heartbeats after the given waits and gives what would be flushed
// of the last.
func beats(t *testing.T, b *Book, told time.Duration, waits ...time.Duration) pending {
	t.Helper()
	var last pending
	for _, wait := range waits {
		time.Sleep(wait)
		one := beat(key(1), "", naming.Active, 0)
		one.Interval = told
		wantVerdict(t, b.Beat(one), Unchanged)
		noted := wantPending(t, b, 1)
		last = noted[0]
	}
	return last
}

func wantLease(t *testing.T, p pending, interval, duration time.Duration) {
	t.Helper()
	if p.Interval != interval || p.Duration != duration {
		t.Errorf("interval %s and lease time %s, want %s and %s", p.Interval, p.Duration, interval, duration)
	}
}

func TestR17_ToldInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBook(ttl)
		b.Learn(live(key(1), ""))
		wantLease(t, beats(t, b, 5*time.Second, time.Second), 5*time.Second, 95*time.Second)
		wantLease(t, beats(t, b, 60*time.Second, time.Second), 60*time.Second, 180*time.Second)
		wantLease(t, beats(t, b, 10*time.Second, time.Second), 10*time.Second, 95*time.Second)
		wantLease(t, beats(t, b, time.Hour, time.Second), naming.MaxInterval, 3*naming.MaxInterval)
	})
}

func TestR17_UntoldIntervalIsTheLongestSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBook(ttl)
		b.Learn(live(key(1), ""))
		wantLease(t, beats(t, b, 0, 30*time.Second), 0, 250*time.Second)
		wantLease(t, beats(t, b, 0, 40*time.Second), 0, 250*time.Second)
		wantLease(t, beats(t, b, 0, 30*time.Second), 40*time.Second, 120*time.Second)
		wantLease(t, beats(t, b, 0, 10*time.Second), 40*time.Second, 120*time.Second)
	})
}

func TestR17_ThreeBeatsAreThreeBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBook(ttl)
		b.Learn(live(key(1), ""))
		// The retry of a call tells nothing of the interval.
		p := beats(t, b, 0, 30*time.Second, time.Millisecond, time.Millisecond, time.Millisecond)
		wantLease(t, p, 0, 250*time.Second)
	})
}

func TestR17_AnOutageIsNoInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBook(ttl)
		b.Learn(live(key(1), ""))
		beats(t, b, 0, 30*time.Second, 30*time.Second, 30*time.Second)
		wantLease(t, beats(t, b, 0, 8*time.Minute), 30*time.Second, 95*time.Second)
	})
}

func TestR17_StoredIntervalSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBook(ttl)
		b.Learn(live(key(1), "", func(l *naming.Lease) { l.Interval = 50 * time.Second }))
		wantLease(t, beats(t, b, 0, 30*time.Second), 50*time.Second, 150*time.Second)
	})
}

func TestR17_AnotherIdentityStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBook(ttl)
		b.Learn(live(key(1), "other", func(l *naming.Lease) { l.Interval = 50 * time.Second }))
		b.Learn(live(key(1), "", revision(2)))
		wantLease(t, beats(t, b, 0, 30*time.Second), 0, 250*time.Second)
	})
}

func TestR16_TheWallClockDoesNotCount(t *testing.T) {
	// The book measures with time.Since on a time that carries a monotonic
	// reading; losing that would tie leases to the wall clock.
	b := NewBook(ttl)
	if b.opened == b.opened.Round(0) { //nolint:staticcheck // Round strips it, and Equal would not see that
		t.Error("the time that the book counts from has no monotonic reading")
	}
}
