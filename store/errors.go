package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What can go wrong, to be told with errors.Is.
var (
	// ErrUnavailable: the database cannot be reached, is not ready, or did not
	// answer in time. Nothing is known of what it did with the statement.
	ErrUnavailable = errors.New("the database is not available")
	// ErrLocked: another process has the embedded database open (R31).
	ErrLocked = errors.New("another registry has this database open; stop it first, or choose another data folder")
	// ErrSchema: a table or column that is needed is missing.
	ErrSchema = errors.New("the database's tables are not as expected")
	// ErrConflict: others changed the same rows again and again, and the
	// transaction was given up after the last attempt.
	ErrConflict = errors.New("the transaction conflicted with others too often")
	// ErrValue: the database refused a value (too long, out of range); the
	// tables are narrower than the rules of package naming.
	ErrValue = errors.New("the database refused a value")
	// ErrDenied: the database's user may not do this, or may not log in.
	ErrDenied = errors.New("the database denies access")
)

// errDuplicate: a row that was not there when it was looked for has come. It
// never leaves the package.
var errDuplicate = errors.New("a row with this key came meanwhile")

// translate gives a driver's error the meaning it has for callers, keeping its
// words. An error that already has one, or is none of a driver's, stays as it is.
// outer is the caller's context: when it has ended, that is the error.
func (s *Store) translate(outer context.Context, err error) error {
	if err == nil {
		return nil
	}
	if outerErr := outer.Err(); outerErr != nil {
		return fmt.Errorf("%w: %w", outerErr, err)
	}
	if meaning := meaningOf(err); meaning != nil && !errors.Is(err, meaning) {
		return fmt.Errorf("%w: %w", meaning, err)
	}
	return err
}

// meaningOf is the sentinel for a driver's error, nil for what is no driver's.
func meaningOf(err error) error {
	if failure := (*mysql.MySQLError)(nil); errors.As(err, &failure) {
		return mysqlMeaning(failure.Number)
	}
	if failure := (*sqlite.Error)(nil); errors.As(err, &failure) {
		return sqliteMeaning(failure)
	}
	if lost(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return ErrUnavailable
	}
	return nil
}

// lost says that the connection is gone or was never made.
func lost(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, sql.ErrConnDone) || errors.As(err, &network)
}

// mysqlMeaning knows the numbers of MySQL, MariaDB, Galera and TiDB.
func mysqlMeaning(number uint16) error {
	switch number {
	case 1213, 1205, // deadlock, lock wait
		1180,             // refused at COMMIT (Galera)
		1020,             // the record has changed since it was read (MariaDB)
		8002, 8022, 9007: // TiDB: retry
		return ErrConflict
	case 1062:
		return errDuplicate
	case 1054, 1146, 1049, 1364, // no column, no table, no database, no default
		1064: // the syntax of another server than the one that was seen
		return ErrSchema
	case 1406, 1265, 1264, 1366, 1292, 1048: // too long, truncated, out of range, wrong, NULL
		return ErrValue
	case 1044, 1045, 1142, 1143, 1227, 1698:
		return ErrDenied
	case 1040, 1203, 1226, // too many connections
		1047, 1053, 1077, 1078, 1079, 1080, // not ready (Galera), shutting down
		1129, 1130, 1152, 1153, 1158, 1159, 1160, 1161, 1184, // the connection
		1290, 1792, 1836, // read only
		1317, 1927, 1969, 3024, 4031, // interrupted, killed
		1021, 1030, 1114, // disk full, the engine's troubles
		9001, 9002, 9003, 9004, 9005: // TiDB: parts of it are away
		return ErrUnavailable
	default:
		return nil
	}
}

func sqliteMeaning(failure *sqlite.Error) error {
	switch failure.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return errDuplicate
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG:
		return ErrValue
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA:
		return ErrSchema // no such table or column: our statements are otherwise sound
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrConflict
	default:
		return ErrUnavailable
	}
}
