package store_test

import (
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }

// database is a database of its own for one test, of one kind.
type database struct {
	kind string
	dsn  string
	path string
	raw  *sql.DB // for what other programs do to it
}

// onEvery runs a test on every kind of database.
func onEvery(t *testing.T, test func(t *testing.T, d *database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "data", "registry.db")
		test(t, &database{kind: "sqlite", path: path})
	})
	t.Run("mariadb", func(t *testing.T) { test(t, mariadb(t)) })
}

func mariadb(t *testing.T) *database {
	t.Helper()
	dsn := mariadbtest.Database(t)
	// || joins texts here, as in SQLite, so that one query serves both.
	return &database{kind: "mariadb", dsn: dsn, raw: mariadbtest.Open(t, withParam(t, dsn, "sql_mode", "'PIPES_AS_CONCAT,STRICT_TRANS_TABLES'"))}
}

func withParam(t *testing.T, dsn, name, value string) string {
	t.Helper()
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal("the test's DSN cannot be read")
	}
	if config.Params == nil {
		config.Params = map[string]string{}
	}
	config.Params[name] = value
	return config.FormatDSN()
}

// config is that of a replica on this database.
func (d *database) config(replica string) store.Config {
	return store.Config{DSN: d.dsn, Path: d.path, Replica: replica, Tombstone: 150 * time.Second}
}

// open gives a migrated store.
func (d *database) open(t *testing.T) *store.Store {
	t.Helper()
	return d.openAs(t, "replica-1")
}

func (d *database) openAs(t *testing.T, replica string) *store.Store {
	t.Helper()
	s := openWith(t, d.config(replica))
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func openWith(t *testing.T, config store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// sql is a plain connection to the database, as another program has one.
func (d *database) sql(t *testing.T) *sql.DB {
	t.Helper()
	if d.raw == nil {
		raw, err := sql.Open("sqlite", "file:"+(&url.URL{Path: d.path}).EscapedPath()+"?_pragma=busy_timeout(5000)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = raw.Close() })
		d.raw = raw
	}
	return d.raw
}

func (d *database) exec(t *testing.T, statement string, args ...any) int64 {
	t.Helper()
	result, err := d.sql(t).ExecContext(t.Context(), statement, args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	rows, err := result.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// text reads one value as text; NULL is "NULL", no row "none".
func (d *database) text(t *testing.T, query string, args ...any) string {
	t.Helper()
	var value sql.NullString
	err := d.sql(t).QueryRowContext(t.Context(), query, args...).Scan(&value)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "none"
	case err != nil:
		t.Fatalf("%s: %v", query, err)
	case !value.Valid:
		return "NULL"
	}
	return value.String
}

func key(application, server, node string) naming.Key {
	return naming.Key{Application: application, Server: server, Node: node}
}

// registered is an instance as onStartup makes it, with one adapter.
func registered(k naming.Key, endpoints ...string) *naming.Instance {
	if endpoints == nil {
		endpoints = []string{"tcp -h " + k.Node + " -p 10000 -t 60000"}
	}
	registration := &naming.Registration{Key: k, State: naming.Active, Version: "v1"}
	for i, endpoint := range endpoints {
		servant := k.ServerName() + ".Obj" + string(rune('A'+i))
		registration.Adapters = append(registration.Adapters, naming.Adapter{
			Name: servant + "Adapter", Servant: servant, Endpoint: endpoint, Protocol: "tars",
			ThreadNum: 5, MaxConnections: 200000, QueueCap: 10000, QueueTimeout: 60000,
		})
	}
	return &naming.Instance{
		Key: k,
		Server: &naming.Server{
			SettingState: naming.Active, PresentState: naming.Active, FlowState: naming.Active,
			ServerType: "tars_go", Version: "v1",
		},
		Adapters: registration.Adapters,
		Lease: &naming.Lease{
			Identity: naming.Identity{UID: "uid-" + k.Node, Kind: naming.KindPod}, State: naming.LeaseLive,
			Reported: naming.Active, Interval: 30 * time.Second, IntervalTold: true, Duration: 95 * time.Second,
			WorkerID: -1, Registration: registration,
		},
	}
}

func podNode(name string) naming.Node {
	return naming.Node{
		Name: name, Object: "tars.tarsnode.NodeObj@tcp -h " + name + " -p 0 -t 60000", EndpointIP: name,
		SettingState: naming.Active, PresentState: naming.Active,
	}
}

// register writes instances as onStartup does, in one transaction.
func register(t testing.TB, s *store.Store, instances ...*naming.Instance) *store.Commit {
	t.Helper()
	var scope store.Scope
	for _, instance := range instances {
		scope.Keys = append(scope.Keys, instance.Key)
	}
	return update(t, s, scope, func(tx *store.Tx) error {
		for _, instance := range instances {
			tx.Put(instance, naming.Event{Kind: naming.EventRegistered, State: naming.Active, Reason: "onStartup", Actor: "test"})
			if tx.Node(instance.Node) == nil {
				tx.PutNode(podNode(instance.Node))
			}
		}
		return nil
	})
}

func update(t testing.TB, s *store.Store, scope store.Scope, fn func(*store.Tx) error) *store.Commit {
	t.Helper()
	commit, err := s.Update(t.Context(), scope, fn)
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	return commit
}

func load(t testing.TB, s *store.Store, k naming.Key) *naming.Instance {
	t.Helper()
	instance, err := s.LoadWhole(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return instance
}

// end ends an instance as onPrestop does.
func end(t testing.TB, s *store.Store, k naming.Key) *store.Commit {
	t.Helper()
	return update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
		instance := tx.Instance(k).Clone()
		instance.Server, instance.Adapters = nil, nil
		if instance.Lease != nil {
			instance.Lease.State = naming.LeaseLeft
		}
		tx.Put(instance, naming.Event{Kind: naming.EventLeft, Reason: "onPrestop"})
		return nil
	})
}

func itoa(n int) string { return strconv.Itoa(n) }
