package replicas

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// table stands for t_registry_info; its other rows beat as the test tells.
type table struct {
	rows  map[string]naming.RegistryEntry
	beats int
	fail  error
}

func (s *table) BeatRegistry(_ context.Context, entries []naming.RegistryEntry, state naming.State) error {
	if s.fail != nil {
		return s.fail
	}
	for _, entry := range entries {
		s.beat(entry, state)
	}
	return nil
}

func (s *table) beat(entry naming.RegistryEntry, state naming.State) {
	s.beats++
	entry.Heartbeat, entry.PresentState = fmt.Sprint(s.beats), state
	s.rows[entry.Locator+entry.Servant] = entry
}

func (s *table) Registries(context.Context) ([]naming.RegistryEntry, error) {
	var list []naming.RegistryEntry
	for _, entry := range s.rows {
		list = append(list, entry)
	}
	return list, s.fail
}

func (s *table) EndRegistries(_ context.Context, entries []naming.RegistryEntry) (int64, error) {
	var ended int64
	for _, entry := range entries {
		if row := s.rows[entry.Locator+entry.Servant]; row.Heartbeat == entry.Heartbeat {
			row.PresentState = naming.Inactive
			s.rows[entry.Locator+entry.Servant] = row
			ended++
		}
	}
	return ended, s.fail
}

var (
	own   = naming.RegistryEntry{Locator: "a:17890", Servant: "tars.tarsregistry.QueryObj", Version: VersionPrefix + "1"}
	other = naming.RegistryEntry{Locator: "b:17890", Servant: "tars.tarsregistry.QueryObj", Version: VersionPrefix + "1"}
	cpp   = naming.RegistryEntry{Locator: "c:17890", Servant: "tars.tarsregistry.QueryObj", Version: "3.0.17"}
)

func TestR28DeadRegistriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &table{rows: map[string]naming.RegistryEntry{}}
		store.beat(other, naming.Active)
		store.beat(cpp, naming.Active)
		keeper := NewKeeper(store, []naming.RegistryEntry{own}, slog.New(slog.DiscardHandler))
		beatFor(t, keeper, 35*time.Second+interval)
		if got := store.state(other); got != naming.Inactive {
			t.Errorf("our replica without a beat for 40 s is %s, want inactive", got)
		}
		if got := store.state(cpp); got != naming.Active {
			t.Errorf("a C++ registry without a beat for 40 s is %s, want active", got)
		}
		beatFor(t, keeper, 120*time.Second)
		if got := store.state(cpp); got != naming.Inactive {
			t.Errorf("a C++ registry without a beat for 160 s is %s, want inactive", got)
		}
		if got := store.state(own); got != naming.Active {
			t.Errorf("this registry is %s, want active", got)
		}
	})
}

func TestR28NobodyEndsAfterAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &table{rows: map[string]naming.RegistryEntry{}}
		store.beat(other, naming.Active)
		keeper := NewKeeper(store, []naming.RegistryEntry{own}, slog.New(slog.DiscardHandler))
		beatFor(t, keeper, 20*time.Second)
		store.fail = errors.New("away")
		for range 60 {
			if err := keeper.Beat(t.Context()); err == nil {
				t.Fatal("Beat succeeds although the store fails")
			}
			time.Sleep(interval)
		}
		store.fail = nil
		beatFor(t, keeper, 25*time.Second)
		if got := store.state(other); got != naming.Active {
			t.Errorf("25 s after an outage the other replica is %s, want active", got)
		}
		beatFor(t, keeper, 15*time.Second)
		if got := store.state(other); got != naming.Inactive {
			t.Errorf("40 s after an outage the silent replica is %s, want inactive", got)
		}
	})
}

func TestR28LeaveIsInactive(t *testing.T) {
	store := &table{rows: map[string]naming.RegistryEntry{}}
	keeper := NewKeeper(store, []naming.RegistryEntry{own}, slog.New(slog.DiscardHandler))
	if err := errors.Join(keeper.Beat(t.Context()), keeper.Leave(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := store.state(own); got != naming.Inactive {
		t.Errorf("after leaving the row is %s, want inactive", got)
	}
}

func (s *table) state(entry naming.RegistryEntry) naming.State {
	return s.rows[entry.Locator+entry.Servant].PresentState
}

// beatFor lets the keeper beat as Run does, in the fake time of the test.
func beatFor(t *testing.T, keeper *Keeper, d time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(interval) {
		if err := keeper.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
