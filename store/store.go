package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/tarsregistry/tarsregistry/migrations"
)

const (
	// transactionTime is how long a write transaction may last in all (R22).
	transactionTime = 3 * time.Second
	// longStatements is how many statement time-outs the reads of whole tables
	// may take.
	longStatements = 10
	// migrationTimeout is the deadline of one step of the migrations.
	migrationTimeout = 5 * time.Minute
)

// Store keeps the registry's data. It is safe for many goroutines.
type Store struct {
	config  Config
	dialect *dialect
	target  string
	write   *sqlx.DB // on SQLite one connection
	read    *sqlx.DB
	folder  *os.File // the lock of the embedded database's folder

	migrationPool func() (*sql.DB, error)

	schemaMu sync.Mutex
	schema   atomic.Pointer[schema]

	sweepSize atomic.Int64 // leases that the last ReadSweep found fresh

	closing   sync.Once
	closeWith error
}

// Open prepares a store. It does not connect: a MySQL database may be away. The
// embedded database's folder is made and locked; ErrLocked when another process
// has it. An error in the DSN does not show its password.
func Open(config Config) (*Store, error) {
	if config.PoolSize <= 0 {
		config.PoolSize = DefaultPoolSize
	}
	if config.StatementTimeout <= 0 {
		config.StatementTimeout = DefaultStatementTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case config.DSN != "" && config.Path != "":
		return nil, errors.New("open the store: both a DSN and a path are given")
	case config.DSN != "":
		return openMySQL(config)
	case config.Path != "":
		return openSQLite(config)
	default:
		return nil, errors.New("open the store: neither a DSN nor a path is given")
	}
}

// Close ends all connections and frees the lock of the embedded database.
func (s *Store) Close() error {
	s.closing.Do(func() {
		err := s.write.Close()
		if s.read != s.write {
			err = errors.Join(err, s.read.Close())
		}
		if s.folder != nil {
			err = errors.Join(err, s.folder.Close())
		}
		s.closeWith = err
	})
	return s.closeWith
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.query(ctx, s.read, "ping", "SELECT 1", nil, func(*scanner) {})
}

// Migrate brings the tables to what this version needs (R33); running it again,
// or by many replicas at once, is harmless.
func (s *Store) Migrate(ctx context.Context) error {
	pool, err := s.migrationPool()
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	err = migrations.Up(ctx, pool, s.dialect.name)
	s.schema.Store(nil)
	return errors.Join(s.translate(ctx, err), pool.Close())
}

// Status tells the version of the tables and which optional columns Tars' have.
func (s *Store) Status(ctx context.Context) (migrations.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.StatementTimeout)
	defer cancel()
	status, err := migrations.Read(ctx, s.read.DB, s.dialect.name)
	return status, s.translate(ctx, err)
}

// Embedded says that the database is the SQLite file.
func (s *Store) Embedded() bool { return s.config.DSN == "" }

// Target names the database for people: without the password.
func (s *Store) Target() string { return s.target }
