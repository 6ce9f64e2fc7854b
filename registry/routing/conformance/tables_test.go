package conformance

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/routing/routingtest"
)

// insertSeed puts the seed rows into tables.
func insertSeed(t testing.TB, db *sql.DB) {
	t.Helper()
	insertAll(t, db, func(insert inserter) {
		for table, rows := range routingtest.Rows(t) {
			for _, row := range rows {
				values := make(map[string]any, len(row))
				for column, value := range row {
					values[column] = value
				}
				insert(table, values)
			}
		}
	})
}

// storable leaves out of a model what no table can hold.
func storable(m *routingtest.Model) *routingtest.Model {
	stored := *m
	stored.Instances = slices.DeleteFunc(slices.Clone(m.Instances), func(i *naming.Instance) bool {
		return i.Server.FlowState == "" || i.Server.PresentState == ""
	})
	return &stored
}

// insertModel puts the rows of a storable model into tables.
func insertModel(t testing.TB, db *sql.DB, m *routingtest.Model) {
	t.Helper()
	insertAll(t, db, func(insert inserter) {
		for _, r := range m.Rules {
			insert("t_server_group_rule", map[string]any{"group_id": r.ID, "group_name": r.Name, "allow_ip_rule": r.AllowRule})
		}
		for _, p := range m.Priorities {
			insert("t_group_priority", map[string]any{"id": p.ID, "group_list": p.Groups, "list_order": p.Order, "station": p.Station})
		}
		for _, i := range m.Instances {
			insert("t_server_conf", serverRow(i))
			for _, a := range i.Adapters {
				row := keyRow(i.Key)
				row["adapter_name"], row["servant"], row["endpoint"] = a.Name, a.Servant, a.Endpoint
				insert("t_adapter_conf", row)
			}
		}
	})
}

func keyRow(k naming.Key) map[string]any {
	return map[string]any{"application": k.Application, "server_name": k.Server, "node_name": k.Node}
}

func serverRow(i *naming.Instance) map[string]any {
	s := i.Server
	row := keyRow(i.Key)
	maps.Copy(row, map[string]any{
		"setting_state": string(s.SettingState), "present_state": string(s.PresentState), "flow_state": string(s.FlowState),
		"bak_flag": s.BakFlag, "enable_group": yesNo(s.EnableGroup), "enable_set": yesNo(s.EnableSet), "ip_group_name": s.IPGroupName,
	})
	if s.EnableSet {
		row["set_name"], row["set_area"], row["set_group"] = s.SetName, s.SetArea, s.SetGroup
	}
	return row
}

func yesNo(b bool) string {
	if b {
		return "Y"
	}
	return "N"
}

type inserter func(table string, row map[string]any)

// insertAll runs inserts in one transaction.
func insertAll(t testing.TB, db *sql.DB, fill func(inserter)) {
	t.Helper()
	ctx := t.Context()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	prepared := make(map[string]*sql.Stmt)
	fill(func(table string, row map[string]any) {
		columns := slices.Sorted(maps.Keys(row))
		statement := "INSERT INTO " + table + " (" + strings.Join(columns, ",") + ") VALUES (?" + strings.Repeat(",?", len(columns)-1) + ")"
		if prepared[statement] == nil {
			prepared[statement] = prepare(ctx, t, tx, statement)
		}
		values := make([]any, len(columns))
		for i, column := range columns {
			values[i] = row[column]
		}
		if _, err := prepared[statement].ExecContext(ctx, values...); err != nil {
			t.Fatalf("%s %v: %v", statement, values, err)
		}
	})
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func prepare(ctx context.Context, t testing.TB, tx *sql.Tx, statement string) *sql.Stmt {
	t.Helper()
	prepared, err := tx.PrepareContext(ctx, statement) // closed with the transaction
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return prepared
}
