package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// transaction is one on a connection of its own, which end gives back.
type transaction struct {
	*sqlx.Tx
	conn  *sqlx.Conn
	free  context.CancelFunc // of its context
	done  bool
	after func() error // brings the connection's settings back; nil: nothing to do
}

// limits bound a transaction in time. Where one is 0, only the caller's context
// does.
type limits struct {
	wait time.Duration // for a connection, on SQLite behind the one writer
	work time.Duration // from the transaction's start
}

// begin starts a transaction after the statements of prepare, on a connection
// that lives: those that the pool kept over a restart of the database are passed
// over, however many there are. The context is the transaction's, which lasts until
// its end.
func (s *Store) begin(ctx context.Context, pool *sqlx.DB, options *sql.TxOptions, limits limits, prepare ...string) (context.Context, *transaction, error) {
	waiting, arrived := within(ctx, limits.wait)
	defer arrived()
	for {
		conn, err := pool.Connx(waiting)
		if err != nil {
			return nil, nil, fmt.Errorf("connect: %w", err)
		}
		limited, free := within(ctx, limits.work)
		tx, err := start(limited, conn, options, prepare)
		if err == nil {
			return limited, &transaction{Tx: tx, conn: conn, free: free}, nil
		}
		free()
		_ = conn.Close() // the error that led here is the one that counts
		if !errors.Is(err, driver.ErrBadConn) {
			return nil, nil, fmt.Errorf("begin: %w", err)
		}
	}
}

func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

func start(ctx context.Context, conn *sqlx.Conn, options *sql.TxOptions, prepare []string) (*sqlx.Tx, error) {
	for _, statement := range prepare {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	tx, err := conn.BeginTxx(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("start a transaction: %w", err)
	}
	return tx, nil
}

// commit makes the transaction last.
func (t *transaction) commit() error {
	t.done = true
	if err := t.Tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// end gives the connection back, and takes back what was not committed.
func (t *transaction) end() {
	if !t.done {
		_ = t.Tx.Rollback() // what led here is told by another error, if it is one
	}
	if t.after != nil && t.after() != nil {
		_ = t.conn.Raw(func(any) error { return driver.ErrBadConn }) // so database/sql throws it away
	}
	_ = t.conn.Close() // gives it back to the pool
	t.free()
}

// inTransaction runs work in a write transaction that lasts transactionTime at
// most, the wait for a connection apart.
func (s *Store) inTransaction(ctx context.Context, work func(context.Context, *transaction) error) error {
	bounds := limits{wait: longStatements * s.config.StatementTimeout, work: transactionTime}
	limited, tx, err := s.begin(ctx, s.write, nil, bounds)
	if err != nil {
		return err
	}
	defer tx.end()
	return work(limited, tx)
}
