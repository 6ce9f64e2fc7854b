package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Inspection is what a look at a database tells before a registry runs on it.
type Inspection struct {
	Version string   // of the database's program, as it names itself
	Missing []string // tables that are not there
	// Denied are the rights that are lacking, "UPDATE t_node_info".
	Denied []string
	// MayCreate says that a grant of CREATE was seen. Roles may hide one.
	MayCreate, Roles bool
	// ShortNodeAddress and MillisecondStamps are marks that TarsWeb leaves.
	ShortNodeAddress, MillisecondStamps bool
}

// writtenTables are those that the registry writes.
func writtenTables() []string {
	return []string{
		"t_node_info", "t_server_conf", "t_adapter_conf", "t_registry_info", "t_config_files",
		"t_registry_lease", "t_registry_event", "t_registry_tombstone", "t_registry_flush", "t_registry_sweep", "t_registry_lock",
	}
}

// readTables are those that it only reads.
func readTables() []string {
	return []string{"t_server_group_rule", "t_group_priority", "t_profile_template"}
}

// Inspect looks at the database and changes nothing: the statements that try the
// rights find no row, and their transaction is rolled back.
func (s *Store) Inspect(ctx context.Context) (*Inspection, error) {
	found := &Inspection{MayCreate: true}
	err := s.bounded(ctx, longStatements*s.config.StatementTimeout, func(ctx context.Context) error {
		columns, err := s.inspectColumns(ctx, found)
		if err != nil {
			return err
		}
		if err := s.inspectServer(ctx, found); err != nil {
			return err
		}
		return s.inspectRights(ctx, columns, found)
	})
	if err != nil {
		return nil, fmt.Errorf("inspect the database: %w", err)
	}
	return found, nil
}

// inspectColumns gives a column of each table that is there.
func (s *Store) inspectColumns(ctx context.Context, found *Inspection) (map[string]string, error) {
	query := "SELECT table_name, column_name, column_type FROM information_schema.columns" +
		" WHERE table_schema = DATABASE() AND table_name LIKE 't\\_%' ORDER BY table_name, ordinal_position"
	if s.dialect.sqlite() {
		query = "SELECT m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'"
	}
	columns := map[string]string{}
	err := s.each(ctx, s.read, "inspect_columns", query, nil, func(row *scanner) {
		table, column, kind := strings.ToLower(row.text()), strings.ToLower(row.text()), strings.ToLower(row.text())
		if columns[table] == "" {
			columns[table] = column
		}
		switch table + "." + column {
		case "t_node_info.endpoint_ip":
			found.ShortNodeAddress = kind == "varchar(16)"
		case "t_server_conf.registry_timestamp":
			found.MillisecondStamps = kind == "datetime(3)"
		}
	})
	for _, table := range slices.Concat(writtenTables(), readTables()) {
		if columns[table] == "" {
			found.Missing = append(found.Missing, table)
		}
	}
	return columns, err
}

func (s *Store) inspectServer(ctx context.Context, found *Inspection) error {
	if s.dialect.sqlite() {
		return s.each(ctx, s.read, "inspect_version", "SELECT 'SQLite ' || sqlite_version()", nil, func(row *scanner) {
			found.Version = row.text()
		})
	}
	found.MayCreate = false
	if err := s.each(ctx, s.read, "inspect_version", "SELECT CONCAT(@@version_comment, ' ', @@version)", nil, func(row *scanner) {
		found.Version = row.text()
	}); err != nil {
		return err
	}
	return s.each(ctx, s.read, "inspect_grants", "SHOW GRANTS", nil, func(row *scanner) {
		rights, _, on := strings.Cut(strings.TrimPrefix(row.text(), "GRANT "), " ON ")
		found.Roles = found.Roles || !on // GRANT role TO user
		for right := range strings.SplitSeq(rights, ", ") {
			found.MayCreate = found.MayCreate || right == "CREATE" || right == "ALL PRIVILEGES"
		}
	})
}

// errRollBack ends the transaction of inspectRights.
var errRollBack = errors.New("to be rolled back")

func (s *Store) inspectRights(ctx context.Context, columns map[string]string, found *Inspection) error {
	err := s.inWrite(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		for table, column := range columns {
			if err := s.inspectTable(ctx, tx, table, column, found); err != nil {
				return err
			}
		}
		return errRollBack
	})
	slices.Sort(found.Denied)
	if errors.Is(err, errRollBack) {
		return nil
	}
	return err
}

func (s *Store) inspectTable(ctx context.Context, tx *sqlx.Tx, table, column string, found *Inspection) error {
	written := slices.Contains(writtenTables(), table)
	if !written && !slices.Contains(readTables(), table) {
		return nil
	}
	rights := []struct{ name, query string }{{"SELECT", "SELECT " + column + " FROM " + table + " WHERE 1 = 0"}}
	if written {
		rights = append(rights, []struct{ name, query string }{
			{"UPDATE", "UPDATE " + table + " SET " + column + " = " + column + " WHERE 1 = 0"},
			{"DELETE", "DELETE FROM " + table + " WHERE 1 = 0"},
			{"INSERT", "INSERT INTO " + table + " SELECT * FROM " + table + " WHERE 1 = 0"},
		}...)
	}
	for _, right := range rights {
		_, err := s.exec(ctx, tx, "inspect_right", right.query)
		switch {
		case errors.Is(meaningOf(err), ErrDenied):
			found.Denied = append(found.Denied, right.name+" "+table)
		case err != nil:
			return fmt.Errorf("try %s on %s: %w", right.name, table, err)
		}
	}
	return nil
}
