package replicas

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// VersionPrefix begins the tars_version of this program's rows; others are a C++
// registry's.
const VersionPrefix = "tarsregistry/"

// The times of R28.
const (
	interval   = 5 * time.Second
	ownTimeout = 30 * time.Second  // a replica of ours beats every 5 s
	cppTimeout = 150 * time.Second // a C++ registry does so every minute or less
	// recovery is how long the database must have been there before its
	// contents say anything about the life of others.
	recovery = 30 * time.Second
)

// Store is what a Keeper needs of the store.
type Store interface {
	BeatRegistry(ctx context.Context, entries []naming.RegistryEntry, state naming.State) error
	Registries(ctx context.Context) ([]naming.RegistryEntry, error)
	EndRegistries(ctx context.Context, entries []naming.RegistryEntry) (int64, error)
}

// Keeper keeps the rows of one replica. Its methods are for one goroutine at a
// time.
type Keeper struct {
	store   Store
	entries []naming.RegistryEntry
	logger  *slog.Logger
	now     func() time.Time

	watched   map[string]watch
	wellSince time.Time // since when the database has answered, zero: it does not
}

// watch is what is known of another registry's row.
type watch struct {
	heartbeat string
	changed   time.Time // when the heartbeat was last seen to change
}

// NewKeeper keeps the given rows, all of the same Locator.
func NewKeeper(store Store, entries []naming.RegistryEntry, logger *slog.Logger) *Keeper {
	return &Keeper{
		store: store, entries: entries, logger: logger, now: time.Now,
		watched: map[string]watch{},
	}
}

// Run beats every 5 s until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := k.Beat(ctx); err != nil && ctx.Err() == nil {
				k.logger.Debug("cannot write t_registry_info", slog.Any("error", err))
			}
		}
	}
}

// Beat writes this replica's heartbeat and ends the rows of registries without
// one.
func (k *Keeper) Beat(ctx context.Context) error {
	err := k.beat(ctx)
	if err != nil {
		k.wellSince = time.Time{}
	}
	return err
}

func (k *Keeper) beat(ctx context.Context) error {
	if err := k.store.BeatRegistry(ctx, k.entries, naming.Active); err != nil {
		return fmt.Errorf("write this registry's rows: %w", err)
	}
	entries, err := k.store.Registries(ctx)
	if err != nil {
		return fmt.Errorf("read the registries' rows: %w", err)
	}
	now := k.now()
	if k.wellSince.IsZero() {
		k.wellSince = now
	}
	dead := k.dead(entries, now)
	if len(dead) == 0 {
		return nil
	}
	ended, err := k.store.EndRegistries(ctx, dead)
	if err != nil {
		return fmt.Errorf("end the rows of dead registries: %w", err)
	}
	if ended > 0 {
		k.logger.Warn("a registry has died", slog.String("locator", dead[0].Locator), slog.Int64("rows", ended))
	}
	return nil
}

// Leave marks this replica's rows inactive, when it is about to stop.
func (k *Keeper) Leave(ctx context.Context) error {
	if err := k.store.BeatRegistry(ctx, k.entries, naming.Inactive); err != nil {
		return fmt.Errorf("mark this registry inactive: %w", err)
	}
	return nil
}

// dead gives the active rows of others whose heartbeat has not been seen to
// change for too long, by this process's clock, with the database well all the
// time.
func (k *Keeper) dead(entries []naming.RegistryEntry, now time.Time) []naming.RegistryEntry {
	var dead []naming.RegistryEntry
	watched := make(map[string]watch, len(entries))
	for _, entry := range entries {
		if entry.Locator == k.entries[0].Locator {
			continue
		}
		name := entry.Locator + " " + entry.Servant
		seen, known := k.watched[name]
		if !known || seen.heartbeat != entry.Heartbeat {
			seen = watch{heartbeat: entry.Heartbeat, changed: now}
		}
		watched[name] = seen
		since := seen.changed
		if k.wellSince.After(since) {
			since = k.wellSince
		}
		if entry.PresentState == naming.Active && now.Sub(since) > timeout(entry) && now.Sub(k.wellSince) > recovery {
			dead = append(dead, entry)
		}
	}
	k.watched = watched
	return dead
}

func timeout(entry naming.RegistryEntry) time.Duration {
	if strings.HasPrefix(entry.Version, VersionPrefix) {
		return ownTimeout
	}
	return cppTimeout
}
