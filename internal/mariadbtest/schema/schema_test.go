package schema_test

import (
	"database/sql"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest/schema"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }

func apply(t *testing.T, variant schema.Variant) *sql.DB {
	t.Helper()
	db := mariadbtest.Open(t, mariadbtest.Database(t))
	if err := variant.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return db
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// columnType is the type of a column, "" where there is none.
func columnType(t *testing.T, db *sql.DB, table, column string) (kind string) {
	t.Helper()
	const query = "SELECT COALESCE(MAX(COLUMN_TYPE), '') FROM information_schema.COLUMNS " +
		"WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = ?"
	if err := db.QueryRowContext(t.Context(), query, table, column).Scan(&kind); err != nil {
		t.Fatal(err)
	}
	return kind
}

func TestOptionalColumnsOfTheVariants(t *testing.T) {
	all := map[string][]string{
		"original":  {"grid_flag", "flow_state", "run_type", "base_image_id"},
		"older":     {"grid_flag"},
		"container": {"grid_flag", "flow_state", "run_type", "base_image_id", "metrics_port"},
		"tarsweb":   {"flow_state", "run_type", "base_image_id"},
	}
	seen := map[string]bool{}
	for _, variant := range schema.Variants() {
		seen[variant.Name] = true
		t.Run(variant.Name, func(t *testing.T) {
			db := apply(t, variant)
			for _, column := range all["container"] {
				want := slices.Contains(all[variant.Name], column)
				if got := columnType(t, db, "t_server_conf", column) != ""; got != want {
					t.Errorf("column %s: present %v, want %v", column, got, want)
				}
			}
		})
	}
	if !maps.Equal(seen, map[string]bool{"original": true, "older": true, "container": true, "tarsweb": true}) {
		t.Errorf("variants: %v", seen)
	}
}

func TestTarsWebChangesTypes(t *testing.T) {
	for _, test := range []struct{ table, column, before, after string }{
		{"t_node_info", "endpoint_ip", "varchar(50)", "varchar(16)"},
		{"t_node_info", "modify_time", "timestamp", "datetime"},
		{"t_registry_info", "modify_time", "timestamp", "datetime"},
		{"t_server_group_rule", "modify_time", "timestamp", "datetime"},
		{"t_server_conf", "registry_timestamp", "timestamp", "datetime(3)"},
		{"t_adapter_conf", "registry_timestamp", "timestamp", "datetime(3)"},
		{"t_config_files", "host", "varchar(50)", "varchar(128)"},
	} {
		t.Run(test.table+"."+test.column, func(t *testing.T) {
			db := apply(t, schema.Original())
			if got := columnType(t, db, test.table, test.column); got != test.before {
				t.Errorf("before: %s, want %s", got, test.before)
			}
			if err := schema.ApplyTarsWeb(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			if got := columnType(t, db, test.table, test.column); got != test.after {
				t.Errorf("after: %s, want %s", got, test.after)
			}
		})
	}
}

func TestTarsWebOnFilledTables(t *testing.T) {
	db := apply(t, schema.Original())
	exec(t, db, "ALTER TABLE t_node_info ADD COLUMN ours VARCHAR(20)")
	exec(t, db, "CREATE TABLE t_registry_lease (id INT PRIMARY KEY, ours INT)")
	exec(t, db, "INSERT INTO t_node_info (node_name, endpoint_ip, ours) VALUES ('n', '2001:db8:1111:2222:3333::1', 'x')")
	exec(t, db, "INSERT INTO t_server_conf (application, server_name, node_name, grid_flag) VALUES ('A', 'S', 'n', 'NO_FLOW')")
	for range 2 { // it may start again
		if err := schema.ApplyTarsWeb(t.Context(), db); err != nil {
			t.Fatal(err)
		}
	}
	if columnType(t, db, "t_node_info", "ours") != "" {
		t.Error("a column of ours in a table of Tars is still there")
	}
	if columnType(t, db, "t_registry_lease", "ours") == "" {
		t.Error("a table that TarsWeb does not know was changed")
	}
	var address string
	if err := db.QueryRowContext(t.Context(), "SELECT endpoint_ip FROM t_node_info").Scan(&address); err != nil {
		t.Fatal(err)
	}
	if address != "2001:db8:1111:22" {
		t.Errorf("address %q, want it cut to 16 characters", address)
	}
	var serverType sql.NullString
	var rows int
	exec(t, db, "UPDATE t_server_conf SET server_type = NULL")
	err := db.QueryRowContext(t.Context(), "SELECT COUNT(*), MAX(server_type) FROM t_server_conf").Scan(&rows, &serverType)
	if err != nil {
		t.Fatal(err)
	}
	if rows != 1 || serverType.Valid {
		t.Errorf("%d rows, server_type %v; want 1, NULL", rows, serverType)
	}
}

func TestOnUpdateRules(t *testing.T) {
	const past = "2020-01-01 00:00:00"
	for _, test := range []struct {
		name    string
		variant schema.Variant
		moves   bool // modify_time by itself
	}{
		{"the original stamps updates", schema.Original(), true},
		{"TarsWeb removes that from t_node_info", schema.TarsWeb(), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := apply(t, test.variant)
			exec(t, db, "INSERT INTO t_node_info (node_name, modify_time) VALUES ('n', '"+past+"')")
			exec(t, db, "UPDATE t_node_info SET tars_version = '2'")
			var stamp string
			if err := db.QueryRowContext(t.Context(), "SELECT modify_time FROM t_node_info").Scan(&stamp); err != nil {
				t.Fatal(err)
			}
			if moved := stamp != past; moved != test.moves {
				t.Errorf("modify_time %s, moved %v, want %v", stamp, moved, test.moves)
			}
		})
	}
}

func TestTarsWebKeepsTheSessionsMode(t *testing.T) {
	db := apply(t, schema.Original())
	db.SetMaxOpenConns(1)
	db.SetConnMaxIdleTime(time.Hour)
	mode := func() (mode string) {
		if err := db.QueryRowContext(t.Context(), "SELECT @@SESSION.sql_mode").Scan(&mode); err != nil {
			t.Fatal(err)
		}
		return mode
	}
	before := mode()
	if err := schema.ApplyTarsWeb(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if after := mode(); after != before {
		t.Errorf("sql_mode %q after TarsWeb, %q before", after, before)
	}
}
