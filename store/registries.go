package store

import (
	"context"
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// BeatRegistry writes this replica's rows of t_registry_info with a new
// heartbeat (R28). Of entries Locator, Servant, Endpoint and Version count.
func (s *Store) BeatRegistry(ctx context.Context, entries []naming.RegistryEntry, state naming.State) error {
	if len(entries) == 0 {
		return nil
	}
	d := s.dialect
	rows := newInsert("t_registry_info", []string{
		"locator_id", "servant", "endpoint", "tars_version", "present_state", "last_heartbeat", "modify_time",
	})
	for _, e := range entries {
		rows.row(e.Locator, e.Servant, e.Endpoint, e.Version, string(state), expression(d.wall), expression(d.wall))
	}
	overlay := ""
	for _, column := range []string{"endpoint", "tars_version", "present_state", "last_heartbeat", "modify_time"} {
		if overlay != "" {
			overlay += ", "
		}
		overlay += column + "=" + d.offered(column)
	}
	query, args := rows.only(d.onKey("locator_id, servant") + overlay)
	if _, err := s.change(ctx, "registry_beat", query, args...); err != nil {
		return fmt.Errorf("write t_registry_info: %w", err)
	}
	return nil
}

// Registries reads t_registry_info.
func (s *Store) Registries(ctx context.Context) ([]naming.RegistryEntry, error) {
	var entries []naming.RegistryEntry
	err := s.bounded(ctx, s.config.StatementTimeout, func(ctx context.Context) (err error) {
		entries, err = s.readRegistries(ctx, s.read)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read t_registry_info: %w", err)
	}
	return entries, nil
}

func (s *Store) readRegistries(ctx context.Context, on runner) ([]naming.RegistryEntry, error) {
	var entries []naming.RegistryEntry
	query := "SELECT locator_id, servant, endpoint, present_state, tars_version, last_heartbeat FROM t_registry_info ORDER BY id"
	err := s.each(ctx, on, "read_registries", query, nil, func(row *scanner) {
		entries = append(entries, naming.RegistryEntry{
			Locator: row.text(), Servant: row.name(), Endpoint: row.text(), PresentState: naming.State(row.name()),
			Version: row.name(), Heartbeat: row.text(),
		})
	})
	return entries, err
}

// EndRegistries marks entries of dead replicas inactive, each only where its
// heartbeat is still the one that was read.
func (s *Store) EndRegistries(ctx context.Context, entries []naming.RegistryEntry) (ended int64, err error) {
	for _, e := range entries {
		condition, args := "last_heartbeat = ?", []any{e.Locator, e.Servant, e.Heartbeat}
		if e.Heartbeat == "" {
			condition, args = "last_heartbeat IS NULL", args[:2]
		}
		found, err := s.change(ctx, "registry_end", "UPDATE t_registry_info SET present_state='inactive', modify_time="+s.dialect.wall+
			" WHERE locator_id=? AND servant=? AND present_state='active' AND "+condition, args...)
		if err != nil {
			return ended, fmt.Errorf("mark %s of %s inactive: %w", e.Servant, e.Locator, err)
		}
		ended += found
	}
	return ended, nil
}
