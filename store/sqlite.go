package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// lockFile stands in the folder of the embedded database and is locked while a
// registry has it open.
const lockFile = "registry.lock"

// Page caches of a connection, in kB. The writer looks for the same rows again and
// again; readers read whole tables, once.
const (
	writerCache = "cache_size(-65536)"
	readerCache = "cache_size(-8192)"
)

// openSQLite opens the embedded database (R31): one writer whose transactions
// begin with the write lock, and a pool of readers that see the last commit.
func openSQLite(config Config) (_ *Store, err error) {
	path, err := filepath.Abs(config.Path)
	if err != nil {
		return nil, fmt.Errorf("open the embedded database: %w", err)
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := lockFolder(filepath.Join(folder, lockFile))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	writer, err := sql.Open("sqlite", sqliteSource(path, config, "_txlock", "immediate", "_pragma", writerCache))
	if err != nil {
		return nil, fmt.Errorf("open the embedded database: %w", err)
	}
	writer.SetMaxOpenConns(1)
	reader, err := sql.Open("sqlite", sqliteSource(path, config, "_pragma", "query_only(1)", "_pragma", readerCache))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the embedded database: %w", err), writer.Close())
	}
	reader.SetMaxOpenConns(config.PoolSize)
	reader.SetMaxIdleConns(min(config.PoolSize, 4))
	return &Store{
		config: config, dialect: sqliteDialect(), folder: lock, target: path,
		write: sqlx.NewDb(writer, "sqlite"), read: sqlx.NewDb(reader, "sqlite"),
		migrationPool: func() (*sql.DB, error) {
			return sql.Open("sqlite", sqliteSource(path, config))
		},
	}, nil
}

// sqliteSource is the URI of the file with what every connection sets.
func sqliteSource(path string, config Config, further ...string) string {
	options := url.Values{}
	options.Add("_pragma", "busy_timeout("+strconv.FormatInt(config.StatementTimeout.Milliseconds(), 10)+")")
	options.Add("_pragma", "journal_mode(WAL)")
	options.Add("_pragma", "synchronous(FULL)")
	for i := 0; i+1 < len(further); i += 2 {
		options.Add(further[i], further[i+1])
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: options.Encode()}).String()
}
