package store

import (
	"fmt"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// finish writes what was put, in few statements, each for many instances, and
// gives what stands in the tables then. nil: nothing was put.
func (t *Tx) finish() (*Commit, error) {
	rows, nodes := t.touched()
	if len(rows) == 0 && len(nodes) == 0 && !t.wrote {
		return nil, nil
	}
	if err := t.loadTouched(rows); err != nil {
		return nil, err
	}
	w := &writing{Tx: t, rows: rows, nodes: nodes, commit: &Commit{Events: t.events}}
	w.registered = w.withKind(naming.EventRegistered, naming.EventRestored)
	w.expired = w.withKind(naming.EventExpired)
	w.beating = w.withKind(naming.EventRegistered, naming.EventRestored, naming.EventRevived, naming.EventAdopted)
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"leases", w.leases}, {"servers", w.servers}, {"adapters", w.adapters}, {"config files", w.configFiles},
		{"locks", w.locks}, {"nodes", w.nodeRows}, {"tombstones", w.tombstones}, {"events", w.eventRows}, {"ids", w.readBack},
	} {
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("write %s: %w", step.what, err)
		}
	}
	for _, row := range rows {
		w.commit.Instances = append(w.commit.Instances, row.now)
	}
	return w.commit, nil
}

// touched are the instances and nodes that were put, in the order of their locks.
func (t *Tx) touched() ([]*instanceRow, []string) {
	var rows []*instanceRow
	for _, row := range t.rows {
		if row.put {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b *instanceRow) int { return compareLocks(a.fold, b.fold) })
	var nodes []string
	for name, row := range t.nodes {
		if row.put {
			nodes = append(nodes, name)
		}
	}
	slices.Sort(nodes)
	return rows, nodes
}

// loadTouched reads the rest of instances that were put by their lease only.
func (t *Tx) loadTouched(rows []*instanceRow) error {
	var keys []naming.Key
	for _, row := range rows {
		if !row.whole {
			keys = append(keys, row.fold)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return t.Load(keys...)
}

// writing is the second half of a transaction.
type writing struct {
	*Tx
	rows       []*instanceRow
	nodes      []string
	registered map[naming.Key]bool // folded keys: the whole description is written
	beating    map[naming.Key]bool // folded keys: their nodes beat as well
	expired    map[naming.Key]bool // folded keys
	commit     *Commit

	leasesBack   []naming.Key // whose id and heartbeat are to be read back
	serversBack  []naming.Key
	adaptersBack []naming.Key
}

func (w *writing) withKind(kinds ...naming.EventKind) map[naming.Key]bool {
	keys := map[naming.Key]bool{}
	for _, event := range w.events {
		if slices.Contains(kinds, event.Kind) {
			keys[event.Key.Fold()] = true
		}
	}
	return keys
}

func (w *writing) exec(name, query string, args ...any) error {
	_, err := w.store.exec(w.ctx, w.tx, name, query, args...)
	return err
}

func (w *writing) insert(name string, i *insert, end string) error {
	for _, part := range i.parts {
		if err := w.exec(name, part.sql.String()+end, part.args...); err != nil {
			return err
		}
	}
	return nil
}

func leaseColumnNames() []string {
	return []string{
		"id", "application", "server_name", "node_name", "uid", "kind", "state", "revision", "reported_state",
		"report_sequence", "interval_ms", "interval_told", "lease_ms", "last_heartbeat", "state_since",
		"metrics_port", "worker_id", "flow_off_by", "registration",
	}
}

// leases writes the lease rows: new ones plainly, so that one that came meanwhile
// makes the transaction begin again; the others whole, for they are locked.
func (w *writing) leases() error {
	columns := leaseColumnNames()
	fresh := newInsert("t_registry_lease", columns)
	known := newInsert("t_registry_lease", columns)
	for _, row := range w.rows {
		lease := row.now.Lease
		if lease == nil || lease == row.base.Lease {
			continue
		}
		into, id := fresh, any(nil)
		if base := row.base.Lease; base != nil {
			into, id = known, base.ID
		}
		text, err := row.registrationText()
		if err != nil {
			return err
		}
		key := row.now.Key
		into.row(id, trimmed(key.Application), trimmed(key.Server), trimmed(key.Node),
			lease.Identity.UID, string(lease.Identity.Kind), string(lease.State), lease.Revision, string(lease.Reported),
			lease.Sequence, lease.Interval.Milliseconds(), boolean(lease.IntervalTold), lease.Duration.Milliseconds(),
			w.heartbeat(row), w.stateSince(row),
			lease.MetricsPort, workerID(lease.WorkerID), lease.FlowOffBy, nullable(text))
		w.leasesBack = append(w.leasesBack, key)
	}
	if err := w.insert("lease_insert", fresh, ""); err != nil {
		return err
	}
	return w.insert("lease_update", known, w.store.dialect.upsert(columns[keyWidth+1:]))
}

func (r *instanceRow) registrationText() (string, error) {
	if base := r.base.Lease; base != nil && base.Registration == r.now.Lease.Registration {
		return r.registration, nil
	}
	return encodeRegistration(r.now.Lease.Registration)
}

// heartbeat is the value of last_heartbeat: the later of what is stored and the
// beat that the transaction brings, by the database's clock (R16, R19).
func (w *writing) heartbeat(row *instanceRow) any {
	d, lease, base := w.store.dialect, row.now.Lease, row.base.Lease
	switch {
	case base == nil:
		return expression(d.ago(max(lease.HeartbeatAge, 0)))
	case lease.Heartbeat == base.Heartbeat && lease.HeartbeatAge >= base.HeartbeatAge:
		return moment{d.moment(), []any{base.Heartbeat}}
	default:
		return moment{d.greatest(d.moment(), d.ago(max(lease.HeartbeatAge, 0))), []any{base.Heartbeat}}
	}
}

func (w *writing) stateSince(row *instanceRow) any {
	d, lease, base := w.store.dialect, row.now.Lease, row.base.Lease
	if base != nil && lease.State == base.State && lease.StateAge >= base.StateAge {
		return moment{d.moment(), []any{row.stateSince}}
	}
	if base != nil && lease.State != base.State && lease.StateAge >= base.StateAge {
		lease.StateAge = time.Duration(0) // the closure left it as it was read
	}
	return expression(d.ago(max(lease.StateAge, 0)))
}

func boolean(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func workerID(id int64) any {
	if id < 0 {
		return nil
	}
	return id
}

func (w *writing) eventRows() error {
	columns := []string{"application", "server_name", "node_name", "kind", "state", "reason", "actor", "revision", "replica", "created"}
	rows := newInsert("t_registry_event", columns)
	for _, e := range w.events {
		rows.row(trimmed(e.Key.Application), trimmed(e.Key.Server), trimmed(e.Key.Node), string(e.Kind),
			string(e.State), e.Reason, e.Actor, e.Revision, e.Replica, expression(w.store.dialect.now))
	}
	return w.insert("event_insert", rows, "")
}

// readBack reads what the database itself gave the rows: ids of new ones, stamps.
func (w *writing) readBack() error {
	d := w.store.dialect
	err := w.back("lease_ids", "t.id, t.last_heartbeat, "+d.age("t.last_heartbeat")+", "+d.age("t.state_since"),
		"t_registry_lease", "instance", w.leasesBack, func(row *instanceRow, cells *scanner) {
			lease := row.now.Lease
			lease.ID, lease.Heartbeat = cells.int(), cells.text()
			lease.HeartbeatAge, lease.StateAge = cells.micros(), cells.micros()
		})
	if err != nil {
		return err
	}
	err = w.back("server_ids", "t.id, t.registry_timestamp", "t_server_conf", "", w.serversBack,
		func(row *instanceRow, cells *scanner) {
			if server := row.now.Server; server != nil {
				server.ID, server.Stamp = cells.int(), cells.text()
			}
		})
	if err != nil {
		return err
	}
	return w.back("adapter_ids", "t.adapter_name, t.id, t.registry_timestamp", "t_adapter_conf", "", w.adaptersBack,
		func(row *instanceRow, cells *scanner) {
			name := naming.Fold(cells.text())
			for i := range row.now.Adapters {
				if adapter := &row.now.Adapters[i]; naming.Fold(adapter.Name) == name {
					adapter.ID, adapter.Stamp = cells.int(), cells.text()
				}
			}
		})
}

func (w *writing) back(name, columns, table, index string, keys []naming.Key, visit func(*instanceRow, *scanner)) error {
	for chunk := range slices.Chunk(keys, keyChunk) {
		query := "SELECT t.application, t.server_name, t.node_name, " + columns +
			w.store.dialect.matching(table, index, keyColumns(), len(chunk))
		err := w.store.each(w.ctx, w.tx, name, query, keyArgs(chunk), func(cells *scanner) {
			if row := w.Tx.rows[scanKey(cells).Fold()]; row != nil {
				visit(row, cells)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
