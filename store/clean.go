package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Stale is what the clean job would remove.
type Stale struct {
	// Instances are pods' instances that have been inactive for too long, with
	// or without a lease.
	Instances []naming.Key
	// Nodes are pods' nodes without any instance.
	Nodes []string
}

// Cleanable lists what pods left behind longer than olderThan ago: instances
// whose lease expired, unleased inactive ones on nodes without tarsnode that are
// silent for so long, adapters without a server row there, and nodes without a server row and a lease that
// stands. Never anything of a machine with tarsnode. limit bounds each list; 0: no
// bound.
func (s *Store) Cleanable(ctx context.Context, olderThan time.Duration, limit int) (*Stale, error) {
	c := cleaning{store: s, olderThan: olderThan, limit: limit, seen: map[naming.Key]bool{}, stale: &Stale{}}
	err := s.bounded(ctx, longStatements*s.config.StatementTimeout, func(ctx context.Context) error {
		tables, err := s.tables(ctx)
		if err != nil {
			return err
		}
		return s.consistently(ctx, tables, true, func(tx *sqlx.Tx) error {
			for _, list := range []func(context.Context, runner) error{c.expired, c.unleased, c.adapters, c.nodes} {
				if err := list(ctx, tx); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list what can be cleaned: %w", err)
	}
	return c.stale, nil
}

type cleaning struct {
	store     *Store
	olderThan time.Duration
	limit     int
	seen      map[naming.Key]bool
	stale     *Stale
}

func (c *cleaning) keys(ctx context.Context, on runner, name, query string) error {
	return c.store.each(ctx, on, name, query+c.bound(), nil, func(row *scanner) {
		key := scanKey(row)
		if full := c.limit > 0 && len(c.stale.Instances) >= c.limit; full || c.seen[key.Fold()] {
			return
		}
		c.seen[key.Fold()] = true
		c.stale.Instances = append(c.stale.Instances, key)
	})
}

func (c *cleaning) bound() string {
	if c.limit <= 0 {
		return ""
	}
	return fmt.Sprintf(" LIMIT %d", c.limit)
}

// expired are instances whose lease ran out long ago.
func (c *cleaning) expired(ctx context.Context, on runner) error {
	return c.keys(ctx, on, "clean_expired", "SELECT application, server_name, node_name FROM t_registry_lease"+
		" WHERE state = 'expired' AND state_since < "+c.store.dialect.ago(c.olderThan)+" ORDER BY id")
}

// abandoned is the condition that a node n is a pod's and has not been heard of
// for long. Its present_state is not asked for: nobody makes a node inactive whose
// pod was never seen by a registry with leases.
func (c *cleaning) abandoned() string {
	d := c.store.dialect
	return "(n.last_heartbeat IS NULL OR n.last_heartbeat < " + d.wallAgo(c.olderThan) + ") AND " + d.podNode
}

// unleased are rows of the time before leases, and rows whose lease has ended
// although they are still there.
func (c *cleaning) unleased(ctx context.Context, on runner) error {
	d := c.store.dialect
	return c.keys(ctx, on, "clean_unleased", "SELECT t.application, t.server_name, t.node_name FROM t_server_conf t"+
		" JOIN t_node_info n ON "+d.sameTars("n.node_name", "t.node_name")+d.leaseOf()+" AND l.state IN ('live','expired')"+
		" WHERE l.id IS NULL AND t.present_state IN ('inactive','destroyed') AND "+c.abandoned()+" ORDER BY t.id")
}

// adapters are those without a server row.
func (c *cleaning) adapters(ctx context.Context, on runner) error {
	d := c.store.dialect
	return c.keys(ctx, on, "clean_adapters", "SELECT t.application, t.server_name, t.node_name FROM t_adapter_conf t"+
		" JOIN t_node_info n ON "+d.sameTars("n.node_name", "t.node_name")+
		" LEFT JOIN t_server_conf s ON "+d.sameTars("s.application", "t.application")+" AND "+
		d.sameTars("s.server_name", "t.server_name")+" AND "+d.sameTars("s.node_name", "t.node_name")+d.leaseOf()+" AND l.state IN ('live','expired')"+
		" WHERE s.id IS NULL AND l.id IS NULL AND "+c.abandoned()+" ORDER BY t.id")
}

// nodes are those on which nothing is any more, or will be once the instances of
// the list are gone.
func (c *cleaning) nodes(ctx context.Context, on runner) error {
	d := c.store.dialect
	remaining := map[string]int{}
	var candidates []string
	query := "SELECT n.node_name FROM t_node_info n WHERE " + c.abandoned() + " ORDER BY n.id"
	err := c.store.each(ctx, on, "clean_nodes", query, nil, func(row *scanner) { candidates = append(candidates, row.text()) })
	if err != nil || len(candidates) == 0 {
		return err
	}
	count := func(name, table, further string) error {
		query := "SELECT t.application, t.server_name, t.node_name FROM " + table + " t JOIN t_node_info n ON " +
			further + " WHERE " + c.abandoned()
		return c.store.each(ctx, on, name, query, nil, func(row *scanner) {
			if key := scanKey(row); !c.seen[key.Fold()] {
				remaining[naming.Fold(key.Node)]++
			}
		})
	}
	if err := count("clean_node_servers", "t_server_conf", d.sameTars("n.node_name", "t.node_name")); err != nil {
		return err
	}
	if err := count("clean_node_leases", "t_registry_lease", d.same("t.node_name", "n.node_name")+" AND t.state IN ('live','expired')"); err != nil {
		return err
	}
	for _, name := range candidates {
		if remaining[naming.Fold(name)] == 0 && (c.limit <= 0 || len(c.stale.Nodes) < c.limit) {
			c.stale.Nodes = append(c.stale.Nodes, name)
		}
	}
	return nil
}

// Retention says how long what is past is kept.
type Retention struct {
	Events time.Duration // t_registry_event (R22: 7 days)
	Leases time.Duration // leases that have left or were cleaned (R5: 7 days)
	Marks  time.Duration // flush marks of replicas that are no more
}

// Pruned counts the rows that Prune removed.
type Pruned struct {
	Events, Leases, Tombstones, Marks, Locks int64
}

// pruneChunk bounds the rows that one statement removes.
const pruneChunk = 1000

// Prune removes what is older than it is kept, and tombstones past their time, in
// chunks of a bounded number of rows. Replicas may do so at once.
func (s *Store) Prune(ctx context.Context, retention Retention) (Pruned, error) {
	var pruned Pruned
	d := s.dialect
	for _, part := range []struct {
		table, condition string
		count            *int64
	}{
		{"t_registry_event", "created < " + d.ago(retention.Events), &pruned.Events},
		{"t_registry_lease", "state IN ('left','cleaned') AND state_since < " + d.ago(retention.Leases), &pruned.Leases},
		{"t_registry_tombstone", "created < " + d.ago(s.config.Tombstone), &pruned.Tombstones},
		{"t_registry_lock", "held_until < " + d.ago(retention.Leases), &pruned.Locks},
	} {
		if err := s.prune(ctx, part.table, part.condition, part.count); err != nil {
			return pruned, fmt.Errorf("prune %s: %w", part.table, err)
		}
	}
	marks, err := s.change(ctx, "prune", "DELETE FROM t_registry_flush WHERE flushed_at < "+d.ago(retention.Marks))
	pruned.Marks = marks
	return pruned, wrap("prune t_registry_flush", err)
}

// prune looks first and deletes by id, so that nothing else is locked.
func (s *Store) prune(ctx context.Context, table, condition string, count *int64) error {
	for {
		var ids []int64
		query := fmt.Sprintf("SELECT id FROM %s WHERE %s ORDER BY id LIMIT %d", table, condition, pruneChunk)
		err := s.query(ctx, s.read, "prune_look", query, nil, func(row *scanner) { ids = append(ids, row.int()) })
		if err != nil || len(ids) == 0 {
			return err
		}
		found, err := s.change(ctx, "prune", "DELETE FROM "+table+" WHERE id IN ("+idList(ids)+") AND "+condition)
		if err != nil {
			return err
		}
		*count += found
		if len(ids) < pruneChunk || found == 0 { // none left, or another replica is at it
			return nil
		}
	}
}
