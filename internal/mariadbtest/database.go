package mariadbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"strings"
	"testing"
	"time"
)

// Database makes an empty utf8mb4 database with a name of its own and returns
// its DSN. It is dropped when the test ends.
func (s *Server) Database(t testing.TB) (dsn string) {
	t.Helper()
	name := databaseName()
	s.exec(t.Context(), t, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	t.Cleanup(func() {
		if s.private {
			return // its data folder goes as a whole, and it may be down
		}
		// The test's own context has ended by then.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		s.exec(ctx, t, "DROP DATABASE "+name)
	})
	return s.DSN(name)
}

func databaseName() string {
	return "tarsregistry_test_" + strings.ToLower(rand.Text()[:12])
}

// Open opens a connection pool that is closed when the test ends.
func Open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatalf("mariadbtest: open a database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("mariadbtest: close a database: %v", err)
		}
	})
	return db
}

func (s *Server) exec(ctx context.Context, t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open("mysql", s.DSN(""))
	if err != nil {
		t.Fatalf("mariadbtest: open a server: %v", err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		t.Fatalf("mariadbtest: %s: %v", statement, err)
	}
}
