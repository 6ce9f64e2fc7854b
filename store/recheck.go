package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// RowVisitor is told of rows as they stand. What it is given lasts. A reading that
// begins again tells of rows that it has told of before.
type RowVisitor struct {
	Server  func(naming.Key, *naming.Server)
	Adapter func(naming.Key, naming.Adapter)
}

// Rows reads rows of t_server_conf and t_adapter_conf by their ids; ids that are no
// more are passed over. To see that rows are as they are known costs a fraction of
// loading the instances that they belong to.
func (s *Store) Rows(ctx context.Context, servers, adapters []int64, visit RowVisitor) error {
	err := s.bounded(ctx, longStatements*s.config.StatementTimeout, func(ctx context.Context) error {
		return s.withSchema(ctx, func(tables *schema) error {
			err := s.byIDs(ctx, "servers_by_id", "SELECT "+serverColumns(tables)+" FROM t_server_conf t", servers, func(row *scanner) {
				id := row.int()
				visit.Server(scanKey(row), scanServerRest(row, id))
			})
			if err != nil {
				return err
			}
			return s.byIDs(ctx, "adapters_by_id", "SELECT "+adapterColumns+" FROM t_adapter_conf t", adapters, func(row *scanner) {
				visit.Adapter(scanAdapter(row))
			})
		})
	})
	if err != nil {
		return fmt.Errorf("read rows by their ids: %w", err)
	}
	return nil
}

// idChunk is how many ids one statement names. From 1,000 on MariaDB makes a table of
// them.
const idChunk = 900

// byIDs runs a query of a table t for these ids, many at a time.
func (s *Store) byIDs(ctx context.Context, name, query string, ids []int64, visit func(*scanner)) error {
	for chunk := range slices.Chunk(ids, idChunk) {
		if err := s.each(ctx, s.read, name, query+" WHERE t.id IN ("+idList(chunk)+")", nil, visit); err != nil {
			return err
		}
	}
	return nil
}
