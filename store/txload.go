package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// keyChunk is how many keys one statement names: those of a large group commit.
const keyChunk = 128

// begin reads and locks what the scope names.
func (t *Tx) begin(scope Scope) error {
	keys := scope.Keys
	if len(scope.Nodes) > 0 {
		leased, err := t.leasedKeys(scope.Nodes)
		if err != nil {
			return err
		}
		keys = append(slices.Clone(keys), leased...)
	}
	if err := t.load(keys, scope.New); err != nil {
		return err
	}
	return t.loadNodes(scope.Nodes, nil)
}

// Load brings further instances into the transaction and locks their leases. If it
// fails so does Update, or it begins the transaction again.
func (t *Tx) Load(keys ...naming.Key) error {
	err := t.load(keys, nil)
	t.note(err)
	return err
}

// load is Load, and for new ones what Scope.New says.
func (t *Tx) load(keys, fresh []naming.Key) error {
	known, unknown := t.missing(keys), t.missing(fresh)
	for chunk := range slices.Chunk(known, keyChunk) {
		if err := t.lockLeases(chunk); err != nil {
			return err
		}
	}
	if err := t.loadNodes(nodesOf(known), nodesOf(unknown)); err != nil {
		return err
	}
	for chunk := range slices.Chunk(known, keyChunk) {
		if err := t.loadServers(chunk); err != nil {
			return err
		}
	}
	// Adapters are looked for in any case: those that other programs left behind
	// under other names would not be in the way of an INSERT.
	wanted := slices.Concat(known, unknown)
	for chunk := range slices.Chunk(wanted, keyChunk) {
		if err := t.loadAdapters(chunk); err != nil {
			return err
		}
	}
	for _, row := range wanted {
		row.whole = true
		if row.put {
			row.now = t.settle(row, row.now)
		} else {
			row.now = row.base
		}
	}
	return nil
}

// missing are the rows of the keys that are not loaded whole yet, each once, in
// the order in which locks are taken: that of the unique index of t_registry_lease.
func (t *Tx) missing(keys []naming.Key) []*instanceRow {
	list := make([]*instanceRow, 0, len(keys))
	for _, key := range keys {
		row := t.instanceRow(key)
		if row.whole || row.wanted {
			continue
		}
		row.asked, row.wanted = key, true
		list = append(list, row)
	}
	slices.SortFunc(list, compareLocks)
	return list
}

func compareLocks(a, b *instanceRow) int {
	return cmp.Or(
		strings.Compare(a.fold.Application, b.fold.Application),
		strings.Compare(a.fold.Server, b.fold.Server),
		strings.Compare(a.fold.Node, b.fold.Node),
	)
}

// rowValues are the names of the rows' keys, one after the other.
func rowValues(rows []*instanceRow) []string {
	values := make([]string, 0, keyWidth*len(rows))
	for _, row := range rows {
		values = append(values, trimmed(row.asked.Application), trimmed(row.asked.Server), trimmed(row.asked.Node))
	}
	return values
}

// keyValues are the names of the keys, one after the other.
func keyValues(keys []naming.Key) []string {
	values := make([]string, 0, keyWidth*len(keys))
	for _, key := range keys {
		values = append(values, trimmed(key.Application), trimmed(key.Server), trimmed(key.Node))
	}
	return values
}

func trimmed(name string) string { return strings.TrimRight(name, " ") }

func nodesOf(rows []*instanceRow) []string {
	names := make([]string, 0, len(rows))
	for _, row := range rows {
		names = append(names, row.asked.Node)
	}
	return names
}

func allTrimmed(names []string) []string {
	values := make([]string, 0, len(names))
	for _, name := range names {
		values = append(values, trimmed(name))
	}
	return values
}

func (t *Tx) leasedKeys(nodes []string) ([]naming.Key, error) {
	var keys []naming.Key
	there, args := t.store.dialect.in("node_name", allTrimmed(nodes))
	query := "SELECT application, server_name, node_name FROM t_registry_lease WHERE " + there + " AND state IN ('live','expired')"
	err := t.store.each(t.ctx, t.tx, "leases_of_nodes", query, args, func(row *scanner) {
		keys = append(keys, scanKey(row))
	})
	return keys, err
}

// lockLeases reads the leases of rows under a lock. A lease that was read before
// without one must be as it was.
func (t *Tx) lockLeases(rows []*instanceRow) error {
	d := t.store.dialect
	before := map[*instanceRow]*naming.Lease{}
	for _, row := range rows {
		if row.base.Lease != nil {
			before[row] = row.base.Lease
		}
		row.base = &naming.Instance{Key: row.asked}
	}
	matching, args := d.matching("t_registry_lease", "instance", keyColumns(), rowValues(rows))
	query := "SELECT " + d.leaseColumns() + ", t.state_since, t.registration" + matching + d.locked
	err := t.store.each(t.ctx, t.tx, "leases_locked", query, args, func(cells *scanner) {
		t.takeLease(cells)
	})
	if err != nil {
		return fmt.Errorf("lock leases: %w", err)
	}
	for row, old := range before {
		if now := row.base.Lease; now == nil || now.Revision != old.Revision {
			for _, row := range rows {
				t.moved = append(t.moved, row.asked)
			}
			return errMoved
		}
	}
	return nil
}

// takeLease lays a lease that was just read into its instance.
func (t *Tx) takeLease(cells *scanner) *instanceRow {
	id := cells.int()
	row := t.scanned(cells)
	if row == nil {
		row = t.instanceRow(scanKey(cells))
		cells.skip(-keyWidth)
	}
	key := cells.keyLike(row.base.Key)
	lease := scanLeaseRest(cells, id)
	row.stateSince = cells.text()
	row.registration = cells.text()
	lease.Registration = decodeRegistration(row.registration)
	row.base = &naming.Instance{Key: key, Lease: lease}
	return row
}

// loadNodes reads rows of t_node_info under a lock, so that two transactions that
// settle the same node see each other's instances, and then the leases there; on
// nodes of which nobody has heard only where there is a row.
func (t *Tx) loadNodes(names, unheard []string) error {
	var wanted []string
	want := func(names []string, unheard bool) {
		for _, name := range names {
			if row := t.nodeRow(name); !row.loaded {
				row.loaded, row.unheard = true, unheard
				wanted = append(wanted, name)
			}
		}
	}
	want(names, false)
	want(unheard, true)
	slices.SortFunc(wanted, func(a, b string) int { return strings.Compare(naming.Fold(a), naming.Fold(b)) })
	for chunk := range slices.Chunk(wanted, 2*keyChunk) {
		if err := t.loadNodeChunk(chunk); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) loadNodeChunk(names []string) error {
	d := t.store.dialect
	these, args := d.in("t.node_name", allTrimmed(names))
	query := "SELECT " + nodeColumns + " FROM t_node_info t WHERE " + these + d.locked
	err := t.store.each(t.ctx, t.tx, "nodes_locked", query, args, func(cells *scanner) {
		node := scanNode(cells)
		row := t.nodeRow(node.Name)
		row.base, row.now = &node, &node
	})
	if err != nil {
		return fmt.Errorf("lock nodes: %w", err)
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		row := t.nodeRow(name)
		return row.unheard && row.base == nil
	})
	if len(names) == 0 {
		return nil
	}
	these, args = d.in("t.node_name", allTrimmed(names))
	query = "SELECT " + d.leaseColumns() + ", t.state_since, t.registration FROM t_registry_lease t WHERE " +
		these + " AND t.state IN ('live','expired')" + t.exceptLocked(names)
	err = t.store.each(t.ctx, t.tx, "leases_of_nodes", query, args, func(cells *scanner) {
		t.takeNeighbour(cells)
	})
	if err != nil {
		return fmt.Errorf("read the leases on nodes: %w", err)
	}
	return nil
}

// exceptLocked is a condition that leaves out the leases that were read under a
// lock just before: as a rule all there are.
func (t *Tx) exceptLocked(nodes []string) string {
	var ids []int64
	for _, name := range nodes {
		for _, row := range t.nodeRow(name).here {
			if lease := row.base.Lease; lease != nil {
				ids = append(ids, lease.ID)
			}
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return " AND t.id NOT IN (" + idList(ids) + ")"
}

// takeNeighbour notes a lease on a node that is loaded, where its instance is not
// loaded anyway.
func (t *Tx) takeNeighbour(cells *scanner) {
	cells.skip(1)
	known := t.scanned(cells)
	cells.skip(-1)
	if known != nil {
		return
	}
	row := t.takeLease(cells)
	row.now = row.base
}

func (t *Tx) loadServers(rows []*instanceRow) error {
	matching, args := t.store.dialect.matching("t_server_conf", "", keyColumns(), rowValues(rows))
	query := "SELECT " + serverColumns(t.tables) + matching
	err := t.store.each(t.ctx, t.tx, "servers", query, args, func(cells *scanner) {
		id := cells.int()
		if row := t.scanned(cells); row != nil {
			row.base.Key = cells.keyLike(row.base.Key)
			row.base.Server = scanServerRest(cells, id)
		}
	})
	if err != nil {
		return fmt.Errorf("read servers: %w", err)
	}
	return nil
}

func (t *Tx) loadAdapters(rows []*instanceRow) error {
	matching, args := t.store.dialect.matching("t_adapter_conf", "", keyColumns(), rowValues(rows))
	query := "SELECT " + adapterColumns + matching
	err := t.store.each(t.ctx, t.tx, "adapters", query, args, func(cells *scanner) {
		id := cells.int()
		if row := t.scanned(cells); row != nil {
			cells.skip(keyWidth)
			row.base.Adapters = append(row.base.Adapters, scanAdapterRest(cells, id))
		}
	})
	if err != nil {
		return fmt.Errorf("read adapters: %w", err)
	}
	for _, row := range rows {
		sortAdapters(row.base.Adapters)
	}
	return nil
}

// instanceRow is the row of key, made where there is none yet, and entered on its
// node.
func (t *Tx) instanceRow(key naming.Key) *instanceRow {
	if row := t.rowOf(key); row != nil {
		return row
	}
	row := &instanceRow{asked: key, fold: key.Fold(), base: &naming.Instance{Key: key}}
	row.now = row.base
	t.rows[string(t.folded)] = row // as rowOf has left it
	node := t.nodeRow(key.Node)
	at, _ := slices.BinarySearchFunc(node.here, row, compareLocks)
	node.here = slices.Insert(node.here, at, row)
	return row
}

func (t *Tx) nodeRow(name string) *nodeRow {
	fold := naming.Fold(name)
	row := t.nodes[fold]
	if row == nil {
		row = &nodeRow{}
		t.nodes[fold] = row
	}
	return row
}
