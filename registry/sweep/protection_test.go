package sweep

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// pairs adds so many instances in objects of two, which are too small to be
// protected by themselves.
func (w *world) pairs(instances int) []*pod {
	var pods []*pod
	for n := range instances / 2 {
		pods = append(pods, w.object(fmt.Sprint("Pair", n), 2)...)
	}
	return pods
}

// killAtOnce has pods die that were heard at the same moment.
func (w *world) killAtOnce(pods ...*pod) {
	for _, p := range pods {
		w.beatNow(p)
	}
	kill(pods...)
}

func TestR20_MoreThan30PercentAndMoreThan5(t *testing.T) {
	for _, c := range []struct {
		instances, die int
		held           bool
	}{
		{20, 7, true},
		{20, 6, false}, // 30 %, not more
		{10, 5, false}, // half, but not more than 5
		{10, 6, true},
		{100, 30, false},
		{100, 31, true},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.die, c.instances), func(t *testing.T) {
			simulate(t, func(t *testing.T, w *world) {
				pods := w.pairs(c.instances)
				w.run(settled)
				w.killAtOnce(pods[:c.die]...)
				w.run(ttl + 30*time.Second)
				w.wantProtection(c.held)
				if c.held {
					w.wantExpired(0)
				} else {
					w.wantExpired(c.die)
				}
			})
		})
	}
}

func TestR20_AllOfAnObjectOfThreeOrMore(t *testing.T) {
	for _, c := range []struct {
		instances, die int
		held           bool
	}{
		{3, 3, true},
		{3, 2, false},
		{2, 2, false},
		{1, 1, false},
		{5, 5, true},
		{5, 4, false},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.die, c.instances), func(t *testing.T) {
			simulate(t, func(t *testing.T, w *world) {
				pods := w.object("A", c.instances)
				w.pairs(40)
				w.run(settled)
				w.killAtOnce(pods[:c.die]...)
				w.run(ttl + 30*time.Second)
				w.wantProtection(c.held)
				if c.held {
					w.wantExpired(0)
				} else {
					w.wantExpired(c.die)
				}
			})
		})
	}
}

func TestR20_AProtectedObjectDoesNotHoldOthers(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 3)
		others := w.pairs(40)
		w.run(settled)
		w.killAtOnce(append(pods, others[0])...)
		w.run(ttl + 30*time.Second)
		w.wantProtection(true)
		w.wantExpired(1)
		if w.expired[0] != others[0].key.Server {
			t.Errorf("%s expired", w.expired[0])
		}
	})
}

func TestR20_HeartbeatsThatStopOneAfterTheOther(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.pairs(100)
		three := w.object("A", 3)
		w.run(settled)
		kill(pods...) // their last heartbeats are spread over 30 s
		kill(three...)
		w.run(10 * time.Minute)
		if len(w.expired) > 30 {
			t.Errorf("%d of 103 expired in an outage", len(w.expired))
		}
		alive := slices.ContainsFunc(three, func(p *pod) bool { return p.live })
		if !alive {
			t.Error("an object has lost all it had")
		}
	})
}

func TestR20_GhostsDoNotCount(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.pairs(20)
		ghosts := w.object("Ghosts", 100)
		for _, p := range ghosts {
			p.heartbeat = w.now().Add(-time.Hour)
		}
		kill(ghosts...)
		w.run(ttl + 30*time.Second)
		w.wantProtection(false)
		w.wantExpired(100)
		kill(pods[0])
		w.until(3*time.Minute, "expiry", func() bool { return !pods[0].live })
		w.wantProtection(false)
	})
}

func TestR20_EndsWhenTheyReturn(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.pairs(20)
		w.run(settled)
		w.killAtOnce(pods...)
		w.run(20 * time.Minute) // far more than two lease times
		w.wantExpired(0)
		w.wantProtection(true)
		for _, p := range pods[2:] {
			p.dead = false
		}
		w.run(time.Minute)
		w.wantProtection(false)
		w.wantExpired(0) // they may be on their way
		w.run(ttl)
		w.wantExpired(2) // they are really dead
	})
}

func TestR20_SilenceOfAllEndsInTheEnd(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 3)
		w.run(settled)
		w.killAtOnce(pods...)
		took := w.until(2*time.Hour, "the dead expire", func() bool { return len(w.expired) == 3 })
		if took < silenceTimes*ttl {
			t.Errorf("after %s, although nobody else was heard", took)
		}
		if p := w.sweeper.Protection(); p.On && p.Unproven == "" {
			t.Errorf("it is not shown why: %+v", p)
		}
	})
}

func TestR20_ProvenHealthLetsGoTenPercentASweep(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		dead := w.object("A", 30)
		alive := w.pairs(30)
		w.run(settled)
		w.killAtOnce(dead...)
		died := w.now()
		w.until(10*time.Minute, "the first expire", func() bool { return len(w.expired) > 0 })
		if silent := w.now().Sub(died); silent < ttl+proofTimes*ttl {
			t.Errorf("the first expired %s after they died; health takes two lease times to prove", silent)
		}
		if p := w.sweeper.Protection(); !p.Draining {
			t.Errorf("not shown: %+v", p)
		}
		w.run(10 * time.Minute)
		w.wantExpired(30)
		for _, report := range w.sweeps {
			if len(report.Expired) > 3 {
				t.Errorf("%d of an object of 30 in one sweep", len(report.Expired))
			}
		}
		w.wantProtection(false)
		for _, p := range alive {
			if !p.live {
				t.Errorf("%s was alive", p.key)
			}
		}
	})
}

func TestR20_LastActiveEndpointLast(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		dead := w.object("A", 4)
		w.pairs(30)
		dead[0].serving, dead[2].serving, dead[3].serving = false, false, false
		w.run(settled)
		w.killAtOnce(dead...)
		dead[1].heartbeat = dead[1].heartbeat.Add(-time.Second) // silent longest
		w.until(20*time.Minute, "all expire", func() bool { return len(w.expired) == 4 })
		for _, report := range w.sweeps {
			for _, expiry := range report.Expired {
				if expiry.Key == dead[1].key && report.Overdue != 1 {
					t.Errorf("the last active endpoint went while %d others were overdue", report.Overdue-1)
				}
			}
		}
	})
}

func TestR20_LastOfALargeObjectGoesAlone(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		dead := w.object("A", 40) // four a sweep
		w.pairs(100)
		w.run(settled)
		w.killAtOnce(dead...)
		w.until(20*time.Minute, "all expire", func() bool { return len(w.expired) == 40 })
		var sizes []int
		for _, report := range w.sweeps {
			if len(report.Expired) > 0 {
				sizes = append(sizes, len(report.Expired))
			}
		}
		want := []int{4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 1}
		if !slices.Equal(sizes, want) {
			t.Errorf("expired in sweeps of %v, want %v", sizes, want)
		}
	})
}

func TestR20_HealthIsNotProven(t *testing.T) {
	for _, c := range []struct {
		name  string
		ill   func(w *world, alive []*pod)
		heal  func(w *world, alive []*pod)
		shown string
	}{
		{
			"while the database is slow",
			func(w *world, _ []*pod) { w.takes = 1500 * time.Millisecond },
			func(w *world, _ []*pod) { w.takes = 0 }, "took 1.5s",
		},
		{
			"while the others' heartbeats are late",
			func(_ *world, alive []*pod) {
				for _, p := range alive {
					p.duration = 50 * time.Second // and every 30 s they are heard
				}
			},
			func(_ *world, alive []*pod) {
				for _, p := range alive {
					p.duration = ttl
				}
			}, "are late",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			simulate(t, func(t *testing.T, w *world) {
				dead := w.object("A", 30)
				alive := w.pairs(30)
				w.run(settled)
				c.ill(w, alive)
				w.killAtOnce(dead...)
				w.run(20 * time.Minute)
				w.wantExpired(0)
				shown := false
				for range 30 { // the others are late in most seconds, not in all
					w.run(time.Second)
					shown = shown || strings.Contains(w.sweeper.Protection().Unproven, c.shown)
				}
				if !shown {
					t.Errorf("it is not shown why: %+v", w.sweeper.Protection())
				}
				c.heal(w, alive)
				took := w.until(20*time.Minute, "the dead expire", func() bool { return len(w.expired) > 0 })
				if took < proofTimes*ttl-30*time.Second {
					t.Errorf("%s after it healed", took)
				}
			})
		})
	}
}

func TestR20_HealthIsNotProvenWhileAReplicaIsSilent(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		dead := w.object("A", 30)
		w.pairs(30)
		w.flushing["other"] = true
		w.run(settled)
		w.killAtOnce(dead...)
		w.run(ttl + 2*time.Minute)
		w.flushing["other"] = false
		w.run(30 * time.Second)
		w.flushing["other"] = true
		took := w.until(20*time.Minute, "the dead expire", func() bool { return len(w.expired) > 0 })
		if took < proofTimes*ttl-5*time.Second {
			t.Errorf("%s after the replica was back", took)
		}
	})
}

func TestR20_OperatorReleasesAtOnce(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		dead := w.object("A", 30)
		w.pairs(30)
		w.run(settled)
		w.killAtOnce(dead...)
		w.run(ttl + 30*time.Second)
		w.wantProtection(true)
		w.wantExpired(0)
		w.released = w.now()
		w.sweep()
		w.wantExpired(30)
		if p := w.sweeper.Protection(); p.ReleasedBy != "anna" {
			t.Errorf("it is not shown who released it: %+v", p)
		}
		w.run(time.Minute)
		w.wantProtection(false)
	})
}

func TestR20_AnOldReleaseDoesNotCount(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		dead := w.object("A", 30)
		w.pairs(30)
		w.run(settled)
		w.released = w.now()
		w.run(time.Minute)
		w.killAtOnce(dead...)
		w.run(ttl + 30*time.Second)
		w.wantExpired(0)
		w.wantProtection(true)
	})
}

func TestR20_ReasonSinceWhenAndWhoAreShown(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		dead := w.object("A", 3)
		w.pairs(40)
		w.run(settled)
		if p := w.sweeper.Protection(); p.On || p.Reason != "" || len(p.Held) > 0 {
			t.Errorf("without any reason: %+v", p)
		}
		w.killAtOnce(dead...)
		w.until(3*time.Minute, "protection", func() bool { return w.sweeper.Protection().On })
		began := time.Now()
		w.run(time.Minute)
		p := w.sweeper.Protection()
		if !strings.Contains(p.Reason, "App.A (3)") {
			t.Errorf("reason: %s", p.Reason)
		}
		if off := p.Since.Sub(began).Abs(); off > time.Second {
			t.Errorf("since is off by %s", off)
		}
		want := []naming.Key{dead[0].key, dead[1].key, dead[2].key}
		if !slices.Equal(p.Held, want) {
			t.Errorf("held: %v, want %v", p.Held, want)
		}
		if p.ProvenIn <= 0 || p.ProvenIn > proofTimes*ttl {
			t.Errorf("proven in %s", p.ProvenIn)
		}
		if report := w.sweeps[len(w.sweeps)-1]; len(report.Held) != 3 {
			t.Errorf("report: %+v", report)
		}
	})
}

func TestR20_RestartWhileNothingReachesTheRegistry(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := append(w.pairs(20), w.object("A", 3)...)
		w.run(settled)
		w.killAtOnce(pods...) // their network is cut
		w.run(10 * time.Minute)
		w.sweeper = w.newSweeper()
		w.run(10 * time.Minute)
		w.wantExpired(0)
		w.wantProtection(true)
		for _, p := range pods {
			p.dead = false
		}
		w.run(10 * time.Minute)
		w.wantExpired(0)
		w.wantProtection(false)
	})
}

func TestR20_AnotherSweeperKnowsNothingOfIt(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		dead := w.object("A", 3)
		w.pairs(40)
		w.run(settled)
		w.killAtOnce(dead...)
		w.run(ttl + 20*time.Second)
		w.wantProtection(true)
		w.holder = "other"
		w.run(5 * time.Second)
		w.wantProtection(false)
	})
}

// A partial outage of the network goes on while the replica that sweeps is
// restarted: who was protected is not taken for a ghost by the next one.
func TestR20_ProtectionIsHandedOver(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		away := w.object("A", 10)
		w.pairs(10)
		w.run(settled)
		w.killAtOnce(away...)
		w.run(ttl + 20*time.Second)
		w.wantProtection(true)
		w.run(ttl) // longer than two lease times since their last heartbeats
		w.sweeper = w.newSweeper()
		w.since = w.now()
		w.run(ttl + 30*time.Second) // long enough to hold the sweep lease for
		w.wantExpired(0)
		w.wantProtection(true)
		w.until(10*time.Minute, "protection ends by itself under the next sweeper", func() bool {
			return !w.sweeper.Protection().On
		})
		if !w.protected.IsZero() {
			t.Error("the database still says that protection is on")
		}
	})
}
