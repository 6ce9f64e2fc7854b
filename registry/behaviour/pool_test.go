package behaviour

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
)

// pool keeps databases that tests are done with for the next that want such a one:
// making and dropping fifteen tables takes longer than most of these tests.
type pool struct {
	mu   sync.Mutex
	free map[string][]string // DSNs by kind
	all  []string
}

// databases are those of this process: tests of one package have no other place to
// meet.
var databases = &pool{free: map[string][]string{}}

// take gives an empty database of a kind; prepare makes its tables where it is new.
// Unless spoiled is set in the end it goes back.
func (p *pool) take(t *testing.T, kind string, spoiled *bool, prepare func(*sql.DB) error) (dsn string) {
	t.Helper()
	dsn = p.reuse(kind)
	if dsn == "" {
		dsn = p.create(t, prepare)
	}
	t.Cleanup(func() {
		if *spoiled || t.Failed() {
			return // it is dropped in the end
		}
		if err := empty(dsn); err != nil {
			t.Errorf("empty the test's database: %v", err)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free[kind] = append(p.free[kind], dsn)
	})
	return dsn
}

func (p *pool) reuse(kind string) (dsn string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := p.free[kind]
	if len(free) == 0 {
		return ""
	}
	p.free[kind] = free[:len(free)-1]
	return free[len(free)-1]
}

func (p *pool) create(t *testing.T, prepare func(*sql.DB) error) (dsn string) {
	t.Helper()
	server := mariadbtest.Shared(t)
	name := "tarsregistry_behaviour_" + strings.ToLower(rand.Text()[:12])
	err := with(server.DSN(""), func(db *sql.DB) error {
		_, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
		return err
	})
	if err != nil {
		t.Fatalf("create a database: %v", err)
	}
	dsn = server.DSN(name)
	p.mu.Lock()
	p.all = append(p.all, dsn)
	p.mu.Unlock()
	if err := with(dsn, prepare); err != nil {
		t.Fatalf("prepare a database: %v", err)
	}
	return dsn
}

func with(dsn string, work func(*sql.DB) error) error {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return work(db)
}

// empty deletes all rows but the migrations' own.
func empty(dsn string) error {
	return with(dsn, func(db *sql.DB) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		tables, err := names(ctx, tx)
		if err != nil {
			return err
		}
		for _, table := range tables {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
}

func names(ctx context.Context, tx *sql.Tx) (tables []string, err error) {
	rows, err := tx.QueryContext(ctx,
		"SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 't_registry_migrations'")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		tables = append(tables, name)
	}
	return tables, rows.Err()
}

// drop removes all databases from a server that outlives the tests.
func (p *pool) drop() error {
	if os.Getenv("TARSREGISTRY_TEST_DSN") == "" {
		return nil // they went with the server
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, dsn := range p.all {
		config, err := mysql.ParseDSN(dsn)
		if err != nil {
			return err
		}
		err = with(dsn, func(db *sql.DB) error {
			_, err := db.ExecContext(ctx, "DROP DATABASE "+config.DBName)
			return err
		})
		if err != nil {
			return fmt.Errorf("drop a test's database: %w", err)
		}
	}
	return nil
}
