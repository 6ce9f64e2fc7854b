package store

import "errors"

// What can go wrong, to be told with errors.Is.
var (
	// ErrUnavailable: the database cannot be reached, is not ready, or did not
	// answer in time. Nothing is known of what it did with the statement.
	ErrUnavailable = errors.New("the database is not available")
	// ErrLocked: another process has the embedded database open (R31).
	ErrLocked = errors.New("another registry has this database open")
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
