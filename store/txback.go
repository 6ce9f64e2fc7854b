package store

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// written are rows of a table that a transaction has written, and of which the
// database itself gives something that is to be read back.
type written struct {
	fresh []*instanceRow // instances that got new rows
	first int64          // no new row has a smaller id
	count int            // new rows
	known []stamped
}

// stamped are rows that one statement has written. They have one moment in
// registry_timestamp, so that it is read of one of them.
type stamped struct {
	id     int64
	stamps []*string
}

// statements notes the rows of an INSERT over rows that are there, which may have
// become several statements.
func (w *written) statements(rows *insert, ids []int64, stamps []*string) {
	for _, part := range rows.parts {
		w.known = append(w.known, stamped{ids[0], stamps[:part.rows]})
		ids, stamps = ids[part.rows:], stamps[part.rows:]
	}
}

// insertNew writes rows that the database gives ids.
func (w *writing) insertNew(name string, rows *insert, into *written) error {
	for _, part := range rows.parts {
		result, err := w.store.result(w.ctx, w.tx, name, part.sql.String(), part.args...)
		if err != nil {
			return err
		}
		first, err := w.firstID(result, part.rows)
		if err != nil {
			return err
		}
		if into.count == 0 || first < into.first {
			into.first = first
		}
		into.count += part.rows
	}
	return nil
}

// firstID is the smallest id that an INSERT has given: MySQL tells the first one,
// SQLite the last.
func (w *writing) firstID(result sql.Result, rows int) (int64, error) {
	id, err := result.LastInsertId()
	if err != nil {
		return 0, fmt.Errorf("read the id: %w", err)
	}
	if w.store.dialect.sqlite() {
		id -= int64(rows) - 1
	}
	return id, nil
}

// readBack reads what the database itself gave the rows: ids of new ones, stamps,
// heartbeats.
func (w *writing) readBack() error {
	if err := w.readLeases(); err != nil {
		return err
	}
	if err := w.readServers(); err != nil {
		return err
	}
	return w.readAdapters()
}

func (w *writing) readLeases() error {
	d := w.store.dialect
	columns := "t.last_heartbeat, " + d.age("t.last_heartbeat") + ", " + d.age("t.state_since")
	take := func(lease *naming.Lease, cells *scanner) {
		lease.Heartbeat = cells.text()
		lease.HeartbeatAge, lease.StateAge = cells.micros(), cells.micros()
	}
	known := map[int64]*naming.Lease{}
	var ids []int64
	for _, row := range w.leasesKnown {
		known[row.now.Lease.ID] = row.now.Lease
		ids = append(ids, row.now.Lease.ID)
	}
	for chunk := range slices.Chunk(ids, keyChunk) {
		query := "SELECT t.id, " + columns + " FROM t_registry_lease t WHERE t.id IN (" + idList(chunk) + ")"
		err := w.store.each(w.ctx, w.tx, "lease_heartbeats", query, nil, func(cells *scanner) { take(known[cells.int()], cells) })
		if err != nil {
			return err
		}
	}
	visit := func(row *instanceRow, id int64, cells *scanner) {
		row.now.Lease.ID = id
		take(row.now.Lease, cells)
	}
	return w.readNew("lease_ids", columns, "t_registry_lease", "instance", &w.leasesWritten, visit,
		func(row *instanceRow) bool { return row.now.Lease.ID != 0 })
}

func (w *writing) readServers() error {
	visit := func(row *instanceRow, id int64, cells *scanner) {
		row.now.Server.ID, row.now.Server.Stamp = id, cells.text()
	}
	err := w.readNew("server_ids", "t.registry_timestamp", "t_server_conf", "", &w.serversWritten, visit,
		func(row *instanceRow) bool { return row.now.Server.ID != 0 })
	if err != nil {
		return err
	}
	return w.readStamps("server_stamps", "t_server_conf", w.serversWritten.known)
}

func (w *writing) readAdapters() error {
	visit := func(row *instanceRow, id int64, cells *scanner) {
		name := naming.Fold(cells.text())
		for i := range row.now.Adapters {
			if adapter := &row.now.Adapters[i]; adapter.ID == 0 && naming.Fold(adapter.Name) == name {
				adapter.ID, adapter.Stamp = id, cells.text()
				return
			}
		}
	}
	err := w.readNew("adapter_ids", "t.adapter_name, t.registry_timestamp", "t_adapter_conf", "", &w.adaptersWritten, visit,
		func(row *instanceRow) bool {
			return !slices.ContainsFunc(row.now.Adapters, func(a naming.Adapter) bool { return a.ID == 0 })
		})
	if err != nil {
		return err
	}
	return w.readStamps("adapter_stamps", "t_adapter_conf", w.adaptersWritten.known)
}

// readNew reads new rows by their ids. As a rule one statement's follow upon each
// other; rows that are not found so (other writers' ids may lie between) are read
// by their keys.
func (w *writing) readNew(name, columns, table, index string, rows *written, visit func(*instanceRow, int64, *scanner), found func(*instanceRow) bool) error {
	if rows.count == 0 {
		return nil
	}
	columns = "SELECT t.id, t.application, t.server_name, t.node_name, " + columns
	read := func(rest string, args []any) error {
		return w.store.each(w.ctx, w.tx, name, columns+rest, args, func(cells *scanner) {
			id := cells.int()
			if row := w.scanned(cells); row != nil && row.put {
				cells.skip(keyWidth)
				visit(row, id, cells)
			}
		})
	}
	err := read(" FROM "+table+" t WHERE t.id >= "+strconv.FormatInt(rows.first, 10)+
		" ORDER BY t.id LIMIT "+strconv.Itoa(rows.count), nil)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(rows.fresh), found)
	for chunk := range slices.Chunk(missing, keyChunk) {
		if err := read(w.store.dialect.matching(table, index, keyColumns(), len(chunk)), rowArgs(chunk)); err != nil {
			return err
		}
	}
	return nil
}

// readStamps reads the moment of each statement that wrote rows which were there.
func (w *writing) readStamps(name, table string, groups []stamped) error {
	if len(groups) == 0 {
		return nil
	}
	ids := make([]int64, len(groups))
	for i, group := range groups {
		ids[i] = group.id
	}
	stamps := make(map[int64]string, len(groups))
	query := "SELECT t.id, t.registry_timestamp FROM " + table + " t WHERE t.id IN (" + idList(ids) + ")"
	err := w.store.each(w.ctx, w.tx, name, query, nil, func(cells *scanner) { stamps[cells.int()] = cells.text() })
	if err != nil {
		return err
	}
	for _, group := range groups {
		for _, stamp := range group.stamps {
			*stamp = stamps[group.id]
		}
	}
	return nil
}
