package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// What tarsnode asks of the registry (tarsnode.md).

// LoadAverage is a machine's load.
type LoadAverage struct{ One, Five, Fifteen float32 }

// NodeOutcome is what RegisterNode answers.
type NodeOutcome int

// The outcomes of RegisterNode, by their wire values.
const (
	NodeRegistered NodeOutcome = 0
	NodeTaken      NodeOutcome = 1 // another live node has the name with another node_obj
)

// RegisterNode registers a machine with tarsnode. Of node Name, Object,
// EndpointIP, EndpointPort and Version count; template_name, group_id and label
// stay as they are.
func (s *Store) RegisterNode(ctx context.Context, node naming.Node, dataDir string, load LoadAverage) (NodeOutcome, error) {
	outcome := NodeRegistered
	err := s.withSchema(ctx, func(tables *schema) error {
		return s.inWrite(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
			outcome = NodeRegistered
			taken, err := s.nodeTaken(ctx, tx, node)
			if err != nil {
				return err
			}
			if taken {
				outcome = NodeTaken
				return nil
			}
			return s.writeNode(ctx, tx, tables, node, dataDir, load)
		})
	})
	if err != nil {
		return 0, fmt.Errorf("register node %s: %w", node.Name, s.translate(ctx, err))
	}
	return outcome, nil
}

// nodeTaken says that another machine that beats has the name.
func (s *Store) nodeTaken(ctx context.Context, tx *sqlx.Tx, node naming.Node) (taken bool, err error) {
	d := s.dialect
	query := "SELECT node_obj, present_state = 'active' AND last_heartbeat >= " + d.wallAgo(naming.NodeTimeout) +
		" FROM t_node_info WHERE " + d.key("node_name") + " = ?" + d.locked
	err = s.each(ctx, tx, "node_taken", query, []any{trimmed(node.Name)}, func(row *scanner) {
		object, live := row.text(), row.int() != 0
		port, ok := naming.ObjectPort(object)
		taken = live && ok && port != 0 && object != node.Object
	})
	return taken, err
}

func (s *Store) writeNode(ctx context.Context, tx *sqlx.Tx, tables *schema, node naming.Node, dataDir string, load LoadAverage) error {
	d, wall := s.dialect, expression(s.dialect.wall)
	columns := []string{
		"node_name", "node_obj", "endpoint_ip", "endpoint_port", "data_dir", "load_avg1", "load_avg5", "load_avg15",
		"last_reg_time", "last_heartbeat", "setting_state", "present_state", "tars_version", "modify_time",
	}
	set := []any{
		trimmed(node.Name), node.Object, tables.fitIP(node.EndpointIP), node.EndpointPort, dataDir,
		load.One, load.Five, load.Fifteen, wall, wall, "active", "active", node.Version, wall,
	}
	var group changeGroup
	for i, column := range columns[1:] {
		group.set = append(group.set, assignment{column, set[i+1]})
	}
	clause, args := group.setClause()
	found, err := s.exec(ctx, tx, "node_register", "UPDATE t_node_info SET "+clause+" WHERE "+d.key("node_name")+" = ?",
		append(args, trimmed(node.Name))...)
	if err != nil || found > 0 {
		return err
	}
	rows := newInsert("t_node_info", columns)
	rows.row(set...)
	query, args := rows.only("")
	_, err = s.exec(ctx, tx, "node_register", query, args...)
	return err
}

// BeatNode takes a tarsnode's heartbeat; false: the node is not known as a
// machine, and must register.
func (s *Store) BeatNode(ctx context.Context, name string, load LoadAverage) (known bool, err error) {
	d := s.dialect
	query := "UPDATE t_node_info SET last_heartbeat = " + d.wall + ", modify_time = " + d.wall +
		", present_state = 'active', load_avg1 = ?, load_avg5 = ?, load_avg15 = ? WHERE " + d.key("node_name") + " = ? AND NOT " + d.podNode
	found, err := s.change(ctx, "node_beat", query, load.One, load.Five, load.Fifteen, trimmed(name))
	if err != nil {
		return false, fmt.Errorf("heartbeat of node %s: %w", name, err)
	}
	return found > 0, nil
}

// DestroyNode makes a machine and its unleased servers inactive.
func (s *Store) DestroyNode(ctx context.Context, name string) (*Commit, error) {
	d := s.dialect
	var node naming.Node
	found := false
	err := s.query(ctx, s.read, "node", "SELECT "+nodeColumns+" FROM t_node_info t WHERE "+d.key("t.node_name")+" = ?",
		[]any{trimmed(name)}, func(row *scanner) { node, found = scanNode(row), true })
	if err != nil || !found || podNode(&node) {
		return &Commit{}, wrap("destroy node "+name, err)
	}
	var keys []naming.Key
	query := "SELECT application, server_name, node_name FROM t_server_conf WHERE present_state <> 'inactive' AND " + d.key("node_name") + " = ?"
	err = s.query(ctx, s.read, "node_servers", query, []any{trimmed(name)}, func(row *scanner) { keys = append(keys, scanKey(row)) })
	if err != nil {
		return nil, fmt.Errorf("destroy node %s: %w", name, err)
	}
	commit, err := s.Update(ctx, Scope{Keys: keys}, func(tx *Tx) error {
		query := "UPDATE t_node_info SET present_state = 'inactive', modify_time = " + d.wall + " WHERE " + d.key("node_name") + " = ?"
		if _, err := s.exec(tx.ctx, tx.tx, "node_end", query, trimmed(name)); err != nil {
			return tx.failed(err)
		}
		tx.wrote = true
		tx.endUnleased(keys, "tarsnode said good-bye")
		return nil
	})
	return commit, wrap("destroy node "+name, err)
}

// NodeTemplate is the name of a node's template, "" where it has none.
func (s *Store) NodeTemplate(ctx context.Context, node string) (template string, err error) {
	query := "SELECT template_name FROM t_node_info WHERE " + s.dialect.key("node_name") + " = ?"
	err = s.query(ctx, s.read, "node_template", query, []any{trimmed(node)}, func(row *scanner) { template = row.text() })
	return template, wrap("read the template of node "+node, err)
}

// Template is a row of t_profile_template.
type Template struct {
	Name, Parent, Profile string
}

// maxTemplates bounds how far a template's ancestors are followed.
const maxTemplates = 64

// Templates reads a template and all it inherits from, the template first; a loop
// is cut. None: the template does not exist.
func (s *Store) Templates(ctx context.Context, name string) ([]Template, error) {
	var chain []Template
	seen := map[string]bool{"": true}
	query := "SELECT template_name, parents_name, profile FROM t_profile_template WHERE " + s.dialect.key("template_name") + " = ?"
	for next := name; !seen[naming.Fold(next)] && len(chain) < maxTemplates; {
		seen[naming.Fold(next)] = true
		before := len(chain)
		err := s.query(ctx, s.read, "template", query, []any{trimmed(next)}, func(row *scanner) {
			chain = append(chain, Template{row.text(), row.text(), row.text()})
		})
		if err != nil {
			return nil, fmt.Errorf("read template %s: %w", next, err)
		}
		if len(chain) == before {
			break
		}
		next = chain[before].Parent
	}
	return chain, nil
}

// ServerState is what tarsnode reports of a server.
type ServerState struct {
	naming.Key
	Present   naming.State
	Setting   naming.State // "": not told
	ProcessID int32
}

// ReportServers writes states and process ids that tarsnode reports, where they
// differ. Servers that are not there, or are held by a pod's lease, are passed over.
func (s *Store) ReportServers(ctx context.Context, states []ServerState, actor string) (*Commit, error) {
	var scope Scope
	for _, state := range states {
		scope.Keys = append(scope.Keys, state.Key)
	}
	commit, err := s.Update(ctx, scope, func(tx *Tx) error {
		for _, state := range states {
			tx.reportServer(state, actor)
		}
		return nil
	})
	return commit, wrap("report the states of servers", err)
}

func (t *Tx) reportServer(state ServerState, actor string) {
	instance := t.Instance(state.Key).Clone()
	server := instance.Server
	if server == nil || instance.Live() {
		return
	}
	before := *server
	server.PresentState, server.ProcessID = state.Present, state.ProcessID
	if state.Setting != "" {
		server.SettingState = state.Setting
	}
	if *server == before {
		return
	}
	t.Put(instance, naming.Event{
		Kind: naming.EventState, State: state.Present, Actor: actor,
		Reason: fmt.Sprintf("tarsnode: process %d", state.ProcessID),
	})
}

// ReportVersion writes t_server_conf.tars_version.
func (s *Store) ReportVersion(ctx context.Context, key naming.Key, version string) error {
	return s.changeServer(ctx, "report_version", key, []assignment{{"tars_version", version}})
}

// ReportPatch writes patch_version, patch_user and patch_time.
func (s *Store) ReportPatch(ctx context.Context, key naming.Key, version, user string) error {
	return s.changeServer(ctx, "report_patch", key, []assignment{
		{"patch_version", version}, {"patch_user", user}, {"patch_time", expression(s.dialect.wall)},
	})
}

func (s *Store) changeServer(ctx context.Context, name string, key naming.Key, set []assignment) error {
	d := s.dialect
	group := changeGroup{set: append(set, assignment{"registry_timestamp", expression(d.wall)})}
	clause, args := group.setClause()
	query := "UPDATE t_server_conf SET " + clause + " WHERE " + d.key("application") + " = ? AND " + d.key("server_name") +
		" = ? AND " + d.key("node_name") + " = ?"
	_, err := s.change(ctx, name, query, append(args, trimmed(key.Application), trimmed(key.Server), trimmed(key.Node))...)
	return wrap(name+" "+key.String(), err)
}
