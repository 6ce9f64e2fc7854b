package migrations

import (
	"context"
	"database/sql"
	"errors"
)

// Table is where golang-migrate keeps its books; the name of other programs'
// tables in the same database is left to them (R33).
const Table = "t_registry_migrations"

// Dialect is which SQL a database speaks; its value is the folder of its steps.
type Dialect string

// The dialects.
const (
	MySQL  Dialect = "mysql" // and MariaDB, Galera, TiDB
	SQLite Dialect = "sqlite"
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

// Up brings the database to the latest version.
func Up(ctx context.Context, db *sql.DB, dialect Dialect) error {
	return errors.New("not implemented yet")
}
