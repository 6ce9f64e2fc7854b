package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// sessionSettings are made on every new connection. READ COMMITTED, because at
// REPEATABLE READ the gap locks of one registration stop the next (R30). Strict,
// because a name must be refused, not cut, where it does not fit its column.
const sessionSettings = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"

const sessionMode = "SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_TRANS_TABLES')"

// mysqlConfig reads a DSN and sets what the store relies on, whatever it says.
func mysqlConfig(dsn string, timeout time.Duration) (*mysql.Config, error) {
	config, err := mysql.ParseDSN(dsn)
	if err != nil || config.DBName == "" || !slices.Contains([]string{"tcp", "tcp4", "tcp6", "unix"}, config.Net) {
		// The driver's own words may quote a part of the password.
		return nil, errors.New("the DSN is not of the form user:password@tcp(host:port)/database?option=value")
	}
	config.InterpolateParams = true // one round trip a statement, nothing to prepare
	config.ClientFoundRows = true   // a row that already is as wanted counts as found
	config.ParseTime = false        // R16: moments are text
	config.MultiStatements = false
	config.RejectReadOnly = true // a failed-over primary: go and find the new one
	config.CheckConnLiveness = true
	config.Collation = ""
	config.Logger = &mysql.NopLogger{} // errors are returned, and logged once
	if err := config.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, errors.New("the DSN's character set cannot be utf8mb4")
	}
	if config.Timeout <= 0 || config.Timeout > timeout {
		config.Timeout = timeout
	}
	// The contexts of statements set the deadlines; these end what has none.
	config.ReadTimeout = longStatements * timeout
	config.WriteTimeout = longStatements * timeout
	return config, nil
}

// connector opens connections with our session settings, each within a deadline,
// also where database/sql opens one on its own account.
type connector struct {
	driver.Connector
	timeout time.Duration
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a connection: %w", err)
	}
	session, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("the driver's connections run no statements"), conn.Close())
	}
	for _, statement := range []string{sessionSettings, sessionMode} {
		if _, err := session.ExecContext(ctx, statement, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", statement, err), conn.Close())
		}
	}
	return conn, nil
}

func openMySQL(config Config) (*Store, error) {
	settings, err := mysqlConfig(config.DSN, config.StatementTimeout)
	if err != nil {
		return nil, err
	}
	inner, err := mysql.NewConnector(settings)
	if err != nil {
		return nil, errors.New("the DSN's options contradict each other")
	}
	pool := sql.OpenDB(&connector{inner, config.StatementTimeout})
	pool.SetMaxOpenConns(config.PoolSize)
	pool.SetMaxIdleConns(config.PoolSize)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(30 * time.Minute) // so that a proxy can move us
	db := sqlx.NewDb(pool, "mysql")
	return &Store{
		config: config, dialect: mysqlDialect(), write: db, read: db,
		target: fmt.Sprintf("%s@%s(%s)/%s", settings.User, settings.Net, settings.Addr, settings.DBName),
		migrationPool: func() (*sql.DB, error) {
			slow := settings.Clone()
			slow.ReadTimeout, slow.WriteTimeout = migrationTimeout, migrationTimeout
			inner, err := mysql.NewConnector(slow)
			if err != nil {
				return nil, fmt.Errorf("open a pool for migrations: %w", err)
			}
			return sql.OpenDB(&connector{inner, config.StatementTimeout}), nil
		},
	}, nil
}
