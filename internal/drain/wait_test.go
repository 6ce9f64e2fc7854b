package drain

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// client is a connection whose traffic is a function of the time since the
// drain began.
type client struct {
	id    uint64
	every time.Duration // between two requests; 0: none
	until time.Duration // the last request
	slow  bool          // never answered
	ping  bool          // sends keepalives instead
}

func (c client) at(elapsed time.Duration) Connection {
	conn := Connection{ID: c.id, Remote: "10.0.0.9:1", BytesIn: 100, SegmentsIn: 1, SegmentsOut: 1}
	if c.every == 0 {
		return conn
	}
	n := uint64(min(elapsed, c.until) / c.every)
	conn.SegmentsIn += uint32(n)
	conn.BytesIn += n * 80
	if !c.slow && !c.ping {
		conn.SegmentsOut += uint32(n)
	}
	if c.slow {
		conn.BytesIn += n * 1000
	}
	return conn
}

func TestWait(t *testing.T) {
	const forever = time.Hour
	for _, tt := range []struct {
		name      string
		clients   []client
		min, max  time.Duration
		wantQuiet bool
		from, to  time.Duration // when the wait may end
	}{
		{"no connections, no minimum", nil, 0, 80 * time.Second, true, 3 * time.Second, 4 * time.Second},
		{"no connections, minimum", nil, 12 * time.Second, 80 * time.Second, true, 12 * time.Second, 13 * time.Second},
		{"idle connections", []client{{id: 1}}, 12 * time.Second, 80 * time.Second, true, 12 * time.Second, 13 * time.Second},
		{"client leaves at its refresh", []client{{id: 1, every: 100 * time.Millisecond, until: 20 * time.Second}},
			12 * time.Second, 80 * time.Second, true, 23 * time.Second, 24 * time.Second},
		{"client never leaves", []client{{id: 1, every: 100 * time.Millisecond, until: forever}},
			12 * time.Second, 80 * time.Second, false, 80 * time.Second, 81 * time.Second},
		{"keepalives are not requests", []client{{id: 1, every: time.Second, until: forever, ping: true}},
			5 * time.Second, 80 * time.Second, true, 5 * time.Second, 6 * time.Second},
		{"unanswered request", []client{{id: 1, every: 10 * time.Second, until: 10 * time.Second, slow: true}},
			12 * time.Second, 80 * time.Second, true, 15 * time.Second, 16 * time.Second},
		{"budget shorter than the minimum", nil, 60 * time.Second, 20 * time.Second, true, 20 * time.Second, 21 * time.Second},
		{"budget shorter than quiet", nil, 0, time.Second, true, time.Second, 2 * time.Second},
		{"no budget", []client{{id: 1, every: time.Millisecond, until: forever}}, time.Second, 0, true, 0, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				outcome := Wait(t.Context(), Options{
					Minimum: tt.min, Maximum: tt.max,
					Sample: func() ([]Connection, error) {
						var all []Connection
						for _, c := range tt.clients {
							all = append(all, c.at(time.Since(start)))
						}
						return all, nil
					},
				})
				took := time.Since(start)
				if outcome.Quiet != tt.wantQuiet || took < tt.from || took > tt.to {
					t.Errorf("took %v, %+v; want quiet %v between %v and %v", took, outcome, tt.wantQuiet, tt.from, tt.to)
				}
				if outcome.Reason == "" {
					t.Error("no reason given")
				}
			})
		})
	}
}

func TestWaitSeesConnectionsOfOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var id uint64
		outcome := Wait(t.Context(), Options{
			Maximum: 80 * time.Second,
			Sample: func() ([]Connection, error) {
				id++
				// Every fourth sample meets a connection, until 10 s.
				if id%4 != 0 || time.Since(start) > 10*time.Second {
					return nil, nil
				}
				return []Connection{{ID: id, BytesIn: 90, SegmentsIn: 1, SegmentsOut: 1}}, nil
			},
		})
		if took := time.Since(start); !outcome.Quiet || took < 12*time.Second || took > 14*time.Second {
			t.Errorf("took %v, %+v", took, outcome)
		}
	})
}

func TestWaitWithoutStatisticsTakesTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		outcome := Wait(t.Context(), Options{
			Minimum: time.Second, Maximum: 20 * time.Second,
			Sample: func() ([]Connection, error) { return nil, errors.New("no sock_diag here") },
		})
		if took := time.Since(start); outcome.Quiet || took < 20*time.Second || took > 21*time.Second {
			t.Errorf("took %v, %+v", took, outcome)
		}
		if !strings.Contains(outcome.Reason, "no sock_diag here") {
			t.Errorf("reason %q", outcome.Reason)
		}
	})
}

func TestMinimumCountsFromWhenTheRegistryWasTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		outcome := Wait(t.Context(), Options{
			Minimum: 12 * time.Second, Maximum: 80 * time.Second,
			Told: func() time.Time {
				if time.Since(start) < 10*time.Second {
					return time.Time{}
				}
				return start.Add(10 * time.Second)
			},
			Sample: func() ([]Connection, error) { return nil, nil },
		})
		if took := time.Since(start); !outcome.Quiet || took < 22*time.Second || took > 23*time.Second {
			t.Errorf("took %v, %+v", took, outcome)
		}
	})
}

func TestWaitIsEndedByItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2*time.Second, func() { cancel(errors.New("second SIGTERM")) })
		start := time.Now()
		outcome := Wait(ctx, Options{
			Maximum: 80 * time.Second,
			Sample:  func() ([]Connection, error) { return nil, nil },
			Minimum: 10 * time.Second,
		})
		if took := time.Since(start); took != 2*time.Second || !strings.Contains(outcome.Reason, "second SIGTERM") {
			t.Errorf("took %v, %+v", took, outcome)
		}
	})
}

func TestWaitSaysWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		busy := client{id: 1, every: 100 * time.Millisecond, until: 14 * time.Second}
		var said []string
		Wait(t.Context(), Options{
			Minimum: 10 * time.Second, Maximum: 80 * time.Second,
			Sample: func() ([]Connection, error) { return []Connection{busy.at(time.Since(start))}, nil },
			Report: func(p Progress) { said = append(said, p.String()) },
		})
		if len(said) != 4 {
			t.Fatalf("%d reports: %q", len(said), said)
		}
		if !strings.Contains(said[1], "1 of 1 connections still carry requests") || !strings.Contains(said[1], "10.0.0.9:1") || !strings.Contains(said[1], "1m20s") {
			t.Errorf("said %q", said[1])
		}
	})
}
