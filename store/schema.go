package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// schema is what differs between one Tars database and another (tables.md). It is
// looked up once, and again when a statement fails for it (R32).
type schema struct {
	flowState   bool
	gridFlag    bool
	runType     bool
	baseImageID bool
	metricsPort bool
	endpointIP  int  // characters of t_node_info.endpoint_ip
	galera      bool // wsrep is on
	returning   bool // INSERT … RETURNING is used: MariaDB since 10.5
}

// tables gives the schema, and looks it up where that has not been done.
func (s *Store) tables(ctx context.Context) (*schema, error) {
	if known := s.schema.Load(); known != nil {
		return known, nil
	}
	s.schemaMu.Lock()
	defer s.schemaMu.Unlock()
	if known := s.schema.Load(); known != nil {
		return known, nil
	}
	found, err := s.lookUpSchema(ctx)
	if err != nil {
		return nil, err
	}
	s.schema.Store(found)
	return found, nil
}

// forget makes the next statement look at the tables again, where err says that
// they are not as they were taken to be. seen is what failed: another goroutine
// may have looked since.
func (s *Store) forget(seen *schema, err error) bool {
	meaning := meaningOf(err)
	if !errors.Is(meaning, ErrSchema) && !errors.Is(meaning, ErrValue) {
		return false
	}
	s.schema.CompareAndSwap(seen, nil)
	return true
}

// maxLooks is how often one piece of work has the tables looked at again. Once is
// enough for one change (R32). TarsWeb makes several, one after the other, and of
// transactions that are under way together one may be given what another one saw
// between two of them.
const maxLooks = 4

// looksFor tells a missing column or table from a value that does not fit, which one
// look explains or none.
func looksFor(err error) int {
	if errors.Is(meaningOf(err), ErrValue) {
		return 1
	}
	return maxLooks
}

// withSchema runs work with the schema, and again with a fresh one when the tables
// turn out to have been altered (R32).
func (s *Store) withSchema(ctx context.Context, work func(*schema) error) error {
	for looks := 0; ; looks++ {
		tables, err := s.tables(ctx)
		if err != nil {
			return err
		}
		if err = work(tables); err == nil || looks >= looksFor(err) || !s.forget(tables, err) {
			return err
		}
		s.config.Logger.Warn("looking at the tables again: another program may have altered them", "error", err)
	}
}

func (s *Store) lookUpSchema(ctx context.Context) (*schema, error) {
	query := "SELECT table_name, column_name, character_maximum_length FROM information_schema.columns" +
		" WHERE table_schema = DATABASE() AND table_name IN ('t_server_conf', 't_node_info')"
	if s.dialect.sqlite() {
		query = "SELECT m.name, c.name, 0 FROM sqlite_schema m, pragma_table_info(m.name) c" +
			" WHERE m.name IN ('t_server_conf', 't_node_info')"
	}
	found := &schema{}
	err := s.each(ctx, s.read, "schema", query, nil, func(row *scanner) {
		table, column, length := strings.ToLower(row.text()), strings.ToLower(row.text()), row.int()
		found.note(table, column, int(length))
	})
	if err != nil || s.dialect.sqlite() {
		return found, err
	}
	err = s.each(ctx, s.read, "schema", "SHOW VARIABLES WHERE variable_name IN ('wsrep_on', 'version')", nil, func(row *scanner) {
		switch name, value := row.text(), row.text(); strings.ToLower(name) {
		case "wsrep_on":
			found.galera = strings.EqualFold(value, "ON")
		case "version":
			found.returning = insertReturns(value)
		}
	})
	// On a Galera cluster the common way: there a node once did not undo a
	// registration that another node's write had overtaken, and stood still for 50 s.
	found.returning = found.returning && !found.galera
	return found, err
}

// insertReturns says that a server of this version knows INSERT … RETURNING.
// SQLite knows it too, and is spared nothing by it: there no statement has to go
// over a connection.
func insertReturns(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d.", &major, &minor); err != nil || !strings.Contains(version, "MariaDB") {
		return false
	}
	return major > 10 || major == 10 && minor >= 5
}

func (t *schema) note(table, column string, length int) {
	switch table + "." + column {
	case "t_server_conf.flow_state":
		t.flowState = true
	case "t_server_conf.grid_flag":
		t.gridFlag = true
	case "t_server_conf.run_type":
		t.runType = true
	case "t_server_conf.base_image_id":
		t.baseImageID = true
	case "t_server_conf.metrics_port":
		t.metricsPort = true
	case "t_node_info.endpoint_ip":
		t.endpointIP = length
	}
}

// fitIP shortens a node's address to its column: TarsWeb leaves 16 characters,
// node_name has it whole.
func (t *schema) fitIP(address string) string {
	if t.endpointIP <= 0 || utf8.RuneCountInString(address) <= t.endpointIP {
		return address
	}
	return string([]rune(address)[:t.endpointIP])
}

// optional is the column where the table has it, else NULL.
func optional(there bool, column string) string {
	if there {
		return column
	}
	return "NULL"
}
