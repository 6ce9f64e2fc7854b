package store

import "github.com/tarsregistry/tarsregistry/internal/naming"

// WorkerIDs are the worker ids that instances of the key's server hold (R35), with
// those given in this transaction. One that is freed in it counts as held still.
func (t *Tx) WorkerIDs(key naming.Key) (map[int64]bool, error) {
	held := map[int64]bool{}
	d := t.store.dialect
	query := "SELECT worker_id FROM t_registry_lease WHERE " + d.key("application") + " = ? AND " +
		d.key("server_name") + " = ? AND worker_id IS NOT NULL"
	err := t.store.each(t.ctx, t.tx, "worker_ids", query, []any{key.Application, key.Server}, func(row *scanner) {
		held[row.int()] = true
	})
	if err != nil {
		t.note(err)
		return nil, err
	}
	fold := key.Fold()
	for _, row := range t.rows {
		if lease := row.now.Lease; row.put && lease != nil && lease.WorkerID >= 0 &&
			row.fold.Application == fold.Application && row.fold.Server == fold.Server {
			held[lease.WorkerID] = true
		}
	}
	return held, nil
}
