package behaviour

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Tables whose every row and column is compared where nothing may have changed.
var allTables = []string{
	"t_node_info", "t_server_conf", "t_adapter_conf", "t_config_files", "t_registry_lease", "t_registry_event", "t_registry_tombstone",
}

// row is one row as text, column by column; NULL is "NULL".
type row map[string]string

// rows reads whole rows.
func (d *database) rows(query string, args ...any) []row {
	d.t.Helper()
	found, err := d.sql().QueryContext(d.t.Context(), query, args...)
	if err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = found.Close() }()
	names, err := found.Columns()
	if err != nil {
		d.t.Fatal(err)
	}
	var list []row
	for found.Next() {
		cells := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := found.Scan(into...); err != nil {
			d.t.Fatal(err)
		}
		r := row{}
		for i, name := range names {
			r[name] = "NULL"
			if cells[i].Valid {
				r[name] = cells[i].String
			}
		}
		list = append(list, r)
	}
	if err := found.Err(); err != nil {
		d.t.Fatal(err)
	}
	return list
}

// one reads the only row of a query.
func (d *database) one(query string, args ...any) row {
	d.t.Helper()
	list := d.rows(query, args...)
	if len(list) != 1 {
		d.t.Fatalf("%s: %d rows, want one", query, len(list))
	}
	return list[0]
}

// want compares some columns of a row.
func (d *database) want(what string, got row, columns row) {
	d.t.Helper()
	for _, column := range sortedKeys(columns) {
		if value, there := got[column]; !there || value != columns[column] {
			d.t.Errorf("%s: %s is %q, want %q", what, column, value, columns[column])
		}
	}
}

// lines gives rows as sorted lines of their columns, joined by |.
func (d *database) lines(query string, args ...any) []string {
	d.t.Helper()
	var list []string
	for _, r := range d.rows(query, args...) {
		list = append(list, r.line())
	}
	slices.Sort(list)
	return list
}

func (r row) line() string {
	var b strings.Builder
	for _, name := range sortedKeys(r) {
		fmt.Fprintf(&b, "%s=%s|", name, r[name])
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Columns that move by themselves while an instance only lives.
var restless = map[string]bool{"last_heartbeat": true, "interval_ms": true, "lease_ms": true, "modify_time": true}

// snapshot is everything in the tables that does not move by itself.
func (d *database) snapshot() []string {
	d.t.Helper()
	var all []string
	for _, table := range allTables {
		for _, r := range d.rows("SELECT * FROM " + table) {
			for column := range restless {
				delete(r, column)
			}
			all = append(all, table+": "+r.line())
		}
	}
	slices.Sort(all)
	return all
}

// unchanged compares with an earlier snapshot.
func (d *database) unchanged(what string, before []string) {
	d.t.Helper()
	after := d.snapshot()
	for _, line := range before {
		if !slices.Contains(after, line) {
			d.t.Errorf("%s: this row is gone or changed:\n  %s", what, line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			d.t.Errorf("%s: this row is new or changed:\n  %s", what, line)
		}
	}
}
