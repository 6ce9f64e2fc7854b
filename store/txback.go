package store

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// back says what the database itself gives the rows of a table, and where it is
// put: their ids, and stamps or heartbeats.
type back struct {
	name    string // of the statement that reads it
	table   string
	index   string                                 // see dialect.matching
	columns func(d *dialect, prefix string) string // beside the id and the key; prefix is the table's, with a dot
	take    func(row *instanceRow, id int64, cells *scanner)
	taken   func(row *instanceRow) bool
}

func leasesBack() back {
	return back{
		name: "lease_ids", table: "t_registry_lease", index: "instance",
		columns: func(d *dialect, prefix string) string {
			return prefix + "last_heartbeat, " + d.age(prefix+"last_heartbeat") + ", " + d.age(prefix+"state_since")
		},
		take:  func(row *instanceRow, id int64, cells *scanner) { row.takeTimes(id, cells) },
		taken: func(row *instanceRow) bool { return row.now.Lease.ID != 0 },
	}
}

func (r *instanceRow) takeTimes(id int64, cells *scanner) {
	lease := r.now.Lease
	lease.ID, lease.Heartbeat = id, cells.text()
	lease.HeartbeatAge, lease.StateAge = cells.micros(), cells.micros()
}

func serversBack() back {
	return back{
		name: "server_ids", table: "t_server_conf",
		columns: func(_ *dialect, prefix string) string { return prefix + "registry_timestamp" },
		take: func(row *instanceRow, id int64, cells *scanner) {
			row.now.Server.ID, row.now.Server.Stamp = id, cells.text()
		},
		taken: func(row *instanceRow) bool { return row.now.Server.ID != 0 },
	}
}

func adaptersBack() back {
	return back{
		name: "adapter_ids", table: "t_adapter_conf",
		columns: func(_ *dialect, prefix string) string {
			return prefix + "adapter_name, " + prefix + "registry_timestamp"
		},
		take: func(row *instanceRow, id int64, cells *scanner) {
			name := naming.Fold(cells.text())
			for i := range row.now.Adapters {
				if adapter := &row.now.Adapters[i]; naming.Fold(adapter.Name) == name {
					adapter.ID, adapter.Stamp = id, cells.text()
					return
				}
			}
		},
		taken: func(row *instanceRow) bool {
			return !slices.ContainsFunc(row.now.Adapters, func(a naming.Adapter) bool { return a.ID == 0 })
		},
	}
}

// keyed are the columns of an id and a key.
func keyed(prefix string) string {
	return prefix + "id, " + prefix + "application, " + prefix + "server_name, " + prefix + "node_name, "
}

// visit hands the next row to take.
func (w *writing) visit(of back, cells *scanner) {
	id := cells.int()
	if row := w.scanned(cells); row != nil && row.put {
		cells.skip(keyWidth)
		of.take(row, id, cells)
	}
}

// written are rows of a table that a transaction has written, and of which the
// database itself gives something that is to be read back. Where INSERT tells it,
// nothing is.
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
func (w *writing) insertNew(name string, rows *insert, of back, into *written) error {
	if w.tables.returning {
		return w.insertReturning(name, rows, "", of)
	}
	for _, part := range rows.parts {
		query, args := part.finished("")
		result, err := w.store.result(w.ctx, w.tx, name, query, args...)
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

// insertOver lays rows over those that are there with the same ids. Where the
// database does not tell what it has written, untold is called: it is to be read.
func (w *writing) insertOver(name string, rows *insert, columns []string, of back, untold func()) error {
	over := w.store.dialect.upsert(columns)
	if w.tables.returning {
		return w.insertReturning(name, rows, over, of)
	}
	untold()
	return w.insert(name, rows, over)
}

// insertReturning writes rows and takes what the database says of them.
func (w *writing) insertReturning(name string, rows *insert, end string, of back) error {
	end += " RETURNING " + keyed("") + of.columns(w.store.dialect, "")
	for _, part := range rows.parts {
		query, args := part.finished(end)
		err := w.store.each(w.ctx, w.tx, name, query, args, func(cells *scanner) { w.visit(of, cells) })
		if err != nil {
			return err
		}
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

// readBack reads what the database itself gave the rows, where it has not told:
// ids of new ones, stamps, heartbeats.
func (w *writing) readBack() error {
	if err := w.readHeartbeats(); err != nil {
		return err
	}
	for _, table := range []struct {
		of   back
		rows *written
	}{{leasesBack(), &w.leasesWritten}, {serversBack(), &w.serversWritten}, {adaptersBack(), &w.adaptersWritten}} {
		if err := w.readNew(table.of, table.rows); err != nil {
			return err
		}
	}
	if err := w.readStamps("server_stamps", "t_server_conf", w.serversWritten.known); err != nil {
		return err
	}
	return w.readStamps("adapter_stamps", "t_adapter_conf", w.adaptersWritten.known)
}

// readHeartbeats reads of the leases that were there.
func (w *writing) readHeartbeats() error {
	known := map[int64]*instanceRow{}
	var ids []int64
	for _, row := range w.leasesKnown {
		known[row.now.Lease.ID] = row
		ids = append(ids, row.now.Lease.ID)
	}
	columns := leasesBack().columns(w.store.dialect, "t.")
	for chunk := range slices.Chunk(ids, keyChunk) {
		query := "SELECT t.id, " + columns + " FROM t_registry_lease t WHERE t.id IN (" + idList(chunk) + ")"
		err := w.store.each(w.ctx, w.tx, "lease_heartbeats", query, nil, func(cells *scanner) {
			id := cells.int()
			known[id].takeTimes(id, cells)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readNew reads new rows by their ids. As a rule one statement's follow upon each
// other; rows that are not found so (other writers' ids may lie between) are read
// by their keys.
func (w *writing) readNew(of back, rows *written) error {
	if rows.count == 0 {
		return nil
	}
	columns := "SELECT " + keyed("t.") + of.columns(w.store.dialect, "t.")
	read := func(rest string, args []any) error {
		return w.store.each(w.ctx, w.tx, of.name, columns+rest, args, func(cells *scanner) { w.visit(of, cells) })
	}
	err := read(" FROM "+of.table+" t WHERE t.id >= "+strconv.FormatInt(rows.first, 10)+
		" ORDER BY t.id LIMIT "+strconv.Itoa(rows.count), nil)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(rows.fresh), of.taken)
	for chunk := range slices.Chunk(missing, keyChunk) {
		if err := read(w.store.dialect.matching(of.table, of.index, keyColumns(), rowValues(chunk))); err != nil {
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
