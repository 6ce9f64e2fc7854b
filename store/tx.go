package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// errMoved: what was read without a lock had changed when it was locked, a lease, or
// written, a server row. The transaction begins again, with the lease's instance in
// its scope.
var errMoved = errors.New("a row changed before it was locked")

// Tx is what a closure of Update sees of its transaction: the rows as they were
// read, with what the closure has put laid over them. It is for one goroutine.
type Tx struct {
	ctx    context.Context // of the transaction; a Tx does not outlive it
	store  *Store
	tx     *sqlx.Tx
	tables *schema

	rows    map[string]*instanceRow // see rowOf
	folded  []byte                  // memory of rowOf
	nodes   map[string]*nodeRow     // by folded name
	events  []naming.Event
	journal []change
	moved   []naming.Key
	wrote   bool  // a statement of its own has written something
	err     error // the first failure of a read that a closure could not be told of
}

// instanceRow is an instance in a transaction.
type instanceRow struct {
	asked        naming.Key // as the caller spells it
	fold         naming.Key
	wanted       bool             // is being loaded, or was
	base         *naming.Instance // as read
	now          *naming.Instance // as it shall be
	whole        bool             // all parts were read, and the lease is locked
	put          bool
	registration string // the lease's, as stored
	stateSince   string // the lease's, as stored

	encoded   string // the text of encodedOf
	encodedOf *naming.Registration

	// What the transaction's events say of it, when it is written.
	registered bool // the whole description is written
	beating    bool // its node beats as well
	expired    bool
}

// nodeRow is a node in a transaction, with the instances on it in order.
type nodeRow struct {
	loaded  bool // the row and the leases on it were read
	unheard bool // see Scope.New
	base    *naming.Node
	now     *naming.Node
	put     bool
	here    []*instanceRow
}

// change is one step that Undo takes back.
type change struct {
	row     *instanceRow
	rowNow  *naming.Instance
	node    *nodeRow
	nodeNow *naming.Node
	put     bool
}

func newTx(ctx context.Context, s *Store, inner *sqlx.Tx, tables *schema) *Tx {
	return &Tx{
		ctx: ctx, store: s, tx: inner, tables: tables,
		rows: map[string]*instanceRow{}, nodes: map[string]*nodeRow{},
	}
}

// rowOf is the row of an instance, nil where the transaction has none. Rows are
// found by a text that all spellings of their key have in common.
func (t *Tx) rowOf(key naming.Key) *instanceRow {
	t.folded = appendFolded(t.folded[:0], key)
	return t.rows[string(t.folded)]
}

// scanned is rowOf for the key in the next three columns, which are not passed.
func (t *Tx) scanned(cells *scanner) *instanceRow { return t.rows[string(cells.foldedKey())] }

// Instance is what the transaction holds of key: never nil, a part without a row
// is nil. It is shared: change a Clone and Put that. An instance that the scope
// does not name is read now; if that fails Update fails.
func (t *Tx) Instance(key naming.Key) *naming.Instance {
	row := t.rowOf(key)
	if row == nil || !row.whole && !row.put {
		t.note(t.load([]naming.Key{key}, nil))
		if row = t.rowOf(key); row == nil {
			return &naming.Instance{Key: key}
		}
	}
	return row.now
}

// LeasesOn gives the instances with a live or expired lease on a node, and those
// that this transaction put there, in the order of their keys. Those that were not
// loaded whole (Scope.Nodes, Keys, Load) have a Lease only.
func (t *Tx) LeasesOn(node string) []*naming.Instance {
	var list []*naming.Instance
	for _, row := range t.nodeOf(node).here {
		lease := row.now.Lease
		if lease != nil && (row.put || lease.State == naming.LeaseLive || lease.State == naming.LeaseExpired) {
			list = append(list, row.now)
		}
	}
	return list
}

// Node is the row of t_node_info, nil where there is none. It is shared.
func (t *Tx) Node(name string) *naming.Node { return t.nodeOf(name).now }

func (t *Tx) nodeOf(name string) *nodeRow {
	row := t.nodes[naming.Fold(name)]
	if row == nil || !row.loaded {
		t.note(t.loadNodes([]string{name}, nil))
		row = t.nodeRow(name)
	}
	return row
}

// note keeps the first failure of a read that has no way to return it.
func (t *Tx) note(err error) {
	if t.err == nil {
		t.err = err
	}
}

// Put makes the instance's rows what is given and records why. Server nil deletes
// the server row, its adapters and the config files of this host; otherwise the
// adapters are the whole truth. A nil Lease leaves a lease row as it is, but for the
// revision.
//
// The store fills in what it alone knows: ids and stamps, the lease's revision
// (+1 once a transaction), the event's key, revision, replica and time, and the
// tombstones. Of rows that exist only the columns that differ are written, and
// registry_timestamp with them (R4); for naming.EventRegistered and
// naming.EventRestored those of the description's onStartup. Of the lease,
// last_heartbeat is written where HeartbeatAge is smaller than it was read, or
// Heartbeat differs; state_since where State differs or StateAge is smaller.
// A Registration that changes must be another pointer.
func (t *Tx) Put(instance *naming.Instance, event naming.Event) {
	row := t.rowOf(instance.Key)
	if row == nil {
		t.Instance(instance.Key)
		if row = t.rowOf(instance.Key); row == nil {
			return // the read failed, and with it the transaction
		}
	}
	t.journal = append(t.journal, change{row: row, rowNow: row.now, put: row.put})
	row.now, row.put = t.settle(row, instance), true
	event.Key, event.Revision, event.Replica = row.now.Key, row.now.Revision(), t.store.config.Replica
	event.Reason, event.Actor = cut(event.Reason, maxReason), cut(event.Actor, maxActor)
	t.events = append(t.events, event)
}

// Widths of t_registry_event's columns for people.
const (
	maxReason = 255
	maxActor  = 128
)

// settle is a copy of what was put with what only the store knows filled in.
func (t *Tx) settle(row *instanceRow, put *naming.Instance) *naming.Instance {
	now := put.Clone()
	if row.base.Server != nil || row.base.Lease != nil {
		now.Key = row.base.Key // the spelling that the tables have
	}
	if now.Lease == nil && row.now.Lease != nil {
		kept := *row.now.Lease
		now.Lease = &kept
	}
	if now.Lease != nil {
		now.Lease.ID, now.Lease.Revision = 0, 1
		if base := row.base.Lease; base != nil {
			now.Lease.ID, now.Lease.Revision = base.ID, base.Revision+1
		}
	}
	if now.Server == nil {
		now.Adapters = nil
		return now
	}
	t.settleServer(row, now)
	sortAdapters(now.Adapters)
	return now
}

// sortAdapters brings adapters into the order of their names.
func sortAdapters(adapters []naming.Adapter) {
	if len(adapters) > 1 {
		slices.SortFunc(adapters, func(a, b naming.Adapter) int {
			return strings.Compare(naming.Fold(a.Name), naming.Fold(b.Name))
		})
	}
}

func (t *Tx) settleServer(row *instanceRow, now *naming.Instance) {
	server := now.Server
	server.ID, server.Stamp = 0, ""
	if base := row.base.Server; base != nil {
		server.ID, server.Stamp = base.ID, base.Stamp
	}
	switch {
	case !t.tables.flowState:
		server.FlowState = ""
	case server.FlowState == "":
		server.FlowState = naming.Active
	}
	if server.ServerType == "" {
		server.ServerType = "tars_cpp" // the column's default
	}
	if t.tables.gridFlag && row.base.Server == nil {
		server.GridFlag = "NORMAL" // the column's default
	}
	server.MetricsPort = 0
	if t.tables.metricsPort && now.Lease != nil {
		server.MetricsPort = now.Lease.MetricsPort
	}
}

// PutNode makes a node's row what is given. A row whose node_obj has a port is
// never touched (R3).
func (t *Tx) PutNode(node naming.Node) { t.setNode(node.Name, &node) }

// DeleteNode removes a node's row, unless its node_obj has a port.
func (t *Tx) DeleteNode(name string) { t.setNode(name, nil) }

func (t *Tx) setNode(name string, node *naming.Node) {
	row := t.nodeOf(name)
	if row.base != nil && !podNode(row.base) {
		return
	}
	t.journal = append(t.journal, change{node: row, nodeNow: row.now, put: row.put})
	row.now, row.put = node, true
}

// Mark is a point in a transaction's memory.
type Mark struct{ journal, events int }

// Mark notes what has been put so far, so that it can be gone back to.
func (t *Tx) Mark() Mark { return Mark{len(t.journal), len(t.events)} }

// Undo forgets everything that was put since the mark, so that one request of a
// group commit can fail without its neighbours.
func (t *Tx) Undo(mark Mark) {
	for _, step := range slices.Backward(t.journal[mark.journal:]) {
		if step.row != nil {
			step.row.now, step.row.put = step.rowNow, step.put
		} else {
			step.node.now, step.node.put = step.nodeNow, step.put
		}
	}
	t.journal, t.events = t.journal[:mark.journal], t.events[:mark.events]
}
