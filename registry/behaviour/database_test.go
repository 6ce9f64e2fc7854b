package behaviour

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	_ "github.com/go-sql-driver/mysql" // for what other programs do to the tables
	_ "modernc.org/sqlite"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest/schema"
	"github.com/tarsregistry/tarsregistry/registry"
)

// database is one for a test of its own. SQL here is what another program with
// access to the tables would send: plain, and unknown to the registry.
type database struct {
	t    *testing.T
	kind string // names a subtest
	dsn  string // "": embedded
	dir  string // data folder of the first replica, and the embedded database
	pool *sql.DB
	// spoiled says that the tables are not as they were found, so that no other
	// test may have them.
	spoiled bool
}

func (d *database) embedded() bool { return d.dsn == "" }

// onEvery runs a test on each kind of database, as a fresh installation has it.
func onEvery(t *testing.T, test func(t *testing.T, d *database)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqlite(t))
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		test(t, mariadb(t))
	})
}

// onEverySchema runs a test on every form in which the tables are met: fresh ones,
// and those of the installations that there are (tables.md).
func onEverySchema(t *testing.T, test func(t *testing.T, d *database)) {
	t.Helper()
	onEvery(t, test)
	for _, variant := range schema.Variants() {
		t.Run(variant.Name, func(t *testing.T) {
			t.Parallel()
			test(t, installation(t, variant))
		})
	}
}

func sqlite(t *testing.T) *database {
	t.Helper()
	return &database{t: t, kind: "sqlite", dir: t.TempDir()}
}

// mariadb is a database with the tables of a fresh installation, or about to have
// them.
func mariadb(t *testing.T) *database {
	t.Helper()
	d := &database{t: t, kind: "mariadb", dir: t.TempDir()}
	d.dsn = databases.take(t, d.kind, &d.spoiled, func(*sql.DB) error { return nil })
	return d
}

// on makes a database on a server.
func on(t *testing.T, server *mariadbtest.Server) *database {
	t.Helper()
	return &database{t: t, kind: "mariadb", dsn: server.Database(t), dir: t.TempDir()}
}

// installation is a database that Tars has been running on.
func installation(t *testing.T, variant schema.Variant) *database {
	t.Helper()
	d := &database{t: t, kind: variant.Name, dir: t.TempDir()}
	d.dsn = databases.take(t, d.kind, &d.spoiled, func(db *sql.DB) error { return variant.Apply(t.Context(), db) })
	return d
}

// untouched is an installation on which no registry has ever been; nil: an
// empty database.
func untouched(t *testing.T, variant *schema.Variant) *database {
	t.Helper()
	d := on(t, mariadbtest.Shared(t))
	if variant == nil {
		return d
	}
	d.kind = variant.Name
	if err := variant.Apply(t.Context(), d.sql()); err != nil {
		t.Fatal(err)
	}
	return d
}

// sql is the other program's connection. The embedded database is there once a
// registry has made it.
func (d *database) sql() *sql.DB {
	d.t.Helper()
	if d.pool == nil && d.embedded() {
		pool, err := sql.Open("sqlite", "file:"+filepath.Join(d.dir, registry.DatabaseFile)+"?_pragma=busy_timeout(60000)")
		if err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(func() { _ = pool.Close() })
		d.pool = pool
	}
	if d.pool == nil {
		d.pool = mariadbtest.Open(d.t, d.dsn)
	}
	return d.pool
}

// exec runs a statement and gives the number of rows it found.
func (d *database) exec(statement string, args ...any) int64 {
	d.t.Helper()
	result, err := d.sql().ExecContext(d.t.Context(), statement, args...)
	if err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
	count, err := result.RowsAffected()
	if err != nil {
		d.t.Fatal(err)
	}
	return count
}

// text reads one value: NULL is "NULL", no row "none".
func (d *database) text(query string, args ...any) string {
	d.t.Helper()
	var value sql.NullString
	err := d.sql().QueryRowContext(d.t.Context(), query, args...).Scan(&value)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "none"
	case err != nil:
		d.t.Fatalf("%s: %v", query, err)
	case !value.Valid:
		return "NULL"
	}
	return value.String
}

// has says whether a table has a column.
func (d *database) has(table, column string) bool {
	d.t.Helper()
	rows, err := d.sql().QueryContext(d.t.Context(), "SELECT * FROM "+table+" WHERE 1 = 0")
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err := errors.Join(err, rows.Err()); err != nil {
		d.t.Fatal(err)
	}
	return slices.Contains(names, column)
}

// ago is SQL for a moment of our own tables.
func (d *database) ago(seconds string) string {
	if d.embedded() {
		return "strftime('%Y-%m-%d %H:%M:%f', 'now', '-" + seconds + " seconds')"
	}
	return "(UTC_TIMESTAMP(6) - INTERVAL " + seconds + " SECOND)"
}

// age is SQL for how many seconds ago a moment of our own tables was.
func (d *database) age(column string) string {
	if d.embedded() {
		return "(unixepoch('now', 'subsec') - unixepoch(" + column + ", 'subsec'))"
	}
	return "(TIMESTAMPDIFF(MICROSECOND, " + column + ", UTC_TIMESTAMP(6)) / 1000000)"
}

// wall is SQL for this moment in Tars' tables.
func (d *database) wall() string {
	if d.embedded() {
		return "strftime('%Y-%m-%d %H:%M:%f', 'now')"
	}
	return "CURRENT_TIMESTAMP"
}

func older() schema.Variant { return schema.Older() }
