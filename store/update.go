package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Scope says what a write transaction reads and locks at its start. Locks are
// taken in one order, lease rows first (R30).
type Scope struct {
	// Keys are instances that are loaded whole: lease, server row, adapters. The
	// leases on their nodes, and the nodes' rows, are read as well.
	Keys []naming.Key
	// New are instances of which, as far as the caller knows, nobody has heard, and
	// of their nodes neither. They are loaded without looking for a lease and a
	// server row; where one turns out to be there the transaction is begun again
	// and looks.
	New []naming.Key
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
	scope.Keys = slices.Clip(scope.Keys) // it may grow, and the caller's must not
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
		if errors.Is(meaningOf(err), errDuplicate) {
			scope.Keys, scope.New = append(scope.Keys, scope.New...), nil
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

func (s *Store) once(ctx context.Context, tables *schema, scope *Scope, fn func(*Tx) error) (commit *Commit, err error) {
	start := time.Now()
	defer func() { s.observe("transaction", start, err) }()
	err = s.inTransaction(ctx, func(ctx context.Context, inner *transaction) error {
		commit, err = s.closure(newTx(ctx, s, inner.Tx, tables), scope, fn)
		if err != nil || commit == nil {
			return err
		}
		return inner.commit()
	})
	if err != nil {
		return nil, err
	}
	if commit == nil {
		commit = &Commit{}
	}
	return commit, nil
}

// closure reads the scope, runs fn and writes what it put; nil: nothing was.
func (s *Store) closure(tx *Tx, scope *Scope, fn func(*Tx) error) (commit *Commit, err error) {
	// What moved is in the scope the next time.
	defer func() { scope.Keys = append(scope.Keys, tx.moved...) }()
	if err := tx.begin(*scope); err != nil {
		return nil, err
	}
	err = fn(tx)
	if tx.err != nil {
		return nil, tx.err // what fn made of missing rows does not count
	}
	if err != nil {
		return nil, &closureError{err}
	}
	return tx.finish()
}
