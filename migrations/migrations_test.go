package migrations_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest/schema"
	"github.com/tarsregistry/tarsregistry/migrations"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }

func onEvery(t *testing.T, test func(t *testing.T, dialect migrations.Dialect, open func(*testing.T) *sql.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "registry.db")
		test(t, migrations.SQLite, func(t *testing.T) *sql.DB {
			db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return db
		})
	})
	t.Run("mariadb", func(t *testing.T) {
		dsn := mariadbtest.Database(t)
		test(t, migrations.MySQL, func(t *testing.T) *sql.DB { return mariadbtest.Open(t, dsn) })
	})
}

func up(t *testing.T, db *sql.DB, dialect migrations.Dialect) {
	t.Helper()
	if err := migrations.Up(t.Context(), db, dialect); err != nil {
		t.Fatal(err)
	}
}

func status(t *testing.T, db *sql.DB, dialect migrations.Dialect) migrations.Status {
	t.Helper()
	found, err := migrations.Read(t.Context(), db, dialect)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestFreshDatabaseGetsAllTables(t *testing.T) {
	onEvery(t, func(t *testing.T, dialect migrations.Dialect, open func(*testing.T) *sql.DB) {
		db := open(t)
		if before := status(t, db, dialect); before.Version != 0 || before.Current() {
			t.Errorf("an empty database has status %+v", before)
		}
		up(t, db, dialect)
		for _, table := range []string{
			"t_node_info", "t_server_conf", "t_adapter_conf", "t_config_files", "t_registry_info", "t_server_group_rule",
			"t_group_priority", "t_profile_template", "t_registry_lease", "t_registry_event", "t_registry_tombstone",
			"t_registry_flush", "t_registry_sweep", "t_registry_lock",
		} {
			exec(t, db, "SELECT COUNT(*) FROM "+table)
		}
		after := status(t, db, dialect)
		if !after.Current() || after.Version != after.Latest {
			t.Errorf("status is %+v", after)
		}
		for column, there := range after.Optional {
			if !there {
				t.Errorf("a fresh database has no %s", column)
			}
		}
	})
}

func TestR33RunningAgainIsHarmless(t *testing.T) {
	onEvery(t, func(t *testing.T, dialect migrations.Dialect, open func(*testing.T) *sql.DB) {
		db := open(t)
		up(t, db, dialect)
		exec(t, db, "INSERT INTO t_server_conf (application, server_name, node_name) VALUES ('App', 'Server', 'node')")
		latest := status(t, db, dialect).Latest
		for _, books := range []string{
			"DELETE FROM " + migrations.Table, // somebody emptied them: all runs again
			"UPDATE " + migrations.Table + " SET version = 3, dirty = 1",
			fmt.Sprintf("UPDATE %s SET version = %d, dirty = 1", migrations.Table, latest),
			"UPDATE " + migrations.Table + " SET version = 1, dirty = 1",
			fmt.Sprintf("INSERT INTO %s (version, dirty) VALUES (2, 0)", migrations.Table), // two replicas of a cluster left a row each
		} {
			exec(t, db, books)
			up(t, db, dialect)
			if after := status(t, db, dialect); !after.Current() {
				t.Errorf("after %q the status is %+v", books, after)
			}
		}
		var rows int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM t_server_conf").Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%d rows are left, %v", rows, err)
		}
	})
}

func TestR33ReplicasMigrateAtOnce(t *testing.T) {
	onEvery(t, func(t *testing.T, dialect migrations.Dialect, open func(*testing.T) *sql.DB) {
		const replicas = 4
		failures := make([]error, replicas)
		var work sync.WaitGroup
		for i := range replicas {
			db := open(t)
			work.Go(func() { failures[i] = migrations.Up(context.WithoutCancel(t.Context()), db, dialect) })
		}
		work.Wait()
		for i, err := range failures {
			if err != nil {
				t.Errorf("replica %d: %v", i, err)
			}
		}
		if after := status(t, open(t), dialect); !after.Current() {
			t.Errorf("status is %+v", after)
		}
	})
}

func TestR33OlderReplicaLeavesNewerTablesAlone(t *testing.T) {
	onEvery(t, func(t *testing.T, dialect migrations.Dialect, open func(*testing.T) *sql.DB) {
		db := open(t)
		up(t, db, dialect)
		exec(t, db, "UPDATE "+migrations.Table+" SET version = 9000")
		up(t, db, dialect)
		if after := status(t, db, dialect); after.Version != 9000 || !after.Current() {
			t.Errorf("status is %+v", after)
		}
	})
}

// picture is everything that an adopted database must keep: each table's
// definition and its rows.
func picture(t *testing.T, db *sql.DB, tables []string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, table := range tables {
		var name, definition string
		if err := db.QueryRowContext(t.Context(), "SHOW CREATE TABLE "+table).Scan(&name, &definition); err != nil {
			t.Fatal(err)
		}
		found[table] = definition + "\n" + checksum(t, db, table)
	}
	return found
}

func checksum(t *testing.T, db *sql.DB, table string) string {
	t.Helper()
	var name, sum string
	if err := db.QueryRowContext(t.Context(), "CHECKSUM TABLE "+table).Scan(&name, &sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

func tablesOf(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SHOW TABLES")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

func TestExistingTarsDatabaseIsAdoptedUntouched(t *testing.T) {
	for _, variant := range schema.Variants() {
		t.Run(variant.Name, func(t *testing.T) {
			db := mariadbtest.Open(t, mariadbtest.Database(t))
			if err := variant.Apply(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			exec(t, db, "INSERT INTO t_server_conf (application, server_name, node_name, exe_path) VALUES ('App', 'Server', '10.0.0.1', '')")
			exec(t, db, "INSERT INTO t_node_info (node_name, node_obj) VALUES ('10.0.0.1', 'tars.tarsnode.NodeObj@tcp -h 10.0.0.1 -p 19385')")
			tables := tablesOf(t, db)
			before := picture(t, db, tables)
			up(t, db, migrations.MySQL)
			if after := picture(t, db, tables); !maps.Equal(before, after) {
				for _, table := range tables {
					if before[table] != after[table] {
						t.Errorf("%s was\n%s\nand is\n%s", table, before[table], after[table])
					}
				}
			}
			for _, table := range tablesOf(t, db) {
				if _, old := before[table]; !old && !strings.HasPrefix(table, "t_registry_") {
					t.Errorf("%s was added although Tars' own installer makes the tables here", table)
				}
			}
			found := status(t, db, migrations.MySQL)
			if got, want := found.Optional["t_server_conf.flow_state"], variant.Name != "older"; got != want {
				t.Errorf("flow_state is there: %v, want %v", got, want)
			}
			if got, want := found.Optional["t_server_conf.metrics_port"], variant.Name == "container"; got != want {
				t.Errorf("metrics_port is there: %v, want %v", got, want)
			}
		})
	}
}

func TestUpStopsBetweenSteps(t *testing.T) {
	onEvery(t, func(t *testing.T, dialect migrations.Dialect, open func(*testing.T) *sql.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := migrations.Up(ctx, open(t), dialect); err == nil {
			t.Error("migrating under an ended context succeeded")
		}
	})
}
