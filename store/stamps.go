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

	serverSums, adapterSums []stampSum
}

// Stamps reads (id, registry_timestamp) of both tables from their indexes. Where
// known is not nil, only the rows are read that it does not have as they are: the
// database tells by sums which ranges of ids to look at. known is not changed, and
// what is equal in it may be shared.
func (s *Store) Stamps(ctx context.Context, known *Stamps) (*Stamps, error) {
	if known == nil {
		known = &Stamps{}
	}
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
			stamps.Servers, stamps.serverSums, err = s.readStamps(ctx, tx, "t_server_conf", known.Servers, known.serverSums)
			if err != nil {
				return err
			}
			stamps.Adapters, stamps.adapterSums, err = s.readStamps(ctx, tx, "t_adapter_conf", known.Adapters, known.adapterSums)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read stamps: %w", err)
	}
	return stamps, nil
}

// readStamps reads the ranges of ids whose sums are not the known ones. The
// embedded database has no sums: there the rows are read by this very process, so
// that nothing would be saved.
func (s *Store) readStamps(ctx context.Context, on runner, table string, known []Stamp, knownSums []stampSum) ([]Stamp, []stampSum, error) {
	if s.dialect.sqlite() {
		all, err := s.stampRows(ctx, on, table, "", len(known))
		return all, nil, err
	}
	sums, young, err := s.sumStamps(ctx, on, table)
	if err != nil {
		return nil, nil, err
	}
	changed := changedRanges(knownSums, sums)
	if len(changed) > len(sums)/2 {
		all, err := s.stampRows(ctx, on, table, "", rowsIn(sums))
		markAgain(all, young)
		return all, sums, err
	}
	if len(changed) == 0 {
		return known, sums, nil
	}
	stamps := make([]Stamp, 0, rowsIn(sums))
	for _, stamp := range known {
		if !changed[stamp.ID/stampRange] {
			stamps = append(stamps, stamp)
		}
	}
	read, err := s.stampRows(ctx, on, table, rangesCondition(changed), len(changed)*stampRange)
	stamps = inOrder(append(stamps, read...))
	markAgain(stamps, young)
	return stamps, sums, err
}

// stampRows leaves the sorting to the program: asked for an order the database
// would read the rows instead of the index.
func (s *Store) stampRows(ctx context.Context, on runner, table, condition string, expected int) ([]Stamp, error) {
	stamps := make([]Stamp, 0, expected)
	query := "SELECT id, registry_timestamp, registry_timestamp >= " + s.dialect.wallAgo(stampResolution) + " FROM " + table + condition
	err := s.each(ctx, on, "stamps", query, nil, func(row *scanner) {
		stamps = append(stamps, Stamp{ID: row.int(), Text: row.name(), Again: row.int() != 0})
	})
	return inOrder(stamps), err
}

// youngStamps gives the ids of the rows that are to be read again.
func (s *Store) youngStamps(ctx context.Context, on runner, table string) (ids []int64, err error) {
	query := "SELECT id FROM " + table + " WHERE registry_timestamp >= " + s.dialect.wallAgo(stampResolution)
	err = s.each(ctx, on, "young_stamps", query, nil, func(row *scanner) { ids = append(ids, row.int()) })
	return ids, err
}

// markAgain marks these rows in stamps that are in order.
func markAgain(stamps []Stamp, ids []int64) {
	for _, id := range ids {
		i, found := slices.BinarySearchFunc(stamps, id, func(stamp Stamp, id int64) int { return cmp.Compare(stamp.ID, id) })
		if found {
			stamps[i].Again = true
		}
	}
}

func inOrder(stamps []Stamp) []Stamp {
	slices.SortFunc(stamps, func(a, b Stamp) int { return cmp.Compare(a.ID, b.ID) })
	return stamps
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
