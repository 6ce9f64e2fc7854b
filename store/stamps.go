package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
)

// Stamp is a row's id and the text of its registry_timestamp.
type Stamp struct {
	ID   int64
	Text string
	// Again says that the row was stamped within the last 5 s, or ahead of the
	// database's clock, by the database's reckoning: a further change need not
	// show in a stamp of whole seconds (R23).
	Again bool
}

// stampResolution is how recent a stamp must be to be read again.
const stampResolution = 5 * time.Second

// Stamps is what a comparison reads of t_server_conf and t_adapter_conf (R23).
type Stamps struct {
	Servers  []Stamp // by id
	Adapters []Stamp // by id
	Clock    time.Duration
	Server   string
}

// Stamps reads (id, registry_timestamp) of both tables from their indexes.
func (s *Store) Stamps(ctx context.Context) (*Stamps, error) {
	stamps := &Stamps{}
	err := s.bounded(ctx, longStatements*s.config.StatementTimeout, func(ctx context.Context) error {
		tables, err := s.tables(ctx)
		if err != nil {
			return err
		}
		return s.consistently(ctx, tables, true, func(tx *sqlx.Tx) (err error) {
			if stamps.Clock, stamps.Server, err = s.readClock(ctx, tx); err != nil {
				return err
			}
			if stamps.Servers, err = s.readStamps(ctx, tx, "t_server_conf"); err != nil {
				return err
			}
			stamps.Adapters, err = s.readStamps(ctx, tx, "t_adapter_conf")
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read stamps: %w", err)
	}
	return stamps, nil
}

// readStamps leaves the sorting to the program: asked for an order the database
// would read the rows instead of the index.
func (s *Store) readStamps(ctx context.Context, on runner, table string) ([]Stamp, error) {
	var stamps []Stamp
	query := "SELECT id, registry_timestamp, registry_timestamp >= " + s.dialect.wallAgo(stampResolution) + " FROM " + table
	err := s.each(ctx, on, "stamps", query, nil, func(row *scanner) {
		stamps = append(stamps, Stamp{ID: row.int(), Text: row.name(), Again: row.int() != 0})
	})
	slices.SortFunc(stamps, func(a, b Stamp) int { return cmp.Compare(a.ID, b.ID) })
	return stamps, err
}

// Clock reads the database's clock and server as Sweep has them.
func (s *Store) Clock(ctx context.Context) (clock time.Duration, server string, err error) {
	err = s.bounded(ctx, s.config.StatementTimeout, func(ctx context.Context) error {
		clock, server, err = s.readClock(ctx, s.read)
		return err
	})
	return clock, server, err
}

func (s *Store) readClock(ctx context.Context, on runner) (clock time.Duration, server string, err error) {
	query := "SELECT " + s.dialect.clock + ", " + s.dialect.server
	err = s.each(ctx, on, "clock", query, nil, func(row *scanner) {
		clock, server = row.micros(), row.text()
	})
	return clock, server, err
}
