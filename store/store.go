package store

import (
	"context"
	"errors"

	"github.com/tarsregistry/tarsregistry/migrations"
)

var errNotYet = errors.New("not implemented yet")

// Store keeps the registry's data. It is safe for many goroutines.
type Store struct {
	config Config
}

// Open prepares a store. It does not connect: a MySQL database may be away. The
// embedded database's folder is made and locked; ErrLocked when another process
// has it. An error in the DSN does not show its password.
func Open(config Config) (*Store, error) { return nil, errNotYet }

// Close ends all connections and frees the lock of the embedded database.
func (s *Store) Close() error { return errNotYet }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return errNotYet }

// Migrate brings the tables to what this version needs (R33); running it again,
// or by many replicas at once, is harmless.
func (s *Store) Migrate(ctx context.Context) error { return errNotYet }

// Status tells the version of the tables and which optional columns Tars' have.
func (s *Store) Status(ctx context.Context) (migrations.Status, error) {
	return migrations.Status{}, errNotYet
}

// Embedded says that the database is the SQLite file.
func (s *Store) Embedded() bool { return s.config.DSN == "" }

// Target names the database for people: without the password.
func (s *Store) Target() string { return "" }
