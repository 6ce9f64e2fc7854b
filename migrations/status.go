package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	driver "github.com/go-sql-driver/mysql"
	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
)

// Status is how far a database has come.
type Status struct {
	Version uint // 0: nothing was done yet
	Dirty   bool // a step was cut off; the next Up runs it again
	Latest  uint // what this program brings
	// Optional are the columns that not every Tars database has, "table.column",
	// and whether this one does.
	Optional map[string]bool
}

// Current says that nothing is left to do.
func (s Status) Current() bool { return s.Version >= s.Latest && !s.Dirty }

// optional are the columns of Tars' tables that some databases lack (tables.md).
func optional() []string {
	return []string{"grid_flag", "flow_state", "run_type", "base_image_id", "metrics_port"}
}

// Read looks at a database and changes nothing.
func Read(ctx context.Context, db *sql.DB, dialect Dialect) (Status, error) {
	latest, err := Latest(dialect)
	if err != nil {
		return Status{}, err
	}
	books, err := readBooks(ctx, db)
	if err != nil {
		return Status{}, fmt.Errorf("read the version of the tables: %w", err)
	}
	columns, err := serverColumns(ctx, db, dialect)
	if err != nil {
		return Status{}, fmt.Errorf("read the columns of t_server_conf: %w", err)
	}
	status := Status{Version: books.version, Dirty: books.dirty, Latest: latest, Optional: map[string]bool{}}
	for _, name := range optional() {
		status.Optional["t_server_conf."+name] = columns[name]
	}
	return status, nil
}

type books struct {
	version uint
	dirty   bool
	rows    int
}

// readBooks reads how far the migrations have come. Replicas of a cluster that
// migrated at once may have left two rows: the lower one counts, because running a
// step again is harmless.
func readBooks(ctx context.Context, db *sql.DB) (books, error) {
	var found books
	row := db.QueryRowContext(ctx, "SELECT version, dirty, (SELECT COUNT(*) FROM "+Table+") FROM "+Table+" ORDER BY version LIMIT 1")
	switch err := row.Scan(&found.version, &found.dirty, &found.rows); {
	case err == nil:
		return found, nil
	case errors.Is(err, sql.ErrNoRows), missingTable(err):
		return books{}, nil
	default:
		return books{}, fmt.Errorf("read %s: %w", Table, err)
	}
}

func missingTable(err error) bool {
	if failure := (*driver.MySQLError)(nil); errors.As(err, &failure) {
		return failure.Number == 1146
	}
	return strings.Contains(err.Error(), "no such table")
}

func serverColumns(ctx context.Context, db *sql.DB, dialect Dialect) (map[string]bool, error) {
	query := "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 't_server_conf'"
	if dialect == SQLite {
		query = "SELECT name FROM pragma_table_info('t_server_conf')"
	}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("list the columns: %w", err)
	}
	defer func() { _ = rows.Close() }() // what went wrong is in rows.Err
	columns := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("read a column's name: %w", err)
		}
		columns[strings.ToLower(name)] = true
	}
	return columns, rows.Err()
}

// contended says that the error comes from another replica's migrating at the
// same moment, so that it is worth starting again.
func contended(err error) bool {
	if errors.Is(err, database.ErrLocked) || errors.Is(err, migrate.ErrLocked) || errors.Is(err, migrate.ErrLockTimeout) {
		return true
	}
	if dirty := (migrate.ErrDirty{}); errors.As(err, &dirty) {
		return true
	}
	failure := (*driver.MySQLError)(nil)
	if !errors.As(cause(err), &failure) {
		return strings.Contains(err.Error(), "SQLITE_BUSY")
	}
	switch failure.Number {
	case 1213, 1205, 1062, 1050, 1047, 1020: // deadlock, lock wait, duplicate, exists, cluster not ready, changed
		return true
	}
	return false
}

// cause digs out what golang-migrate wraps in an error without Unwrap.
func cause(err error) error {
	if byPointer := (*database.Error)(nil); errors.As(err, &byPointer) {
		return byPointer.OrigErr
	}
	if byValue := (database.Error{}); errors.As(err, &byValue) {
		return byValue.OrigErr
	}
	return err
}
