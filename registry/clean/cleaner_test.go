package clean

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

const wallNow = "2026-03-04 12:00:00"

// fake is a database with something to clean, and what removes it.
type fake struct {
	mu        sync.Mutex
	stale     store.Stale
	olderThan time.Duration
	alive     map[naming.Key]bool // again, by the time of their removal
	busy      map[string]bool     // nodes with something else on them
	fails     error
	removed   []string
	reasons   []string
	actors    []string
	pruned    []store.Retention
	rounds    int
	err       error
}

func (f *fake) Cleanable(_ context.Context, olderThan time.Duration, _ int) (*store.Stale, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rounds++
	f.olderThan = olderThan
	stale := store.Stale{Instances: slices.Clone(f.stale.Instances), Nodes: slices.Clone(f.stale.Nodes)}
	return &stale, f.err
}

func (f *fake) WallClock(context.Context) (string, error) { return wallNow, nil }

func (f *fake) Prune(_ context.Context, retention store.Retention) (store.Pruned, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pruned = append(f.pruned, retention)
	return store.Pruned{Events: 1}, nil
}

func (f *fake) Remove(_ context.Context, key naming.Key, reason, actor string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails != nil {
		return false, f.fails
	}
	if f.alive[key] {
		return false, nil
	}
	f.removed = append(f.removed, key.String())
	f.reasons = append(f.reasons, reason)
	f.actors = append(f.actors, actor)
	return true, nil
}

func (f *fake) RemoveNode(_ context.Context, node, actor string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[node] {
		return false, nil
	}
	f.removed = append(f.removed, "node "+node)
	f.actors = append(f.actors, actor)
	return true, nil
}

func newFake() *fake {
	return &fake{
		stale: store.Stale{
			Instances: []naming.Key{
				{Application: "App", Server: "Two", Node: "10.0.0.2"},
				{Application: "App", Server: "One", Node: "10.0.0.1"},
				{Application: "App", Server: "Two", Node: "10.0.0.1"},
			},
			Nodes: []string{"10.0.0.9", "10.0.0.1"}, // on 10.0.0.2 something else lives
		},
		alive: map[naming.Key]bool{}, busy: map[string]bool{},
	}
}

func (f *fake) cleaner(change ...func(*Options)) *Cleaner {
	options := Options{Store: f, Remover: f, Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&options)
	}
	return New(options)
}

func TestCleanRemovesServersAndTheirNodes(t *testing.T) {
	f := newFake()
	report, err := f.cleaner().Clean(t.Context(), Request{Actor: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	if f.olderThan != 24*time.Hour {
		t.Errorf("looked for what is older than %s", f.olderThan)
	}
	slices.Sort(f.removed)
	want := []string{
		"App.One@10.0.0.1", "App.Two@10.0.0.1", "App.Two@10.0.0.2",
		"node 10.0.0.1", "node 10.0.0.9",
	}
	if !slices.Equal(f.removed, want) {
		t.Errorf("removed %v, want %v", f.removed, want)
	}
	for _, actor := range f.actors {
		if actor != "anna" {
			t.Errorf("removed in the name of %q", actor)
		}
	}
	for _, reason := range f.reasons {
		if reason != "inactive since before 2026-03-03 12:00:00" {
			t.Errorf("reason %q", reason)
		}
	}
	wantText := `server App.One@10.0.0.1
server App.Two@10.0.0.1
server App.Two@10.0.0.2
node 10.0.0.1
node 10.0.0.9
removed 3 servers and 2 nodes inactive since before 2026-03-03 12:00:00`
	if got := report.String(); got != wantText {
		t.Errorf("report:\n%s\nwant:\n%s", got, wantText)
	}
}

func TestDryRunRemovesNothing(t *testing.T) {
	f := newFake()
	report, err := f.cleaner().Clean(t.Context(), Request{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.removed) > 0 {
		t.Errorf("removed %v", f.removed)
	}
	wantText := `server App.One@10.0.0.1
server App.Two@10.0.0.1
server App.Two@10.0.0.2
node 10.0.0.1
node 10.0.0.9
dry run: 3 servers and 2 nodes inactive since before 2026-03-03 12:00:00 would be removed; "clean n" removes them`
	if got := report.String(); got != wantText {
		t.Errorf("report:\n%s\nwant:\n%s", got, wantText)
	}
}

func TestWhoIsAliveAgainIsLeftAlone(t *testing.T) {
	f := newFake()
	f.alive[naming.Key{Application: "App", Server: "Two", Node: "10.0.0.1"}] = true
	f.busy["10.0.0.1"] = true
	report, err := f.cleaner().Clean(t.Context(), Request{})
	if err != nil {
		t.Fatal(err)
	}
	if text := report.String(); strings.Contains(text, "Two@10.0.0.1") || !strings.Contains(text, "removed 2 servers and 1 node ") {
		t.Errorf("report:\n%s", text)
	}
}

func TestWhatCannotBeRemovedIsReported(t *testing.T) {
	f := newFake()
	f.fails = fmt.Errorf("commit: %w: secret host", store.ErrUnavailable)
	report, err := f.cleaner().Clean(t.Context(), Request{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Failed() != 3 {
		t.Errorf("%d failed, want 3", report.Failed())
	}
	text := report.String()
	if !strings.Contains(text, "server App.One@10.0.0.1: not removed: the database is not available\n") || strings.Contains(text, "secret") {
		t.Errorf("report:\n%s", text)
	}
}

func TestCutOff(t *testing.T) {
	for _, c := range []struct {
		before string
		age    time.Duration // 0: refused
		says   string
	}{
		{"2026-03-04 11:00:00", time.Hour, ""},
		{"2026-03-04 11:58:25", 95 * time.Second, ""},
		{"2026-03-04 11:58:26", 0, "lease time of 1m35s"},
		{"2026-03-04 12:00:00", 0, "lease time"},
		{"2026-03-04 12:00:01", 0, "in the future"},
		{"2027-01-01 00:00:00", 0, "in the future"},
		{"2020-01-01 00:00:00", 2254*24*time.Hour + 12*time.Hour, ""},
		{"yesterday", 0, "yyyy-mm-dd hh:mm:ss"},
		{"2026-03-04", 0, "yyyy-mm-dd hh:mm:ss"},
		{"2026-02-30 00:00:00", 0, "yyyy-mm-dd hh:mm:ss"},
	} {
		t.Run(c.before, func(t *testing.T) {
			f := newFake()
			_, err := f.cleaner().Clean(t.Context(), Request{Before: c.before})
			if c.age > 0 {
				if err != nil || f.olderThan != c.age {
					t.Errorf("looked for what is older than %s (%v), want %s", f.olderThan, err, c.age)
				}
				return
			}
			if _, invalid := errors.AsType[*naming.InvalidError](err); !invalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
			if len(f.removed) > 0 || f.rounds > 0 {
				t.Error("something was done all the same")
			}
		})
	}
}

func TestDatabaseAway(t *testing.T) {
	f := newFake()
	f.err = store.ErrUnavailable
	if _, err := f.cleaner().Clean(t.Context(), Request{}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}

func TestReportAsJSON(t *testing.T) {
	report := Report{Before: wallNow, Servers: []Removal{removal(naming.Key{Application: "A", Server: "S", Node: "n"}, nil)}, Nodes: []Removal{nodeRemoval("n", nil)}}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"dryRun":false,"before":"2026-03-04 12:00:00","servers":[{"application":"A","server":"S","node":"n"}],"nodes":[{"node":"n"}]}`
	if string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}

func TestJobCleansAndPrunes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		leading := true
		c := f.cleaner(func(o *Options) { o.Leading = func() bool { return leading } })
		c.Start()
		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		if f.rounds != 6 || len(f.pruned) != 6 {
			t.Errorf("%d rounds and %d prunings in an hour, want 6", f.rounds, len(f.pruned))
		}
		if r := f.pruned[0]; r.Events != 7*24*time.Hour || r.Leases != 7*24*time.Hour || r.Marks < time.Hour {
			t.Errorf("kept: %+v", r)
		}
		f.mu.Lock()
		leading = false
		f.mu.Unlock()
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if f.rounds != 6 {
			t.Errorf("%d rounds after Close", f.rounds-6)
		}
	})
}

func TestJobIsForTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.cleaner(func(o *Options) { o.Leading = func() bool { return false } })
		c.Start()
		time.Sleep(time.Hour)
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f.rounds != 0 {
			t.Errorf("%d rounds", f.rounds)
		}
	})
}

func TestPrunesEvenWhenCleaningFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.err = errors.New("broken")
		c := f.cleaner()
		c.Start()
		time.Sleep(11 * time.Minute)
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(f.pruned) != 1 {
			t.Errorf("pruned %d times", len(f.pruned))
		}
	})
}
