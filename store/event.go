package store

import (
	"context"
	"fmt"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Events gives the events of the last window by the database's clock, in the
// order of their ids, without those of the named replica ("": of all). The feed
// is tailed by time: ids are given before the commit, so that a smaller one may
// appear after a greater one (R22).
func (s *Store) Events(ctx context.Context, window time.Duration, exclude string) ([]naming.Event, error) {
	condition, args := "created >= "+s.dialect.ago(window), []any(nil)
	if exclude != "" {
		condition += " AND replica <> ?"
		args = append(args, exclude)
	}
	events, err := s.readEvents(ctx, condition+" ORDER BY id", args)
	if err != nil {
		return nil, fmt.Errorf("read the latest events: %w", err)
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
