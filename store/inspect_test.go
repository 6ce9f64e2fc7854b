package store

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
)

func TestInspectAnEmptyDatabase(t *testing.T) {
	dsn := mariadbtest.Database(t)
	found := inspect(t, dsn)
	if len(found.Missing) != len(writtenTables())+len(readTables()) || len(found.Denied) != 0 || !found.MayCreate {
		t.Errorf("%+v", found)
	}
	if !strings.Contains(found.Version, "MariaDB") && !strings.Contains(found.Version, "MySQL") && !strings.Contains(found.Version, "10.") {
		t.Errorf("version %q", found.Version)
	}
}

// TestInspectRights: what a user lacks is named, and trying changes nothing.
func TestInspectRights(t *testing.T) {
	dsn := mariadbtest.Database(t)
	openMigrated(t, Config{DSN: dsn, Replica: "a"})
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db := mariadbtest.Open(t, dsn)
	run := func(query string) {
		t.Helper()
		if _, err := db.Exec(query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	run("INSERT INTO t_node_info (node_name) VALUES ('n')")
	user := "'" + config.DBName[max(0, len(config.DBName)-24):] + "r'@'%'"
	run("CREATE USER " + user + " IDENTIFIED BY 'x'")
	t.Cleanup(func() { _, _ = db.ExecContext(context.WithoutCancel(t.Context()), "DROP USER "+user) })
	run("GRANT SELECT, INSERT, DELETE ON `" + config.DBName + "`.* TO " + user)
	run("GRANT UPDATE ON `" + config.DBName + "`.t_node_info TO " + user)
	config.User, config.Passwd = strings.Trim(strings.TrimSuffix(user, "@'%'"), "'"), "x"
	found := inspect(t, config.FormatDSN())
	if len(found.Missing) != 0 || found.MayCreate || len(found.Denied) != len(writtenTables())-1 ||
		slices.Contains(found.Denied, "UPDATE t_node_info") || !slices.Contains(found.Denied, "UPDATE t_server_conf") {
		t.Errorf("%+v", found)
	}
	var rows int
	if err := db.QueryRow("SELECT COUNT(*) FROM t_node_info").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

func TestInspectSQLite(t *testing.T) {
	opened := openMigrated(t, Config{Path: t.TempDir() + "/registry.db", Replica: "a"})
	found, err := opened.Inspect(t.Context())
	if err != nil || len(found.Missing)+len(found.Denied) != 0 || !strings.HasPrefix(found.Version, "SQLite 3") {
		t.Errorf("%+v, %v", found, err)
	}
}

func inspect(t *testing.T, dsn string) *Inspection {
	t.Helper()
	s, err := Open(Config{DSN: dsn, Replica: "doctor"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	found, err := s.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}
