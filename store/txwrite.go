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
	w.noteEvents()
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"leases", w.leaseRows}, {"servers", w.serverRows}, {"adapters", w.adapterRows}, {"config files", w.configFiles},
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
	slices.SortFunc(rows, compareLocks)
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
	rows   []*instanceRow
	nodes  []string
	commit *Commit

	leasesKnown     []*instanceRow // whose leases were there
	leasesWritten   written
	serversWritten  written
	adaptersWritten written
}

// noteEvents notes at the instances what was put for.
func (w *writing) noteEvents() {
	for _, event := range w.events {
		row := w.rowOf(event.Key)
		switch event.Kind {
		case naming.EventRegistered, naming.EventRestored:
			row.registered, row.beating = true, true
		case naming.EventRevived, naming.EventAdopted:
			row.beating = true
		case naming.EventExpired:
			row.expired = true
		}
	}
}

func (w *writing) exec(name, query string, args ...any) error {
	_, err := w.store.exec(w.ctx, w.tx, name, query, args...)
	return err
}

func (w *writing) insert(name string, i *insert, end string) error {
	for _, part := range i.parts {
		if err := w.exec(name, part.sql.String()+end, part.sql.args...); err != nil {
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

// leaseRows writes the leases: new ones plainly, so that one that came meanwhile
// makes the transaction begin again; the others whole, for they are locked.
func (w *writing) leaseRows() error {
	columns := leaseColumnNames()
	fresh := newInsert("t_registry_lease", columns)
	known := newInsert("t_registry_lease", columns)
	for _, row := range w.rows {
		lease := row.now.Lease
		if lease == nil || lease == row.base.Lease {
			continue
		}
		into, id := fresh, int64(0)
		if base := row.base.Lease; base != nil {
			into, id = known, base.ID
			w.leasesKnown = append(w.leasesKnown, row)
		} else {
			w.leasesWritten.fresh = append(w.leasesWritten.fresh, row)
		}
		if err := w.addLease(into.begin(len(columns)), row, id); err != nil {
			return err
		}
	}
	if err := w.insertNew("lease_insert", fresh, leasesBack(), &w.leasesWritten); err != nil {
		return err
	}
	return w.insertOver("lease_update", known, columns[keyWidth+1:], leasesBack())
}

func (w *writing) addLease(to *insertPart, row *instanceRow, id int64) error {
	lease := row.now.Lease
	registration, err := row.registrationText()
	if err != nil {
		return err
	}
	to.id(id)
	to.key(row.now.Key)
	to.text(lease.Identity.UID)
	to.text(string(lease.Identity.Kind))
	to.text(string(lease.State))
	to.number(lease.Revision)
	to.text(string(lease.Reported))
	to.number(lease.Sequence)
	to.number(lease.Interval.Milliseconds())
	to.number(int64(boolean(lease.IntervalTold)))
	to.number(lease.Duration.Milliseconds())
	to.moment(w.heartbeat(row))
	to.moment(w.stateSince(row))
	to.number(int64(lease.MetricsPort))
	if lease.WorkerID < 0 {
		to.expression("NULL")
	} else {
		to.number(lease.WorkerID)
	}
	to.text(lease.FlowOffBy)
	to.nullable(registration)
	to.end()
	return nil
}

func (r *instanceRow) registrationText() (string, error) {
	if base := r.base.Lease; base != nil && base.Registration == r.now.Lease.Registration {
		return r.registration, nil
	}
	return encodeRegistration(r.now.Lease.Registration)
}

// heartbeat is the value of last_heartbeat: the later of what is stored and the
// beat that the transaction brings, by the database's clock (R16, R19).
func (w *writing) heartbeat(row *instanceRow) moment {
	d, lease, base := w.store.dialect, row.now.Lease, row.base.Lease
	switch {
	case base == nil:
		return moment{sql: d.ago(max(lease.HeartbeatAge, 0))}
	case lease.Heartbeat == base.Heartbeat && lease.HeartbeatAge >= base.HeartbeatAge:
		return moment{d.moment(), base.Heartbeat}
	default:
		return moment{d.greatest(d.moment(), d.ago(max(lease.HeartbeatAge, 0))), base.Heartbeat}
	}
}

func (w *writing) stateSince(row *instanceRow) moment {
	d, lease, base := w.store.dialect, row.now.Lease, row.base.Lease
	if base != nil && lease.State == base.State && lease.StateAge >= base.StateAge {
		return moment{d.moment(), row.stateSince}
	}
	if base != nil && lease.State != base.State && lease.StateAge >= base.StateAge {
		lease.StateAge = time.Duration(0) // the closure left it as it was read
	}
	return moment{sql: d.ago(max(lease.StateAge, 0))}
}

func boolean(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (w *writing) eventRows() error {
	columns := []string{"application", "server_name", "node_name", "kind", "state", "reason", "actor", "revision", "replica", "created"}
	rows := newInsert("t_registry_event", columns)
	now := expression(w.store.dialect.now)
	for _, e := range w.events {
		row := rows.begin(len(columns))
		row.key(e.Key)
		row.text(string(e.Kind))
		row.text(string(e.State))
		row.text(e.Reason)
		row.text(e.Actor)
		row.number(e.Revision)
		row.text(e.Replica)
		row.expression(now)
		row.end()
	}
	return w.insert("event_insert", rows, "")
}
