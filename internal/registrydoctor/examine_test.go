package registrydoctor_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/tarsregistry/tarsregistry/internal/doctor"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/registrydoctor"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/store"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }

// options are those of a registry on loopback without ports.
func options(t *testing.T, dsn string) registry.Options {
	t.Helper()
	off := registry.Listener{Port: registry.PortOff}
	return registry.Options{
		DSN: dsn, DataDir: t.TempDir(), Host: "127.0.0.1",
		Query: off, Node: off, Pod: off, HTTP: off, Admin: off,
	}
}

// expect holds what is said of a subject to its level and a part of its text.
func expect(t *testing.T, found doctor.Findings, subject string, level doctor.Level, text string) {
	t.Helper()
	for _, finding := range found {
		if finding.Subject == subject && finding.Level == level && strings.Contains(finding.Text, text) {
			return
		}
	}
	t.Errorf("nothing of %s is %s with %q: %+v", subject, level, text, found)
}

func migrated(t *testing.T) string {
	t.Helper()
	dsn := mariadbtest.Database(t)
	opened, err := store.Open(store.Config{DSN: dsn, Replica: "migrate"})
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	return dsn
}

func TestEmptyDatabase(t *testing.T) {
	o := options(t, mariadbtest.Database(t))
	found := registrydoctor.Examine(t.Context(), o, registry.Addresses{})
	expect(t, found, "tables", doctor.Note, "t_registry_lease")
	expect(t, found, "other registries", doctor.OK, "not there")
	if found.Worst() == doctor.Problem {
		t.Errorf("an empty database is no problem: %+v", found)
	}
	o.NoMigrate = true
	expect(t, registrydoctor.Examine(t.Context(), o, registry.Addresses{}), "tables", doctor.Problem, "--no-migrate")
}

// TestUserMayNotMakeTables: what would end the start is a problem, and what a role
// may allow a warning.
func TestUserMayNotMakeTables(t *testing.T) {
	dsn := mariadbtest.Database(t)
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db := mariadbtest.Open(t, dsn)
	user, role := config.DBName[max(0, len(config.DBName)-24):]+"d", config.DBName[max(0, len(config.DBName)-24):]+"e"
	run := func(query string) {
		t.Helper()
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	run("CREATE USER '" + user + "'@'%' IDENTIFIED BY 'x'")
	t.Cleanup(func() { run("DROP USER '" + user + "'@'%'") })
	run("GRANT SELECT, INSERT, UPDATE, DELETE ON `" + config.DBName + "`.* TO '" + user + "'@'%'")
	config.User, config.Passwd = user, "x"

	o := options(t, config.FormatDSN())
	found := registrydoctor.Examine(t.Context(), o, registry.Addresses{})
	expect(t, found, "tables", doctor.Problem, "no grant of CREATE")
	opened, err := store.Open(store.Config{DSN: o.DSN, Replica: "migrate"})
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Migrate(t.Context()); !errors.Is(err, store.ErrDenied) {
		t.Errorf("migrating gives %v", err)
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
	run("CREATE ROLE '" + role + "'")
	t.Cleanup(func() { run("DROP ROLE '" + role + "'") })
	run("GRANT '" + role + "' TO '" + user + "'@'%'")
	found = registrydoctor.Examine(t.Context(), o, registry.Addresses{})
	expect(t, found, "tables", doctor.Warning, "a role may hide one")
}

func TestOtherRegistriesAndTarsWeb(t *testing.T) {
	dsn := migrated(t)
	db := mariadbtest.Open(t, dsn)
	for _, statement := range []string{
		"INSERT INTO t_registry_info (locator_id, servant, endpoint, present_state, tars_version) VALUES" +
			" ('10.0.0.4:17890', 'tars.tarsregistry.QueryObj', 'tcp -h 10.0.0.4 -p 17890', 'active', '3.0.17')," +
			" ('10.0.0.5:17890', 'tars.tarsregistry.QueryObj', 'tcp -h 10.0.0.5 -p 17890', 'active', 'tarsregistry/v1')," +
			" ('10.0.0.6:17890', 'tars.tarsregistry.QueryObj', 'tcp -h 10.0.0.6 -p 17890', 'inactive', '3.0.17')",
		"ALTER TABLE t_server_conf DROP COLUMN grid_flag",
		"ALTER TABLE t_node_info MODIFY endpoint_ip VARCHAR(16) DEFAULT ''",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	found := registrydoctor.Examine(t.Context(), options(t, dsn), registry.Addresses{})
	expect(t, found, "tables", doctor.OK, "up to date")
	expect(t, found, "rights", doctor.OK, "may read and write")
	expect(t, found, "clock", doctor.OK, "differs by")
	expect(t, found, "TarsWeb", doctor.Note, "without grid_flag")
	expect(t, found, "other registries", doctor.OK, "10.0.0.5:17890")
	expect(t, found, "other registries", doctor.Note, "active: 10.0.0.4:17890;")
}

func TestDatabaseAway(t *testing.T) {
	o := options(t, "a:secret@tcp(127.0.0.1:1)/db")
	found := registrydoctor.Examine(t.Context(), o, registry.Addresses{})
	expect(t, found, "database", doctor.Problem, "not available")
	var text strings.Builder
	if err := found.Print(&text); err != nil || strings.Contains(text.String(), "secret") {
		t.Errorf("%v, %s", err, &text)
	}
}

func TestPorts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	number, _ := strconv.Atoi(port)
	o := options(t, "")
	o.Pod.Port = registry.Port(number)
	found := registrydoctor.Examine(t.Context(), o, registry.Addresses{})
	expect(t, found, "--pod-port", doctor.Problem, "address already in use")
	found = registrydoctor.Examine(t.Context(), o, registry.Addresses{Pod: taken.Addr().String()})
	expect(t, found, "--pod-port", doctor.OK, "served by the registry that runs here")
}

func TestEmbedded(t *testing.T) {
	o := options(t, "")
	expect(t, registrydoctor.Examine(t.Context(), o, registry.Addresses{}), "database", doctor.Note, "makes it")
	opened, err := store.Open(store.Config{Path: o.DataDir + "/" + registry.DatabaseFile, Replica: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if err := opened.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, registrydoctor.Examine(t.Context(), o, registry.Addresses{}), "database", doctor.Note, "a registry runs on")
	o.DataDir = "/proc/version"
	expect(t, registrydoctor.Examine(t.Context(), o, registry.Addresses{}), "data folder", doctor.Problem, "no folder")
}

func TestOpenToOthers(t *testing.T) {
	o := options(t, "")
	o.Host, o.Node.Port = "10.0.0.5", 0
	found := registrydoctor.Examine(t.Context(), o, registry.Addresses{})
	expect(t, found, "access", doctor.Note, "may register and end pods")
	expect(t, found, "access", doctor.Note, "may speak for any machine")
}
