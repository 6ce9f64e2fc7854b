package store

import (
	"log/slog"
	"time"
)

// Defaults of Config.
const (
	DefaultPoolSize         = 32
	DefaultStatementTimeout = 3 * time.Second
)

// Config says where the data is and how it is treated. Either DSN or Path is
// set.
type Config struct {
	// DSN is a go-sql-driver/mysql data source name. What the store relies on
	// (interpolateParams, time-outs, utf8mb4, no parseTime) is set whatever it says.
	DSN string
	// Path is the embedded SQLite file; its folder is made and locked (R31).
	Path string
	// PoolSize bounds the connections to the database; 0: DefaultPoolSize.
	PoolSize int
	// StatementTimeout is the deadline of one statement; a write transaction
	// has one too, in all (R22). 0: DefaultStatementTimeout.
	StatementTimeout time.Duration
	// Replica names this registry in events, flush marks and the sweep lease.
	Replica string
	// Tombstone is how long a removed endpoint stays in the inactive lists
	// (R25); 0: not at all.
	Tombstone time.Duration
	// Logger takes what an operator should know; nil: nothing is logged.
	Logger *slog.Logger
	// Observe is told of every statement; nil: nobody is.
	Observe Observer
}

// Observer is told the name of a statement (a small fixed set), how long it took
// and how it ended. It is called by many goroutines at once.
type Observer func(statement string, took time.Duration, err error)
