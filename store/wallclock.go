package store

import (
	"context"
	"fmt"
)

// WallClock is the database's time as it stands in the columns of Tars' tables: in
// the time zone of our sessions, yyyy-mm-dd hh:mm:ss.
func (s *Store) WallClock(ctx context.Context) (string, error) {
	const wholeSeconds = len("2006-01-02 15:04:05")
	var clock string
	err := s.query(ctx, s.read, "wall_clock", "SELECT "+s.dialect.wall, nil, func(row *scanner) {
		clock = row.text()
	})
	if err != nil {
		return "", fmt.Errorf("read the database's time: %w", err)
	}
	return clock[:min(len(clock), wholeSeconds)], nil
}
