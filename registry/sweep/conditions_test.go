package sweep

import (
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// settled is long enough for all conditions that concern the sweeper itself.
const settled = 5 * time.Minute

func TestR18_WhoIsSilentExpires(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.run(settled)
		w.wantExpired(0)
		kill(pods[3])
		died := pods[3].heartbeat
		w.until(10*time.Minute, "the dead one expires", func() bool { return !pods[3].live })
		if silent := w.now().Sub(died); silent < ttl || silent > ttl+20*time.Second {
			t.Errorf("it expired %s after its last heartbeat", silent)
		}
		w.run(settled)
		w.wantExpired(1)
		report := w.sweeps[len(w.sweeps)-1]
		if report.Overdue != 0 || report.Skipped != "" {
			t.Errorf("afterwards: %+v", report)
		}
	})
}

func TestR18_SameHeartbeatInTwoSweepsTenSecondsApart(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.run(settled)
		w.quiet = true
		kill(pods[0])
		w.run(ttl + time.Minute) // nobody has looked meanwhile
		w.sweep()
		w.wantExpired(0)
		for range 9 {
			w.run(time.Second)
			w.sweep()
		}
		w.wantExpired(0)
		w.run(time.Second)
		w.sweep()
		w.wantExpired(1)
	})
}

func TestR18_AHeartbeatBetweenStartsAnew(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.run(settled)
		w.quiet = true
		kill(pods[0])
		w.run(ttl + time.Second)
		w.sweep()
		pods[0].heartbeat = pods[0].heartbeat.Add(time.Millisecond) // late, and old already
		w.run(11 * time.Second)
		w.sweep()
		w.wantExpired(0)
		w.run(11 * time.Second)
		w.sweep()
		w.wantExpired(1)
	})
}

func TestR18_SweepLeaseHeldForAFullLeaseTime(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		kill(pods[0])
		pods[0].heartbeat = w.now().Add(-time.Hour)
		took := w.until(10*time.Minute, "expiry", func() bool { return !pods[0].live })
		if took < ttl {
			t.Errorf("expired %s after the sweeper began", took)
		}
	})
}

func TestR18_AnotherHolderOfTheSweepLease(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.run(settled)
		w.holder = "other"
		kill(pods[0])
		w.run(settled)
		w.wantExpired(0)
		if stats := w.sweeper.Stats(); stats.Sweeping || stats.Holder != "other" {
			t.Errorf("stats say %+v", stats)
		}
		w.holder, w.since = "", time.Time{} // it is ours again, from now on
		took := w.until(10*time.Minute, "expiry", func() bool { return !pods[0].live })
		if took < ttl {
			t.Errorf("expired %s after the sweep lease came back", took)
		}
	})
}

func TestR18_AGapInTheSweepLeaseCounts(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.run(settled)
		kill(pods[0])
		w.run(80 * time.Second)
		w.since = w.now() // lost and taken again between two sweeps
		took := w.until(10*time.Minute, "expiry", func() bool { return !pods[0].live })
		if took < ttl {
			t.Errorf("expired %s after the gap", took)
		}
	})
}

func TestR18_ALongerLeaseTimeIsWaitedFor(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		pods[0].duration = naming.UnknownIntervalLease
		pods[0].heartbeat = w.now().Add(-time.Hour)
		kill(pods[0])
		took := w.until(10*time.Minute, "expiry", func() bool { return !pods[0].live })
		if took < naming.UnknownIntervalLease {
			t.Errorf("expired after %s", took)
		}
	})
}

func TestR18_ClocksThatJump(t *testing.T) {
	for name, jump := range map[string]func(w *world){
		"the database's clock forward":     func(w *world) { w.offset += 10 * time.Minute },
		"the database's clock backward":    func(w *world) { w.offset -= 10 * time.Minute },
		"the database's clock by 6 s":      func(w *world) { w.offset += 6 * time.Second },
		"another server, another clock":    func(w *world) { w.server, w.offset = "db2", 10*time.Minute },
		"our clock stood still (and back)": func(w *world) { w.offset += time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, w *world) {
				w.object("A", 4) // too few for protection in all
				w.object("B", 1)
				w.run(settled)
				jump(w)
				report := w.sweep()
				if report.Skipped == "" || len(report.Expired) > 0 {
					t.Errorf("the round was not skipped: %+v", report)
				}
				w.run(30 * time.Minute) // Expire fails the test for the living
				w.wantExpired(0)
				if last := w.sweeps[len(w.sweeps)-1]; last.Skipped != "" {
					t.Errorf("sweeps are still skipped: %s", last.Skipped)
				}
			})
		})
	}
}

func TestR18_AfterAJumpTheDeadExpireStill(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.run(settled)
		kill(pods[0])
		w.offset += time.Hour
		took := w.until(10*time.Minute, "expiry", func() bool { return !pods[0].live })
		if took < ttl {
			t.Errorf("expired %s after the jump", took)
		}
	})
}

func TestR18_SmallDifferencesAreNoJump(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.run(settled)
		kill(pods[0])
		for range 30 {
			w.offset += 4 * time.Second
			w.run(5 * time.Second)
		}
		if pods[0].live {
			t.Error("a clock that runs a little fast keeps the dead alive")
		}
	})
}

func TestR18_TwoDatabaseServersInTurn(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		kill(pods[0])
		turn := 0
		for range 60 {
			turn++
			w.server = []string{"db1", "db2"}[turn%2]
			w.run(5 * time.Second)
		}
		if pods[0].live {
			t.Error("behind a balancer nobody ever expires")
		}
	})
}

func TestR18_SilentReplicaHoldsSweepingUp(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.flushing["other"] = true
		w.run(settled)
		kill(pods[0])
		w.run(time.Minute)
		w.flushing["other"] = false // it may have heartbeats of pods[0]
		silentSince := w.marks["other"]
		w.until(10*time.Minute, "expiry", func() bool { return !pods[0].live })
		if held := w.now().Sub(silentSince); held < ttl || held > ttl+15*time.Second {
			t.Errorf("the silent replica held sweeping up for %s", held)
		}
		named := false
		for _, report := range w.sweeps {
			named = named || strings.Contains(report.Skipped, "replica other")
		}
		if !named {
			t.Error("no report names the silent replica")
		}
	})
}

// TestR18_SilentReplicaHoldsShortLeasesUp: a replica counts as silent before the
// lease time is over, however short that is set, so that the rule is more than a word.
func TestR18_SilentReplicaHoldsShortLeasesUp(t *testing.T) {
	for _, test := range []struct {
		duration, mark time.Duration
		holds          bool
	}{
		{95 * time.Second, 10 * time.Second, false}, {95 * time.Second, 11 * time.Second, true},
		{95 * time.Second, 95 * time.Second, true}, {95 * time.Second, 96 * time.Second, false},
		{12 * time.Second, 6 * time.Second, false}, {12 * time.Second, 7 * time.Second, true},
		{9 * time.Second, 5 * time.Second, false}, {9 * time.Second, 6 * time.Second, true},
		{9 * time.Second, 9 * time.Second, true}, {9 * time.Second, 10 * time.Second, false},
		{6 * time.Second, 6 * time.Second, true}, {6 * time.Second, 4 * time.Second, false},
	} {
		for _, replica := range []string{"other", "me"} {
			marks := []store.FlushMark{{Replica: "well", Age: time.Second}, {Replica: replica, Age: test.mark}}
			who, holds := judgeMarks(marks, "me").holdsUp(test.duration)
			if holds != test.holds || holds && who != replica {
				t.Errorf("a lease of %s, the last mark of %s %s ago: held up %v (%s), want %v", test.duration, replica, test.mark, holds, who, test.holds)
			}
		}
	}
}

func TestR18_SilentReplicaThatFlushesAgain(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.flushing["other"] = true
		w.run(settled)
		kill(pods[0])
		w.run(time.Minute)
		w.flushing["other"] = false
		w.run(time.Minute)
		w.flushing["other"] = true // and brings the heartbeat it had
		pods[0].dead = false
		w.beatNow(pods[0])
		w.run(settled)
		w.wantExpired(0)
	})
}

func TestR18_AReplicaThatIsLongGoneHoldsNothingUp(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.marks["gone"] = w.now().Add(-time.Hour)
		w.run(settled)
		kill(pods[0])
		w.until(3*time.Minute, "expiry", func() bool { return !pods[0].live })
	})
}

func TestR18_WithoutOwnFlushesNobodyExpires(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.run(settled)
		kill(pods[0])
		w.flushing["me"] = false
		w.run(30 * time.Minute)
		w.wantExpired(0)
		w.flushing["me"] = true
		w.until(time.Minute, "expiry", func() bool { return !pods[0].live })
	})
}

func TestR18_TheRowDecides(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.run(settled)
		kill(pods[0])
		w.refuses = true // a heartbeat is written between reading and expiring
		w.run(ttl + 30*time.Second)
		w.wantExpired(0)
		for _, report := range w.sweeps {
			if len(report.Expired) > 0 || report.Failed > 0 {
				t.Fatalf("reported: %+v", report)
			}
		}
	})
}

func TestR27_NobodyIsExpiredByADatabaseThatWasAway(t *testing.T) {
	for _, outage := range []time.Duration{time.Minute, 10 * time.Minute, 3 * time.Hour} {
		t.Run(outage.String(), func(t *testing.T) {
			simulate(t, func(t *testing.T, w *world) {
				w.object("A", 4)
				w.object("B", 1)
				w.run(settled)
				w.away = true
				w.run(outage)
				w.away = false
				w.run(10 * time.Minute)
				w.wantExpired(0)
			})
		})
	}
}

func TestNobodyIsExpiredByARegistryThatWasAway(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 5)
		w.run(settled)
		w.quiet = true
		kill(pods...) // nobody hears them
		w.flushing["me"] = false
		w.run(time.Hour)
		w.quiet, w.flushing["me"] = false, true
		w.sweeper = w.newSweeper()
		for _, p := range pods {
			p.dead = false
		}
		w.run(10 * time.Minute)
		w.wantExpired(0)
	})
}

func TestDryRunChangesNothing(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		pods := w.object("A", 10)
		w.run(settled)
		w.quiet = true
		kill(pods[0])
		w.run(ttl + time.Second)
		w.sweep()
		w.run(10 * time.Second)
		for range 3 {
			report, err := w.sweeper.Sweep(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			if !report.DryRun || len(report.Expired) != 1 || report.Expired[0].Key != pods[0].key || report.Expired[0].Silent < ttl {
				t.Errorf("the dry run reports %+v", report)
			}
		}
		w.wantExpired(0)
		w.sweep()
		w.wantExpired(1)
	})
}

func TestR2_UnleasedPodExpires250sAfterItWasFirstSeen(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		w.run(settled)
		old, edited := naming.Key{Application: "App", Server: "Old", Node: "n"}, naming.Key{Application: "App", Server: "Edited", Node: "n"}
		w.unleased[old], w.unleased[edited] = "2026-01-02 15:04:05", "2026-01-02 15:04:05"
		w.run(200 * time.Second)
		w.unleased[edited] = "2026-01-02 15:08:05"
		w.run(45 * time.Second)
		w.wantExpired(0)
		w.run(15 * time.Second)
		w.wantExpired(1)
		if w.expired[0] != "Old" {
			t.Errorf("%s expired first", w.expired[0])
		}
		w.run(4 * time.Minute)
		w.wantExpired(2)
	})
}

func TestR2_AdoptedPodDoesNotExpire(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		w.run(settled)
		key := naming.Key{Application: "App", Server: "Old", Node: "n"}
		w.unleased[key] = "2026-01-02 15:04:05"
		w.run(240 * time.Second)
		delete(w.unleased, key) // its first heartbeat gave it a lease
		w.run(settled)
		w.wantExpired(0)
	})
}

func TestR2_MachineWithTarsnodeAfterItsTimeout(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		w.silent = []store.SilentNode{{Node: naming.Node{Name: "host", Heartbeat: "x"}, Age: time.Hour}}
		took := w.until(10*time.Minute, "expiry", func() bool { return len(w.expired) == 1 })
		if took < naming.NodeTimeout {
			t.Errorf("a node expired %s after the sweeper began", took)
		}
	})
}

func TestR2_LegacyWaitsForASilentReplica(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		w.flushing["other"] = true
		w.run(settled)
		w.flushing["other"] = false
		w.unleased[naming.Key{Application: "App", Server: "Old", Node: "n"}] = "x"
		w.run(260 * time.Second)
		w.wantExpired(0)
		w.run(260 * time.Second)
		w.wantExpired(1)
	})
}

func TestCloseGivesTheSweepLeaseBack(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		w.sweeper.Start()
		w.sweeper.Wake()
		time.Sleep(12 * time.Second)
		if got := w.sweeper.Stats().Sweeps; got != 3 {
			t.Errorf("%d sweeps in 12 s and a wake-up, want 3", got)
		}
		if err := w.sweeper.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := w.sweeper.Stats().Sweeps
		time.Sleep(time.Minute)
		if got := w.sweeper.Stats().Sweeps; got != before {
			t.Errorf("%d sweeps after Close", got-before)
		}
	})
}
