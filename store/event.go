package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// EventIDs gives the ids of the events of the last window by the database's clock,
// in no order, without those of the named replica ("": of all). The feed is tailed by
// time: ids are given before the commit, so that a smaller one may appear after a
// greater one (R22). It reads an index only: most of what it finds is known already.
func (s *Store) EventIDs(ctx context.Context, window time.Duration, exclude string) ([]int64, error) {
	query, args := "SELECT id FROM t_registry_event WHERE created >= "+s.dialect.ago(window), []any(nil)
	if exclude != "" {
		query += " AND replica <> ?"
		args = append(args, exclude)
	}
	var ids []int64
	err := s.query(ctx, s.read, "event_ids", query, args, func(row *scanner) { ids = append(ids, row.int()) })
	if err != nil {
		return nil, fmt.Errorf("look for the latest events: %w", err)
	}
	return ids, nil
}

// EventsByID gives events in the order of their ids; those that are no more are
// passed over.
func (s *Store) EventsByID(ctx context.Context, ids []int64) ([]naming.Event, error) {
	ids = slices.Sorted(slices.Values(ids))
	var events []naming.Event
	for chunk := range slices.Chunk(ids, idChunk) {
		part, err := s.readEvents(ctx, "id IN ("+idList(chunk)+") ORDER BY id", nil)
		if err != nil {
			return nil, fmt.Errorf("read the latest events: %w", err)
		}
		events = append(events, part...)
	}
	return events, nil
}

// EventFilter picks events; empty fields pick all.
type EventFilter struct {
	Application string
	Server      string
	Node        string
	Kind        naming.EventKind
	Before      int64 // only smaller ids, for paging; 0: from the newest
	After       int64 // only greater ids, oldest first, for resuming a feed
	Limit       int   // 0: 100; at most 1000
}

// EventHistory gives events, newest first (oldest first with After).
func (s *Store) EventHistory(ctx context.Context, filter EventFilter) ([]naming.Event, error) {
	limit := min(filter.Limit, 1000)
	if limit <= 0 {
		limit = 100
	}
	condition, args := "id > ?", []any{filter.After}
	for _, part := range []struct{ column, value string }{
		{s.dialect.key("application"), trimmed(filter.Application)},
		{s.dialect.key("server_name"), trimmed(filter.Server)},
		{s.dialect.key("node_name"), trimmed(filter.Node)},
		{"kind", string(filter.Kind)},
	} {
		if part.value != "" {
			condition += " AND " + part.column + " = ?"
			args = append(args, part.value)
		}
	}
	if filter.Before > 0 {
		condition += " AND id < ?"
		args = append(args, filter.Before)
	}
	order := " ORDER BY id DESC LIMIT ?"
	if filter.After > 0 {
		order = " ORDER BY id LIMIT ?"
	}
	events, err := s.readEvents(ctx, condition+order, append(args, limit))
	if err != nil {
		return nil, fmt.Errorf("read the history of events: %w", err)
	}
	return events, nil
}

func (s *Store) readEvents(ctx context.Context, condition string, args []any) ([]naming.Event, error) {
	var events []naming.Event
	query := "SELECT id, application, server_name, node_name, kind, state, reason, actor, revision, replica, " +
		s.dialect.rfc3339("created") + " FROM t_registry_event WHERE " + condition
	err := s.query(ctx, s.read, "events", query, args, func(row *scanner) {
		events = append(events, naming.Event{
			ID: row.int(), Key: scanKey(row), Kind: naming.EventKind(row.name()), State: naming.State(row.name()),
			Reason: row.name(), Actor: row.name(), Revision: row.int(), Replica: row.name(), Time: row.text(),
		})
	})
	return events, err
}
