package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Scope says what a write transaction reads and locks at its start. Locks are
// taken in one order, lease rows first (R30).
type Scope struct {
	// Keys are instances that are loaded whole: lease, server row, adapters. The
	// leases on their nodes, and the nodes' rows, are read as well.
	Keys []naming.Key
	// Nodes are nodes whose leases are locked and whose instances with a live
	// or expired lease are loaded whole.
	Nodes []string
}

// Commit is what a transaction has changed, as it stands in the tables now.
type Commit struct {
	Instances  []*naming.Instance // whole, with ids and stamps; a removed one has Server nil
	Nodes      []naming.Node      // rows that were written
	NodesGone  []string           // rows that were deleted
	Events     []naming.Event     // without ids and times
	Tombstones []naming.Tombstone // made
	// TombstonesGone are ids of tombstones whose endpoint registered again (R25).
	TombstonesGone []int64
}

// updateAttempts bounds how often a transaction is begun again.
const updateAttempts = 8

// Update runs fn on what scope names and writes the differences that fn made, in
// one transaction at READ COMMITTED that lasts 3 s at most (R22).
//
// fn may be run again from the start, on freshly read rows, after a deadlock or
// another refusal of the database; it must therefore keep nothing of an earlier
// run (R30). What fn returns as an error rolls back and is returned as it is. A
// transaction in which nothing was put writes nothing and gives an empty Commit.
func (s *Store) Update(ctx context.Context, scope Scope, fn func(*Tx) error) (*Commit, error) {
	var commit *Commit
	err := s.withSchema(ctx, func(tables *schema) error {
		var err error
		commit, err = s.repeated(ctx, tables, scope, fn)
		return err
	})
	if closure := (*closureError)(nil); errors.As(err, &closure) {
		return nil, closure.error
	}
	if err != nil {
		return nil, s.translate(ctx, err)
	}
	return commit, nil
}

// closureError keeps what a closure returned apart from the database's errors.
type closureError struct{ error }

// repeated begins the transaction again while that helps (R30): a deadlock, a
// lock wait, a refusal at COMMIT, a row that another one's first registration
// made, a connection lost at whatever point, COMMIT included.
func (s *Store) repeated(ctx context.Context, tables *schema, scope Scope, fn func(*Tx) error) (*Commit, error) {
	for attempt := 1; ; attempt++ {
		commit, err := s.once(ctx, tables, &scope, fn)
		if err == nil {
			return commit, nil
		}
		if !again(err, attempt) {
			return nil, err
		}
		if attempt == updateAttempts {
			return nil, fmt.Errorf("%w: %w", ErrConflict, err)
		}
		if err := backOff(ctx, attempt); err != nil {
			return nil, err
		}
	}
}

// again says whether the same transaction may succeed when it is begun again.
func again(err error, attempt int) bool {
	if closure := (*closureError)(nil); errors.As(err, &closure) {
		return false
	}
	meaning := meaningOf(err)
	if errors.Is(meaning, ErrConflict) || errors.Is(meaning, errDuplicate) || errors.Is(err, errMoved) {
		return true
	}
	// A lost connection is worth one more attempt, on another connection; a
	// deadline is not.
	return attempt == 1 && lost(err) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}

func backOff(ctx context.Context, attempt int) error {
	base := time.Millisecond << min(attempt, 6)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(base + rand.N(2*base)):
		return nil
	}
}

func (s *Store) once(ctx context.Context, tables *schema, scope *Scope, fn func(*Tx) error) (_ *Commit, err error) {
	conn, err := s.connection(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }() // gives it back; the transaction's outcome is known by then
	ctx, cancel := context.WithTimeout(ctx, transactionTime)
	defer cancel()
	start := time.Now()
	inner, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	done := false
	defer func() {
		if !done {
			_ = inner.Rollback() // the error that led here is the one that counts
		}
		s.observe("transaction", start, err)
	}()
	tx := newTx(ctx, s, inner, tables)
	if err := tx.begin(*scope); err != nil {
		return nil, err
	}
	err = fn(tx)
	if tx.err != nil {
		scope.Keys = append(scope.Keys, tx.moved...)
		return nil, tx.err // what fn made of missing rows does not count
	}
	if err != nil {
		return nil, &closureError{err}
	}
	commit, err := tx.finish()
	if err != nil {
		scope.Keys = append(scope.Keys, tx.moved...)
		return nil, err
	}
	if commit == nil {
		return &Commit{}, nil
	}
	done = true
	if err := inner.Commit(); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	return commit, nil
}

// connection waits for its turn to write. The time in the queue, on SQLite behind
// the one writer, is not the transaction's.
func (s *Store) connection(ctx context.Context) (*sqlx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, longStatements*s.config.StatementTimeout)
	defer cancel()
	return s.write.Connx(ctx)
}
