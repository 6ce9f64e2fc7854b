package store

import (
	"context"
	"fmt"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// UnleasedPods gives the instances with a server row that is not inactive, on
// nodes whose node_obj has port 0, that have no lease that still stands (R2). The
// server row's stamp is with them, to be compared for change.
func (s *Store) UnleasedPods(ctx context.Context) ([]*naming.Instance, error) {
	d := s.dialect
	var keys []naming.Key
	query := "SELECT t.application, t.server_name, t.node_name FROM t_server_conf t" +
		" JOIN t_node_info n ON " + d.sameTars("n.node_name", "t.node_name") + d.leaseOf() + " AND l.state IN ('live','expired')" +
		" WHERE t.present_state <> 'inactive' AND l.id IS NULL AND " + d.podNode
	err := s.query(ctx, s.read, "unleased_pods", query, nil, func(row *scanner) { keys = append(keys, scanKey(row)) })
	if err != nil {
		return nil, fmt.Errorf("read pods without a lease: %w", err)
	}
	part, err := s.LoadInstances(ctx, keys)
	if err != nil {
		return nil, err
	}
	return part.Instances, nil
}

// SilentNode is a node with tarsnode whose heartbeats have stopped.
type SilentNode struct {
	Node    naming.Node
	Age     time.Duration // of its last heartbeat, by the database's clock
	Servers []naming.Key  // rows there that are not inactive
}

// SilentNodes gives active nodes with tarsnode without a heartbeat for longer than
// timeout (naming.NodeTimeout).
func (s *Store) SilentNodes(ctx context.Context, timeout time.Duration) ([]SilentNode, error) {
	d := s.dialect
	var silent []SilentNode
	at := map[string]int{}
	query := "SELECT " + nodeColumns + ", " + d.wallAge("t.last_heartbeat") + " FROM t_node_info t WHERE t.present_state = 'active'" +
		" AND NOT " + d.podNode + " AND (t.last_heartbeat IS NULL OR t.last_heartbeat < " + d.wallAgo(timeout) + ") ORDER BY t.node_name"
	err := s.query(ctx, s.read, "silent_nodes", query, nil, func(row *scanner) {
		node := scanNode(row)
		at[naming.Fold(node.Name)] = len(silent)
		silent = append(silent, SilentNode{Node: node, Age: row.micros()})
	})
	if err != nil || len(silent) == 0 {
		return nil, wrap("read silent nodes", err)
	}
	names := make([]string, len(silent))
	for i := range silent {
		names[i] = silent[i].Node.Name
	}
	these, args := d.in("node_name", allTrimmed(names))
	query = "SELECT application, server_name, node_name FROM t_server_conf WHERE present_state <> 'inactive' AND " + these
	err = s.query(ctx, s.read, "silent_servers", query, args, func(row *scanner) {
		key := scanKey(row)
		node := &silent[at[naming.Fold(key.Node)]]
		node.Servers = append(node.Servers, key)
	})
	return silent, wrap("read the servers of silent nodes", err)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// ExpireNode makes a silent node, and the servers there without a lease,
// inactive, where its heartbeat is still the one that was read.
func (s *Store) ExpireNode(ctx context.Context, silent SilentNode, reason string) (*Commit, error) {
	commit, err := s.Update(ctx, Scope{Keys: silent.Servers}, func(tx *Tx) error {
		still, err := tx.endNode(silent.Node.Name, silent.Node.Heartbeat)
		if err != nil || !still {
			return err
		}
		tx.endUnleased(silent.Servers, reason)
		return nil
	})
	return commit, wrap("expire node "+silent.Node.Name, err)
}

// endNode makes a node inactive whose heartbeat is still as it was read. The row
// is locked from then on: a heartbeat that comes now waits and makes it active.
func (t *Tx) endNode(name, heartbeat string) (still bool, err error) {
	d := t.store.dialect
	condition, args := "last_heartbeat = ?", []any{trimmed(name), heartbeat}
	if heartbeat == "" {
		condition, args = "last_heartbeat IS NULL", args[:1]
	}
	found, err := t.store.exec(t.ctx, t.tx, "node_end", "UPDATE t_node_info SET present_state = 'inactive', modify_time = "+d.wall+
		" WHERE "+d.key("node_name")+" = ? AND present_state = 'active' AND "+condition, args...)
	t.wrote = t.wrote || found > 0
	return found > 0, t.failed(err)
}

// endUnleased makes servers inactive that no pod's lease holds.
func (t *Tx) endUnleased(keys []naming.Key, reason string) {
	for _, key := range keys {
		instance := t.Instance(key).Clone()
		if instance.Server == nil || instance.Server.PresentState == naming.Inactive || instance.Live() {
			continue
		}
		instance.Server.PresentState = naming.Inactive
		t.Put(instance, naming.Event{Kind: naming.EventExpired, State: naming.Inactive, Reason: reason, Actor: "sweep"})
	}
}
