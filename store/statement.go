package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// runner is what a statement runs on: a pool, a connection or a transaction.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// exec runs a statement that gives no rows and says how many rows it found. Its
// name goes to the observer. The error is the driver's own: see translate.
func (s *Store) exec(ctx context.Context, on runner, name, query string, args ...any) (int64, error) {
	result, err := s.result(ctx, on, name, query, args...)
	if err != nil {
		return 0, err
	}
	found, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("count the rows: %w", err)
	}
	return found, nil
}

// result is exec for who wants to know more.
func (s *Store) result(ctx context.Context, on runner, name, query string, args ...any) (sql.Result, error) {
	start := time.Now()
	result, err := on.ExecContext(ctx, query, args...)
	s.observe(name, start, err)
	return result, err
}

// each runs a statement and calls visit for every row. visit reads the row's
// columns from the scanner, in order.
func (s *Store) each(ctx context.Context, on runner, name, query string, args []any, visit func(*scanner)) error {
	start := time.Now()
	err := s.rows(ctx, on, query, args, visit)
	s.observe(name, start, err)
	return err
}

func (s *Store) rows(ctx context.Context, on runner, query string, args []any, visit func(*scanner)) (err error) {
	rows, err := on.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	columns, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("read the columns: %w", err)
	}
	row := newScanner(len(columns))
	for rows.Next() {
		if err := row.read(rows); err != nil {
			return err
		}
		visit(row)
		if row.err != nil {
			return row.err
		}
	}
	return rows.Err()
}

func (s *Store) observe(name string, start time.Time, err error) {
	if s.config.Observe != nil {
		s.config.Observe(name, time.Since(start), err)
	}
}

// query runs one read outside a transaction, within the statement time-out, with
// its error translated.
func (s *Store) query(ctx context.Context, on runner, name, query string, args []any, visit func(*scanner)) error {
	return s.bounded(ctx, s.config.StatementTimeout, func(ctx context.Context) error {
		return s.each(ctx, on, name, query, args, visit)
	})
}

// statementAttempts bounds how often a small write is made again after a
// deadlock, which has undone it.
const statementAttempts = 4

// change runs one write outside a transaction, each attempt within the statement
// time-out, with its error translated.
func (s *Store) change(ctx context.Context, name, query string, args ...any) (found int64, err error) {
	err = s.persistently(ctx, s.config.StatementTimeout, func(ctx context.Context) error {
		found, err = s.exec(ctx, s.write, name, query, args...)
		return err
	})
	return found, err
}

// persistently runs work that the database undoes when it refuses it, a few times
// while it does.
func (s *Store) persistently(ctx context.Context, timeout time.Duration, work func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := s.bounded(ctx, timeout, work)
		if err == nil || attempt == statementAttempts || !errors.Is(err, ErrConflict) {
			return err
		}
		if err := backOff(ctx, attempt); err != nil {
			return err
		}
	}
}

// inWrite runs work in a small write transaction, persistently.
func (s *Store) inWrite(ctx context.Context, work func(context.Context, *sqlx.Tx) error) error {
	return s.persistently(ctx, longStatements*s.config.StatementTimeout, func(ctx context.Context) error {
		return s.inTransaction(ctx, func(ctx context.Context, tx *transaction) error {
			if err := work(ctx, tx.Tx); err != nil {
				return err
			}
			return tx.commit()
		})
	})
}

// bounded runs work within a time-out of its own and translates its error, so
// that the store's deadline is told from the caller's.
func (s *Store) bounded(ctx context.Context, timeout time.Duration, work func(context.Context) error) error {
	inner, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return s.translate(ctx, work(inner))
}
