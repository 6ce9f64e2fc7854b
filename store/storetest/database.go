package storetest

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/store"
)

// Database is an empty one, for one test.
type Database struct {
	Kind string // sqlite or mariadb
	DSN  string // of a MariaDB

	path string
	raw  *sql.DB
}

// OnEvery runs a test on every kind of database. The package's TestMain must be
// that of [mariadbtest.Run].
func OnEvery(t *testing.T, test func(t *testing.T, d *Database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, SQLite(filepath.Join(t.TempDir(), "data", "registry.db")))
	})
	t.Run("mariadb", func(t *testing.T) { test(t, MariaDB(t)) })
}

// SQLite gives an embedded database in the file of that name, which need not exist.
func SQLite(path string) *Database { return &Database{Kind: "sqlite", path: path} }

// MariaDB gives a database of that kind only. The package's TestMain must be that
// of [mariadbtest.Run].
func MariaDB(t testing.TB) *Database {
	t.Helper()
	return &Database{Kind: "mariadb", DSN: mariadbtest.Database(t)}
}

// Config is that of the named replica on this database.
func (d *Database) Config(replica string) store.Config {
	return store.Config{DSN: d.DSN, Path: d.path, Replica: replica, Tombstone: 150 * time.Second}
}

// Open gives a migrated store of the named replica; it is closed when the test
// ends.
func (d *Database) Open(t testing.TB, replica string) *store.Store {
	t.Helper()
	s := Open(t, d.Config(replica))
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatalf("storetest: %v", err)
	}
	return s
}

// Open gives a store as it is, not migrated; it is closed when the test ends.
func Open(t testing.TB, config store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(config)
	if err != nil {
		t.Fatalf("storetest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("storetest: close the store: %v", err)
		}
	})
	return s
}

// SQL is a plain connection, as another program has one. On the embedded database
// it is for after Open. || joins texts on both kinds, so that one query serves both.
func (d *Database) SQL(t testing.TB) *sql.DB {
	t.Helper()
	if d.raw != nil {
		return d.raw
	}
	if d.Kind == "mariadb" {
		d.raw = mariadbtest.Open(t, d.joiningTexts(t))
		return d.raw
	}
	raw, err := sql.Open("sqlite", "file:"+(&url.URL{Path: d.path}).EscapedPath()+"?_pragma=busy_timeout(60000)")
	if err != nil {
		t.Fatalf("storetest: %v", err)
	}
	t.Cleanup(func() {
		if err := raw.Close(); err != nil {
			t.Errorf("storetest: %v", err)
		}
	})
	d.raw = raw
	return raw
}

func (d *Database) joiningTexts(t testing.TB) string {
	t.Helper()
	config, err := mysql.ParseDSN(d.DSN)
	if err != nil {
		t.Fatal("storetest: the test's DSN cannot be read")
	}
	if config.Params == nil {
		config.Params = map[string]string{}
	}
	config.Params["sql_mode"] = "'PIPES_AS_CONCAT,STRICT_TRANS_TABLES'"
	return config.FormatDSN()
}

// Exec runs a statement and gives the number of rows it changed.
func (d *Database) Exec(t testing.TB, statement string, args ...any) int64 {
	t.Helper()
	result, err := d.SQL(t).ExecContext(t.Context(), statement, args...)
	if err != nil {
		t.Fatalf("storetest: %s: %v", statement, err)
	}
	rows, err := result.RowsAffected()
	if err != nil {
		t.Fatalf("storetest: %s: %v", statement, err)
	}
	return rows
}

// Text reads one value as text; NULL is "NULL", no row "none".
func (d *Database) Text(t testing.TB, query string, args ...any) string {
	t.Helper()
	var value sql.NullString
	err := d.SQL(t).QueryRowContext(t.Context(), query, args...).Scan(&value)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "none"
	case err != nil:
		t.Fatalf("storetest: %s: %v", query, err)
	case !value.Valid:
		return "NULL"
	}
	return value.String
}

// Ago is an SQL expression for a moment so many seconds ago (to come, where they
// are negative), as our own tables have it: UTC.
func (d *Database) Ago(seconds int) string {
	if d.Kind == "mariadb" {
		return fmt.Sprintf("UTC_TIMESTAMP(6) - INTERVAL (%d) SECOND", seconds)
	}
	return fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '%+d seconds')", -seconds)
}

// WallAgo is the same as Tars' tables have it: in the session's time zone.
func (d *Database) WallAgo(seconds int) string {
	if d.Kind == "mariadb" {
		return fmt.Sprintf("NOW() - INTERVAL (%d) SECOND", seconds)
	}
	return fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%S', 'now', '%+d seconds')", -seconds)
}
