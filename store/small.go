package store

import (
	"context"
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Small are the small tables, which are read whole.
type Small struct {
	Rules      []naming.GroupRule     // by id
	Priorities []naming.GroupPriority // by list_order, then id
	Registries []naming.RegistryEntry
}

// SmallTables reads them.
func (s *Store) SmallTables(ctx context.Context) (*Small, error) {
	small := &Small{}
	err := s.bounded(ctx, s.config.StatementTimeout, func(ctx context.Context) error {
		return s.readSmall(ctx, s.read, small)
	})
	if err != nil {
		return nil, fmt.Errorf("read the small tables: %w", err)
	}
	return small, nil
}

func (s *Store) readSmall(ctx context.Context, on runner, small *Small) error {
	err := s.each(ctx, on, "read_rules", "SELECT group_id, group_name, allow_ip_rule FROM t_server_group_rule ORDER BY group_id", nil,
		func(row *scanner) {
			small.Rules = append(small.Rules, naming.GroupRule{ID: row.int32(), Name: row.text(), AllowRule: row.text()})
		})
	if err != nil {
		return err
	}
	err = s.each(ctx, on, "read_priorities", "SELECT id, group_list, list_order, station, name FROM t_group_priority ORDER BY list_order, id", nil,
		func(row *scanner) {
			small.Priorities = append(small.Priorities, naming.GroupPriority{
				ID: row.int32(), Groups: row.text(), Order: row.int32(), Station: row.text(), GroupName: row.text(),
			})
		})
	if err != nil {
		return err
	}
	small.Registries, err = s.readRegistries(ctx, on)
	return err
}

// NodeSum tells sets of rows of t_node_info apart without reading them: each row
// has an id that no other one ever had.
type NodeSum struct{ Rows, IDs int64 }

// NodeNames reads which nodes have a row, unless the rows are those of the sum
// known (nil: none is). It gives the sum that belongs to the names, or to rows that
// were there shortly before.
func (s *Store) NodeNames(ctx context.Context, known *NodeSum) (names []string, sum NodeSum, err error) {
	err = s.bounded(ctx, s.config.StatementTimeout, func(ctx context.Context) error {
		names = nil
		var err error
		if sum, err = s.sumNodes(ctx, s.read); err != nil || known != nil && *known == sum {
			return err
		}
		names, err = s.readNodeNames(ctx, s.read)
		return err
	})
	if err != nil {
		return nil, sum, fmt.Errorf("read the nodes: %w", err)
	}
	return names, sum, nil
}

func (s *Store) sumNodes(ctx context.Context, on runner) (sum NodeSum, err error) {
	err = s.each(ctx, on, "node_sum", "SELECT COUNT(*), SUM(id) FROM t_node_info", nil, func(row *scanner) {
		sum = NodeSum{Rows: row.int(), IDs: row.int()}
	})
	return sum, err
}

func (s *Store) readNodeNames(ctx context.Context, on runner) (names []string, err error) {
	err = s.each(ctx, on, "read_nodes", "SELECT node_name FROM t_node_info", nil, func(row *scanner) {
		names = append(names, row.text())
	})
	return names, err
}
