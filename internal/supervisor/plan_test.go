package supervisor

import (
	"testing"
	"time"
)

func TestPlan(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		name             string
		wait, grace      time.Duration
		drain            time.Duration // the longest wait for clients
		fromEnd, leastOf time.Duration // the end before the grace period's; what the server gets at least
	}{
		{"today's manifests, told", 80 * s, 90 * s, 80 * s, s, 5 * s},
		{"Kubernetes' default", 80 * s, 30 * s, 22500 * time.Millisecond, s, 5 * s},
		{"clients that refresh every minute", 80 * s, 100 * s, 80 * s, s, 5 * s},
		{"short", 80 * s, 6 * s, 2800 * time.Millisecond, 600 * time.Millisecond, 2 * s},
		{"very short", 80 * s, s, 466 * time.Millisecond, 100 * time.Millisecond, 333 * time.Millisecond},
		{"no wait", 0, 30 * s, 0, s, 5 * s},
	} {
		start := time.Now()
		p := newPlan(start, tt.wait, tt.grace)
		if got := p.drainUntil.Sub(start).Truncate(time.Millisecond); got != tt.drain {
			t.Errorf("%s: clients are waited for %v, want %v", tt.name, got, tt.drain)
		}
		if got := tt.grace - p.end.Sub(start); got != tt.fromEnd {
			t.Errorf("%s: over %v before the grace period, want %v", tt.name, got, tt.fromEnd)
		}
		if got := p.end.Sub(p.drainUntil); got < tt.leastOf {
			t.Errorf("%s: %v are left for the server, want %v", tt.name, got, tt.leastOf)
		}
	}
}

func TestPlanWithoutGracePeriodKeepsTodaysWait(t *testing.T) {
	start := time.Now()
	p := newPlan(start, 80*time.Second, 0)
	if p.drainUntil.Sub(start) != 80*time.Second || p.end.Sub(start) >= 90*time.Second {
		t.Errorf("%v and %v: today's manifests give 90 s", p.drainUntil.Sub(start), p.end.Sub(start))
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	for i, seconds := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		got, w := b.next(), time.Duration(seconds)*time.Second
		if got < w*3/4 || got > min(w*5/4, time.Minute) {
			t.Errorf("pause %d is %v, want about %v", i+1, got, w)
		}
	}
	b.reset()
	if got := b.next(); got > 2*time.Second {
		t.Errorf("after a healthy while the pause is %v", got)
	}
}
