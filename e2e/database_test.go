//go:build !race

package e2e

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	_ "modernc.org/sqlite" // the driver that the embedded database is read by

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/registry"
)

// database is where a registry under test keeps its data.
type database struct {
	dataDir string
	dsn     string // "": embedded
}

// onBothDatabases runs a test on the embedded database and on MariaDB.
func onBothDatabases(t *testing.T, test func(*testing.T, database)) {
	t.Run("sqlite", func(t *testing.T) { test(t, database{dataDir: t.TempDir()}) })
	t.Run("mariadb", func(t *testing.T) {
		test(t, database{dataDir: t.TempDir(), dsn: mariadbtest.Database(t)})
	})
}

// serve starts a registry on the database.
func (d database) serve(t *testing.T, args ...string) *process {
	t.Helper()
	if d.dsn != "" {
		args = append(args, "--dsn", d.dsn)
	}
	return serve(t, d.dataDir, args...)
}

// open gives a connection of the test's own, beside the registry.
func (d database) open(t *testing.T) *sql.DB {
	t.Helper()
	if d.dsn != "" {
		return mariadbtest.Open(t, d.dsn)
	}
	path := filepath.Join(d.dataDir, registry.DatabaseFile)
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return db
}

// rows gives the rows of a query, columns joined by a bar, sorted.
func rows(db *sql.DB, query string, args ...any) (list []string, err error) {
	found, err := db.Query(query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer func() { _ = found.Close() }()
	columns, err := found.Columns()
	if err != nil {
		return nil, err
	}
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		line := ""
		for _, value := range values {
			line += value.String + "|"
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list, found.Err()
}

// count gives the number a query asks for.
func count(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// difference tells what one sorted list has and the other has not.
func difference(name string, got, want []string) error {
	missing := without(want, got)
	extra := without(got, want)
	if len(missing) == 0 && len(extra) == 0 && len(got) == len(want) {
		return nil
	}
	const most = 5
	return fmt.Errorf("%s: %d rows, want %d; %d are missing: %q; %d should not be there: %q", name, len(got), len(want),
		len(missing), missing[:min(most, len(missing))], len(extra), extra[:min(most, len(extra))])
}

func without(list, other []string) (rest []string) {
	for _, line := range list {
		if _, found := slices.BinarySearch(other, line); !found {
			rest = append(rest, line)
		}
	}
	return rest
}
