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

// adapterRows writes t_adapter_conf: what a look showed to be stale is deleted by
// its id, so that no gap is locked, and what differs or is new is written.
func (w *writing) adapterRows() error {
	columns := adapterColumnNames()
	c := adapterChanges{
		fresh: newInsert("t_adapter_conf", columns).expect(len(w.rows)),
		known: newInsert("t_adapter_conf", columns).expect(len(w.rows)),
		wall:  expression(w.store.dialect.wall),
	}
	for _, row := range w.rows {
		if c.compare(row) {
			w.adaptersWritten.fresh = append(w.adaptersWritten.fresh, row)
		}
	}
	if len(c.stale) > 0 {
		if err := w.exec("adapter_delete", "DELETE FROM t_adapter_conf WHERE id IN ("+idList(c.stale)+")"); err != nil {
			return err
		}
	}
	err := w.insertOver("adapter_update", c.known, columns[keyWidth+1:], adaptersBack(), func() {
		w.adaptersWritten.statements(c.known, c.knownIDs, c.knownStamps)
	})
	if err != nil {
		return err
	}
	return w.insertNew("adapter_insert", c.fresh, adaptersBack(), &w.adaptersWritten)
}

// adapterChanges collects what is to be done to t_adapter_conf.
type adapterChanges struct {
	stale        []int64
	fresh, known *insert
	knownIDs     []int64
	knownStamps  []*string
	wall         expression
}

// compare notes the changes of one instance; added says that it has new rows.
func (c *adapterChanges) compare(row *instanceRow) (added bool) {
	unwanted := make(map[string]naming.Adapter, len(row.base.Adapters))
	for _, adapter := range row.base.Adapters {
		unwanted[naming.Fold(adapter.Name)] = adapter
	}
	for i := range row.now.Adapters {
		adapter := &row.now.Adapters[i]
		name := naming.Fold(adapter.Name)
		known, there := unwanted[name]
		delete(unwanted, name)
		adapter.ID, adapter.Stamp = known.ID, known.Stamp
		switch {
		case !there:
			c.add(c.fresh, row.now.Key, adapter)
			added = true
		case known != *adapter:
			c.add(c.known, row.now.Key, adapter)
			c.knownIDs = append(c.knownIDs, adapter.ID)
			c.knownStamps = append(c.knownStamps, &adapter.Stamp)
		}
	}
	for _, adapter := range row.base.Adapters {
		if _, stale := unwanted[naming.Fold(adapter.Name)]; stale {
			c.stale = append(c.stale, adapter.ID)
		}
	}
	return added
}

func (c *adapterChanges) add(to *insert, key naming.Key, a *naming.Adapter) {
	row := to.begin(len(adapterColumnNames()))
	row.id(a.ID)
	row.key(key)
	row.text(a.Name)
	row.text(a.Servant)
	row.text(a.Endpoint)
	row.text(a.Protocol)
	row.number(int64(a.ThreadNum))
	row.number(int64(a.MaxConnections))
	row.number(int64(a.QueueCap))
	row.number(int64(a.QueueTimeout))
	row.expression(c.wall)
	row.end()
}

// configFiles removes the config files of hosts whose instance is gone, as
// onPrestop always has.
func (w *writing) configFiles() error {
	var hosts []string
	for _, row := range w.rows {
		if row.now.Server == nil {
			hosts = append(hosts, trimmed(row.now.Key.Application)+"."+trimmed(row.now.Key.Server), trimmed(row.now.Key.Node))
		}
	}
	ids, err := w.find("config_files", "t_config_files", []string{"server_name", "host"}, hosts)
	if err != nil || len(ids) == 0 {
		return err
	}
	return w.exec("config_file_delete", "DELETE FROM t_config_files WHERE id IN ("+idList(ids)+")")
}

// find looks up the ids of rows by combinations of names, given one after the
// other. Looking first keeps a DELETE or UPDATE from locking what it does not find.
func (w *writing) find(name, table string, columns, values []string) (ids []int64, err error) {
	for chunk := range slices.Chunk(values, keyChunk*len(columns)) {
		matching, args := w.store.dialect.matching(table, "", columns, chunk)
		err := w.store.each(w.ctx, w.tx, name, "SELECT t.id"+matching, args, func(cells *scanner) { ids = append(ids, cells.int()) })
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}
