package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// transaction is one on a connection of its own, which end gives back.
type transaction struct {
	*sqlx.Tx
	conn  *sqlx.Conn
	done  bool
	after func() error // brings the connection's settings back; nil: nothing to do
}

// begin starts a transaction after the statements of prepare, on a connection
// that lives: those that the pool kept over a restart of the database are passed
// over, however many there are. The wait for a connection, on SQLite behind the
// one writer, is bounded by ctx; the transaction itself by limited, which is
// called when its time begins.
func (s *Store) begin(ctx context.Context, pool *sqlx.DB, options *sql.TxOptions, limited func() context.Context, prepare ...string) (*transaction, error) {
	for {
		conn, err := pool.Connx(ctx)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		tx, err := start(limited(), conn, options, prepare)
		if err == nil {
			return &transaction{Tx: tx, conn: conn}, nil
		}
		_ = conn.Close() // the error that led here is the one that counts
		if !errors.Is(err, driver.ErrBadConn) {
			return nil, fmt.Errorf("begin: %w", err)
		}
	}
}

func start(ctx context.Context, conn *sqlx.Conn, options *sql.TxOptions, prepare []string) (*sqlx.Tx, error) {
	for _, statement := range prepare {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	return conn.BeginTxx(ctx, options)
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
}

// inTransaction runs work in a write transaction that lasts transactionTime at
// most, the wait for a connection apart.
func (s *Store) inTransaction(ctx context.Context, work func(context.Context, *transaction) error) error {
	waiting, cancel := context.WithTimeout(ctx, longStatements*s.config.StatementTimeout)
	defer cancel()
	limited, end := ctx, context.CancelFunc(func() {})
	tx, err := s.begin(waiting, s.write, nil, func() context.Context {
		end()
		limited, end = context.WithTimeout(ctx, transactionTime)
		return limited
	})
	defer func() { end() }()
	if err != nil {
		return err
	}
	defer tx.end()
	return work(limited, tx)
}
