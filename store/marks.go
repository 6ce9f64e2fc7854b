package store

import (
	"context"
	"fmt"
	"time"
)

// FlushMark says when a replica last flushed its heartbeats (R18).
type FlushMark struct {
	Replica string
	Age     time.Duration // by the database's clock
}

// WriteFlushMark notes that this replica has flushed all heartbeats that arrived
// up to age ago.
func (s *Store) WriteFlushMark(ctx context.Context, age time.Duration) error {
	d := s.dialect
	rows := newInsert("t_registry_flush", []string{"replica", "flushed_at"})
	rows.row(s.config.Replica, expression(d.ago(max(age, 0))))
	query, args := rows.only(d.onKey("replica") + "flushed_at=" + d.offered("flushed_at"))
	if _, err := s.change(ctx, "flush_mark", query, args...); err != nil {
		return fmt.Errorf("write the flush mark: %w", err)
	}
	return nil
}

// FlushMarks gives the marks of all replicas, this one's included.
func (s *Store) FlushMarks(ctx context.Context) ([]FlushMark, error) {
	var marks []FlushMark
	query := "SELECT replica, " + s.dialect.age("flushed_at") + " FROM t_registry_flush ORDER BY replica"
	err := s.query(ctx, s.read, "flush_marks", query, nil, func(row *scanner) {
		marks = append(marks, FlushMark{row.text(), row.micros()})
	})
	if err != nil {
		return nil, fmt.Errorf("read the flush marks: %w", err)
	}
	return marks, nil
}

// DropFlushMark removes a replica's mark: its own when it has stopped cleanly, or
// one that has been silent for so long that it holds nothing any more.
func (s *Store) DropFlushMark(ctx context.Context, replica string) error {
	if _, err := s.change(ctx, "flush_mark_drop", "DELETE FROM t_registry_flush WHERE replica = ?", replica); err != nil {
		return fmt.Errorf("drop the flush mark of %s: %w", replica, err)
	}
	return nil
}
