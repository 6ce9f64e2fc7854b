package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	"github.com/golang-migrate/migrate/v4/database/mysql"
	"github.com/golang-migrate/migrate/v4/database/sqlite"
	"github.com/golang-migrate/migrate/v4/source/iofs"
)

// Table is where golang-migrate keeps its books; the default name is left to the
// other programs in the same database (R33).
const Table = "t_registry_migrations"

// Dialect is which SQL a database speaks; its value is the folder of its steps.
type Dialect string

// The dialects.
const (
	MySQL  Dialect = "mysql" // and MariaDB, Galera, TiDB
	SQLite Dialect = "sqlite"
)

//go:embed mysql/*.sql sqlite/*.sql
var steps embed.FS

// attempts bounds how often Up starts again when other replicas migrate the same
// database at the same moment.
const attempts = 8

// Up brings the database to the latest version. Every step makes what is missing
// and touches nothing that is there, so a step that a crash cut off is run again,
// and replicas that start together do no harm (R33). A database that a newer
// version has been at is left as it is. One step at a time is not to be
// interrupted: ctx is looked at between steps.
func Up(ctx context.Context, db *sql.DB, dialect Dialect) error {
	var err error
	for attempt := range attempts {
		if attempt > 0 {
			if waitErr := pause(ctx, attempt); waitErr != nil {
				return errors.Join(waitErr, err)
			}
		}
		if err = up(ctx, db, dialect); err == nil {
			return nil
		}
		if !contended(err) {
			break
		}
	}
	return fmt.Errorf("migrate the database: %w", cause(err))
}

func pause(ctx context.Context, attempt int) error {
	base := 50 * time.Millisecond << min(attempt, 5)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(base/2 + rand.N(base)):
		return nil
	}
}

func up(ctx context.Context, db *sql.DB, dialect Dialect) error {
	books, err := readBooks(ctx, db)
	if err != nil {
		return err
	}
	latest, err := Latest(dialect)
	if err != nil {
		return err
	}
	if books.version > latest || books.version == latest && !books.dirty {
		return nil
	}
	if books.rows > 1 {
		// golang-migrate removes one row at a time and would trip over the other.
		if _, err := db.ExecContext(ctx, "DELETE FROM "+Table+" WHERE version > ?", books.version); err != nil {
			return fmt.Errorf("remove a row too many from %s: %w", Table, err)
		}
	}
	driver, done, err := openDriver(ctx, db, dialect)
	if err != nil {
		return err
	}
	defer done()
	return run(ctx, driver, dialect)
}

// openDriver gives golang-migrate one connection of db, never db itself: closing
// the driver would close it.
func openDriver(ctx context.Context, db *sql.DB, dialect Dialect) (database.Driver, func(), error) {
	if dialect == SQLite {
		driver, err := sqlite.WithInstance(db, &sqlite.Config{MigrationsTable: Table})
		if err != nil {
			return nil, nil, fmt.Errorf("prepare %s: %w", Table, err)
		}
		return driver, func() {}, nil
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w", err)
	}
	driver, err := mysql.WithConnection(ctx, conn, &mysql.Config{MigrationsTable: Table})
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return driver, func() { _ = conn.Close() }, nil // the work is done or has failed by then
}

func run(ctx context.Context, driver database.Driver, dialect Dialect) error {
	source, err := iofs.New(steps, string(dialect))
	if err != nil {
		return fmt.Errorf("read the steps: %w", err)
	}
	migrator, err := migrate.NewWithInstance("embedded", source, Table, driver)
	if err != nil {
		return fmt.Errorf("prepare the steps: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { migrator.GracefulStop <- true })
	defer stop()
	err = migrator.Up()
	if dirty := (migrate.ErrDirty{}); errors.As(err, &dirty) {
		// The step was cut off, or another replica is at it; the steps before
		// it are done. It is run again.
		if err = migrator.Force(before(dirty.Version)); err == nil {
			err = migrator.Up()
		}
	}
	if errors.Is(err, migrate.ErrNoChange) {
		return nil
	}
	return errors.Join(err, ctx.Err())
}

// before is the version that a step is made from; golang-migrate calls the
// empty database -1.
func before(version int) int {
	if version <= 1 {
		return database.NilVersion
	}
	return version - 1
}

// Latest is the version that this program brings a database to.
func Latest(dialect Dialect) (uint, error) {
	names, err := fs.Glob(steps, string(dialect)+"/*.up.sql")
	if err != nil {
		return 0, fmt.Errorf("list the steps for %q: %w", dialect, err)
	}
	if len(names) == 0 {
		return 0, fmt.Errorf("there are no migrations for %q", dialect)
	}
	return uint(len(names)), nil
}
