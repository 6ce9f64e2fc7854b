package store

import (
	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func nodeColumnNames() []string {
	return []string{
		"node_name", "node_obj", "endpoint_ip", "endpoint_port", "setting_state", "present_state",
		"template_name", "tars_version", "last_reg_time", "last_heartbeat", "modify_time",
	}
}

// nodeRows writes t_node_info. Nodes of instances that registered beat along, as
// the description's onStartup makes them.
func (w *writing) nodeRows() error {
	c := w.compareNodes()
	if err := w.insert("node_insert", c.fresh, ""); err != nil {
		return err
	}
	for _, group := range c.updates.sorted() {
		set, args := group.setClause()
		these, names := w.store.dialect.in("node_name", group.names())
		query := "UPDATE t_node_info SET " + set + " WHERE " + these + " AND " + w.store.dialect.podNode
		if err := w.exec("node_update", query, append(args, names...)...); err != nil {
			return err
		}
	}
	if len(c.gone) == 0 {
		return nil
	}
	these, args := w.store.dialect.in("node_name", c.gone)
	return w.exec("node_delete", "DELETE FROM t_node_info WHERE "+these+" AND "+w.store.dialect.podNode, args...)
}

// nodeChanges collects what is to be done to t_node_info.
type nodeChanges struct {
	fresh   *insert
	updates changes
	gone    []string
}

// compareNodes finds what was put of nodes, and which of the others beat.
func (w *writing) compareNodes() *nodeChanges {
	wall := expression(w.store.dialect.wall)
	c := &nodeChanges{fresh: newInsert("t_node_info", nodeColumnNames()).expect(len(w.nodes))}
	seen := map[string]bool{}
	for _, name := range w.nodes {
		row := w.Tx.nodes[name]
		seen[name] = true
		switch {
		case row.now == nil && row.base == nil:
		case row.now == nil:
			c.gone = append(c.gone, trimmed(row.base.Name))
			w.commit.NodesGone = append(w.commit.NodesGone, row.base.Name)
		case row.base == nil:
			w.addNode(c.fresh, row.now)
			w.commit.Nodes = append(w.commit.Nodes, *row.now)
		default:
			set := w.differences(row.base, row.now)
			if w.beats(row) {
				set = append(set, assignment{"last_heartbeat", wall})
			}
			if len(set) > 0 {
				c.updates.add(append(set, assignment{"modify_time", wall}), member{name: trimmed(row.base.Name)})
				w.commit.Nodes = append(w.commit.Nodes, *row.now)
			}
		}
	}
	for _, row := range w.rows {
		node := w.Tx.nodes[row.fold.Node]
		if !seen[row.fold.Node] && node != nil && node.base != nil && podNode(node.base) && row.beating {
			seen[row.fold.Node] = true
			c.updates.add([]assignment{{"last_heartbeat", wall}, {"modify_time", wall}}, member{name: trimmed(node.base.Name)})
		}
	}
	return c
}

func (w *writing) addNode(to *insert, n *naming.Node) {
	wall := expression(w.store.dialect.wall)
	row := to.begin(len(nodeColumnNames()))
	row.text(trimmed(n.Name))
	row.text(n.Object)
	row.text(w.tables.fitIP(n.EndpointIP))
	row.number(int64(n.EndpointPort))
	row.text(string(n.SettingState))
	row.text(string(n.PresentState))
	row.text(n.TemplateName)
	row.text(n.Version)
	row.expression(wall)
	row.expression(wall)
	row.expression(wall)
	row.end()
}

// beats says that an instance on the node registered in this transaction.
func (w *writing) beats(node *nodeRow) bool {
	for _, row := range node.here {
		if row.beating {
			return true
		}
	}
	return false
}

func (w *writing) differences(base, now *naming.Node) []assignment {
	var set []assignment
	differ := func(column, was, is string) {
		if was != is {
			set = append(set, assignment{column, is})
		}
	}
	differ("node_obj", base.Object, now.Object)
	differ("endpoint_ip", w.tables.fitIP(base.EndpointIP), w.tables.fitIP(now.EndpointIP))
	differ("setting_state", string(base.SettingState), string(now.SettingState))
	differ("present_state", string(base.PresentState), string(now.PresentState))
	differ("template_name", base.TemplateName, now.TemplateName)
	differ("tars_version", base.Version, now.Version)
	return set
}
