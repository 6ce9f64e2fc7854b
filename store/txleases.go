package store

import (
	"slices"
	"time"
)

func leaseColumnNames() []string {
	return []string{
		"id", "application", "server_name", "node_name", "uid", "kind", "state", "revision", "reported_state",
		"report_sequence", "interval_ms", "interval_told", "lease_ms", "last_heartbeat", "state_since",
		"metrics_port", "worker_id", "flow_off_by", "registration",
	}
}

// leaseRows writes the leases: new ones plainly, so that one that came meanwhile
// makes the transaction begin again. Of the others, which are locked, those in which
// the same changes are written together, and the rest whole.
func (w *writing) leaseRows() error {
	columns := leaseColumnNames()
	fresh := newInsert("t_registry_lease", columns).expect(len(w.rows))
	known := changes{}
	for _, row := range w.rows {
		lease := row.now.Lease
		if lease == nil || lease == row.base.Lease {
			continue
		}
		if row.base.Lease != nil {
			set, err := w.leaseChanges(row)
			if err != nil {
				return err
			}
			known.add(set, member{instance: row, id: row.base.Lease.ID})
			continue
		}
		w.leasesWritten.fresh = append(w.leasesWritten.fresh, row)
		if err := w.addLease(fresh.begin(len(columns)), row, 0); err != nil {
			return err
		}
	}
	if err := w.insertNew("lease_insert", fresh, leasesBack(), &w.leasesWritten); err != nil {
		return err
	}
	return w.knownLeases(&known, columns)
}

func (w *writing) knownLeases(known *changes, columns []string) error {
	shared, others := known.shared()
	for _, group := range shared {
		set, args := group.setClause()
		if err := w.exec("lease_update", "UPDATE t_registry_lease SET "+set+" WHERE id IN ("+group.ids()+")", args...); err != nil {
			return err
		}
		w.leasesKnown = append(w.leasesKnown, group.instances()...)
	}
	var single []*instanceRow
	for _, group := range others {
		single = append(single, group.instances()...)
	}
	slices.SortFunc(single, compareLocks)
	whole := newInsert("t_registry_lease", columns).expect(len(single))
	for _, row := range single {
		if err := w.addLease(whole.begin(len(columns)), row, row.base.Lease.ID); err != nil {
			return err
		}
	}
	return w.insertOver("lease_overlay", whole, columns[keyWidth+1:], leasesBack(), func() {
		w.leasesKnown = append(w.leasesKnown, single...)
	})
}

// leaseChanges are the columns of a lease that is there in which it differs from
// what was read.
func (w *writing) leaseChanges(row *instanceRow) ([]assignment, error) {
	base, now := row.base.Lease, row.now.Lease
	set := make([]assignment, 0, 4)
	differ := func(differs bool, column string, value any) {
		if differs {
			set = append(set, assignment{column, value})
		}
	}
	differ(base.Identity.UID != now.Identity.UID, "uid", now.Identity.UID)
	differ(base.Identity.Kind != now.Identity.Kind, "kind", string(now.Identity.Kind))
	differ(base.State != now.State, "state", string(now.State))
	differ(base.Revision != now.Revision, "revision", expression("revision + 1")) // see settle
	differ(base.Reported != now.Reported, "reported_state", string(now.Reported))
	differ(base.Sequence != now.Sequence, "report_sequence", now.Sequence)
	differ(base.Interval != now.Interval, "interval_ms", now.Interval.Milliseconds())
	differ(base.IntervalTold != now.IntervalTold, "interval_told", int64(boolean(now.IntervalTold)))
	differ(base.Duration != now.Duration, "lease_ms", now.Duration.Milliseconds())
	d := w.store.dialect
	differ(row.renewed(), "last_heartbeat", expression(d.greatest("last_heartbeat", d.ago(max(now.HeartbeatAge, 0)))))
	since := w.stateSince(row)
	differ(since.argument == "", "state_since", expression(since.sql))
	differ(base.MetricsPort != now.MetricsPort, "metrics_port", now.MetricsPort)
	differ(base.WorkerID != now.WorkerID, "worker_id", nullableWorker(now.WorkerID))
	differ(base.FlowOffBy != now.FlowOffBy, "flow_off_by", now.FlowOffBy)
	registration, err := row.registrationText()
	differ(registration != row.registration, "registration", nullable(registration))
	return set, err
}

func nullableWorker(id int64) any {
	if id < 0 {
		return nil
	}
	return id
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
	now := r.now.Lease.Registration
	if base := r.base.Lease; base != nil && base.Registration == now {
		return r.registration, nil
	}
	if r.encodedOf == now {
		return r.encoded, nil
	}
	text, err := encodeRegistration(now)
	r.encoded, r.encodedOf = text, now
	return text, err
}

// renewed says that the transaction brings a lease that is there a heartbeat.
func (r *instanceRow) renewed() bool {
	base, now := r.base.Lease, r.now.Lease
	return now.Heartbeat != base.Heartbeat || now.HeartbeatAge < base.HeartbeatAge
}

// heartbeat is the value of last_heartbeat: the later of what is stored and the
// beat that the transaction brings, by the database's clock (R16, R19).
func (w *writing) heartbeat(row *instanceRow) moment {
	d, lease, base := w.store.dialect, row.now.Lease, row.base.Lease
	switch {
	case base == nil:
		return moment{sql: d.ago(max(lease.HeartbeatAge, 0))}
	case !row.renewed():
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
