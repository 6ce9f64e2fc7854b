package store

import (
	"fmt"
	"slices"

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

	leasesKnown     []*instanceRow // whose leases were there, and are to be read
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
		query, args := part.finished(end)
		if err := w.exec(name, query, args...); err != nil {
			return err
		}
	}
	return nil
}

func boolean(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (w *writing) eventRows() error {
	columns := []string{"application", "server_name", "node_name", "kind", "state", "reason", "actor", "revision", "replica", "created"}
	rows := newInsert("t_registry_event", columns).expect(len(w.events))
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
