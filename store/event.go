package store

import (
	"context"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Events gives the events of the last window by the database's clock, in the
// order of their ids, without those of the named replica ("": of all). The feed
// is tailed by time: ids are given before the commit, so that a smaller one may
// appear after a greater one (R22).
func (s *Store) Events(ctx context.Context, window time.Duration, exclude string) ([]naming.Event, error) {
	return nil, errNotYet
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
	return nil, errNotYet
}
