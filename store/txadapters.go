package store

import (
	"slices"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func adapterColumnNames() []string {
	return []string{
		"id", "application", "server_name", "node_name", "adapter_name",
		"servant", "endpoint", "protocol", "thread_num", "max_connections", "queuecap", "queuetimeout",
		"registry_timestamp",
	}
}

// adapters writes t_adapter_conf: what a look showed to be stale is deleted by its
// id, so that no gap is locked, and what differs or is new is written.
func (w *writing) adapters() error {
	var stale []int64
	columns := adapterColumnNames()
	rows := newInsert("t_adapter_conf", columns)
	for _, row := range w.rows {
		before := make(map[string]naming.Adapter, len(row.base.Adapters))
		for _, adapter := range row.base.Adapters {
			before[naming.Fold(adapter.Name)] = adapter
		}
		written := false
		for i := range row.now.Adapters {
			adapter := &row.now.Adapters[i]
			known, there := before[naming.Fold(adapter.Name)]
			delete(before, naming.Fold(adapter.Name))
			if there && sameAdapter(known, *adapter) {
				adapter.ID, adapter.Stamp = known.ID, known.Stamp
				continue
			}
			w.addAdapter(rows, row.now.Key, *adapter, known.ID)
			written = true
		}
		for _, adapter := range row.base.Adapters {
			if _, unwanted := before[naming.Fold(adapter.Name)]; unwanted {
				stale = append(stale, adapter.ID)
			}
		}
		if written {
			w.adaptersBack = append(w.adaptersBack, row.now.Key)
		}
	}
	if len(stale) > 0 {
		if err := w.exec("adapter_delete", "DELETE FROM t_adapter_conf WHERE id IN ("+idList(stale)+")"); err != nil {
			return err
		}
	}
	return w.insert("adapter_write", rows, w.store.dialect.upsert(columns[keyWidth+1:]))
}

func (w *writing) addAdapter(rows *insert, key naming.Key, a naming.Adapter, known int64) {
	var id any
	if known != 0 {
		id = known
	}
	rows.row(id, trimmed(key.Application), trimmed(key.Server), trimmed(key.Node), a.Name,
		a.Servant, a.Endpoint, a.Protocol, a.ThreadNum, a.MaxConnections, a.QueueCap, a.QueueTimeout,
		expression(w.store.dialect.wall))
}

func sameAdapter(a, b naming.Adapter) bool {
	a.ID, a.Stamp = b.ID, b.Stamp
	return a == b
}

// configFiles removes the config files of hosts whose instance is gone, as
// onPrestop always has.
func (w *writing) configFiles() error {
	var args []any
	for _, row := range w.rows {
		if row.now.Server == nil {
			args = append(args, trimmed(row.now.Key.Application)+"."+trimmed(row.now.Key.Server), trimmed(row.now.Key.Node))
		}
	}
	ids, err := w.find("config_files", "t_config_files", []string{"server_name", "host"}, args)
	if err != nil || len(ids) == 0 {
		return err
	}
	return w.exec("config_file_delete", "DELETE FROM t_config_files WHERE id IN ("+idList(ids)+")")
}

// find looks up the ids of rows by combinations of names, given one after the
// other. Looking first keeps a DELETE or UPDATE from locking what it does not find.
func (w *writing) find(name, table string, columns []string, args []any) (ids []int64, err error) {
	for chunk := range slices.Chunk(args, keyChunk*len(columns)) {
		query := "SELECT t.id" + w.store.dialect.matching(table, "", columns, len(chunk)/len(columns))
		err := w.store.each(w.ctx, w.tx, name, query, chunk, func(cells *scanner) { ids = append(ids, cells.int()) })
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}
