package conformance

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // for what other programs write into the tables
	_ "modernc.org/sqlite"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/registry/routing/routingtest"
	"github.com/tarsregistry/tarsregistry/store"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }

// onEvery runs a test on each kind of database: fill writes rows into its empty
// tables, and then check asks a registry that was started on them.
func onEvery(t *testing.T, fill func(*testing.T, *sql.DB), check func(t *testing.T, address string)) {
	t.Helper()
	run := func(t *testing.T, options registry.Options, open func() *sql.DB) {
		t.Helper()
		migrate(t, options)
		fill(t, open())
		check(t, start(t, options))
	}
	t.Run("sqlite", func(t *testing.T) {
		options := registry.Options{DataDir: t.TempDir()}
		run(t, options, func() *sql.DB {
			db, err := sql.Open("sqlite", "file:"+filepath.Join(options.DataDir, registry.DatabaseFile))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return db
		})
	})
	t.Run("mariadb", func(t *testing.T) {
		options := registry.Options{DataDir: t.TempDir(), DSN: mariadbtest.Database(t)}
		run(t, options, func() *sql.DB { return mariadbtest.Open(t, options.DSN) })
	})
}

// migrate makes the tables.
func migrate(t *testing.T, options registry.Options) {
	t.Helper()
	config := store.Config{DSN: options.DSN, Replica: "migrate"}
	if options.DSN == "" {
		config.Path = filepath.Join(options.DataDir, registry.DatabaseFile)
	}
	s, err := store.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// start brings a registry up and gives the address of its QueryObj.
func start(t *testing.T, options registry.Options) (address string) {
	t.Helper()
	off := registry.Listener{Port: registry.PortOff}
	options.Host = "127.0.0.1"
	options.Query, options.Pod = registry.Listener{Host: "127.0.0.1"}, off
	options.Node, options.HTTP, options.Admin = off, off, off
	options.LeaseTTL, options.CleanAfter, options.Tombstone = 95*time.Second, 24*time.Hour, 150*time.Second
	options.Version, options.Logger = "test", slog.New(slog.DiscardHandler)
	r, err := registry.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			t.Errorf("stop the registry: %v", err)
		}
	})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.Ready():
	case err := <-r.Err():
		t.Fatalf("the registry ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the registry is not ready")
	}
	return r.Addresses().Query
}

// TestRecorded asks every recorded question.
func TestRecorded(t *testing.T) {
	onEvery(t,
		func(t *testing.T, db *sql.DB) { insertSeed(t, db) },
		func(t *testing.T, address string) { routingtest.CheckVectors(t, address) })
}

// TestMatrix asks about combinations of what decides about an answer. (All of
// them are asked of the picture itself, by the tests of package routing.)
func TestMatrix(t *testing.T) {
	model := storable(routingtest.Matrix(150, 2)).Thin(7)
	onEvery(t,
		func(t *testing.T, db *sql.DB) { insertModel(t, db, model) },
		func(t *testing.T, address string) { routingtest.CheckModel(t, address, model) })
}
