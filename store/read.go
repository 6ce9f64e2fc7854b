package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Snapshot is everything that look-ups need, read in one consistent view.
type Snapshot struct {
	// Instances are all server rows with their adapters and leases, leases
	// without a server row (Server nil), and adapters without either. Leases come
	// without their Registration.
	Instances  []*naming.Instance
	Rules      []naming.GroupRule
	Priorities []naming.GroupPriority
	Registries []naming.RegistryEntry
	Tombstones []naming.Tombstone
	// Stamps are those of all server and adapter rows. Their Clock and Server are
	// those of the view.
	Stamps *Stamps
}

// LoadAll reads the whole picture in one consistent view, after all commits that
// the cluster has acknowledged (Galera: wsrep_sync_wait). It looks at the tables
// themselves again too.
func (s *Store) LoadAll(ctx context.Context) (*Snapshot, error) {
	var snapshot *Snapshot
	err := s.bounded(ctx, longStatements*s.config.StatementTimeout, func(ctx context.Context) error {
		s.schema.Store(nil)
		return s.withSchema(ctx, func(tables *schema) error {
			return s.consistently(ctx, tables, true, func(tx *sqlx.Tx) (err error) {
				snapshot, err = s.readAll(ctx, tx, tables)
				return err
			})
		})
	})
	if err != nil {
		return nil, fmt.Errorf("load all: %w", err)
	}
	return snapshot, nil
}

// consistently runs reads in one view of the database. synced makes a Galera node
// first apply what the others have acknowledged.
func (s *Store) consistently(ctx context.Context, tables *schema, synced bool, work func(*sqlx.Tx) error) error {
	var prepare []string
	if synced && tables.galera {
		prepare = append(prepare, "SET SESSION wsrep_sync_wait = 1")
	}
	options := &sql.TxOptions{Isolation: s.dialect.view(), ReadOnly: !s.dialect.sqlite()}
	_, tx, err := s.begin(ctx, s.read, options, limits{}, prepare...)
	if err != nil {
		return err
	}
	if len(prepare) > 0 {
		tx.after = func() error {
			if _, err := tx.conn.ExecContext(ctx, "SET SESSION wsrep_sync_wait = DEFAULT"); err != nil {
				return fmt.Errorf("take wsrep_sync_wait back: %w", err)
			}
			return nil
		}
	}
	defer tx.end()
	if err := work(tx.Tx); err != nil {
		return err
	}
	return tx.commit()
}

func (s *Store) readAll(ctx context.Context, tx runner, tables *schema) (*Snapshot, error) {
	snapshot := &Snapshot{Stamps: &Stamps{}}
	a := newAssembly()
	a.stamps = snapshot.Stamps
	small := &Small{}
	var youngServers, youngAdapters []int64
	for _, read := range []func() error{
		func() (err error) { a.stamps.Clock, a.stamps.Server, err = s.readClock(ctx, tx); return err },
		// Now, not after the rows: by then what is young might have settled.
		func() (err error) { youngServers, err = s.youngStamps(ctx, tx, "t_server_conf"); return err },
		func() (err error) { youngAdapters, err = s.youngStamps(ctx, tx, "t_adapter_conf"); return err },
		func() error { return s.makeRoom(ctx, tx, a) },
		func() error { return s.readServers(ctx, tx, tables, "", nil, a) },
		func() error { return s.readAdapters(ctx, tx, "", nil, a) },
		func() error { return s.readLeases(ctx, tx, "", nil, a) },
		func() error { return s.readSmall(ctx, tx, small) },
		func() error {
			return s.liveTombstones(ctx, tx, "", nil, func(t naming.Tombstone) {
				snapshot.Tombstones = append(snapshot.Tombstones, t)
			})
		},
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	markAgain(inOrder(a.stamps.Servers), youngServers)
	markAgain(inOrder(a.stamps.Adapters), youngAdapters)
	snapshot.Instances = a.finish()
	snapshot.Rules = small.Rules
	snapshot.Priorities, snapshot.Registries = small.Priorities, small.Registries
	return snapshot, nil
}

// assembly puts rows of the three tables together to instances.
type assembly struct {
	byKey  map[string]int // index in order, by scanner.foldedKey
	order  []*naming.Instance
	at     int     // the index of the one that the table's last row named
	stamps *Stamps // of all rows; nil: not wanted
}

func newAssembly() *assembly { return &assembly{byKey: map[string]int{}} }

// makeRoom prepares for the whole of the tables: a map that has to grow is made
// many times over. Nearly all instances have a server row.
func (s *Store) makeRoom(ctx context.Context, tx runner, a *assembly) error {
	return s.each(ctx, tx, "count_servers", "SELECT COUNT(*) FROM t_server_conf", nil, func(row *scanner) {
		count := row.int()
		a.byKey = make(map[string]int, count)
		a.order = make([]*naming.Instance, 0, count)
		a.stamps.Servers = make([]Stamp, 0, count)
		a.stamps.Adapters = make([]Stamp, 0, count) // at least, mostly
	})
}

// instance is the one that the next three columns of a row name; they are passed.
// known says that a row named it before.
func (a *assembly) instance(row *scanner) (instance *naming.Instance, known bool) {
	if a.follows(row) {
		row.skip(keyWidth)
		return a.order[a.at], true
	}
	folded := row.foldedKey()
	if a.at, known = a.byKey[string(folded)]; known {
		row.skip(keyWidth)
		return a.order[a.at], true
	}
	a.add(string(folded), scanKey(row))
	return a.order[a.at], false
}

// follows finds a row's instance without a search: the tables are written together,
// so that their rows, which come by id, mostly have the same order.
func (a *assembly) follows(row *scanner) bool {
	for at := a.at; at < min(a.at+2, len(a.order)); at++ {
		if row.spellsKey(a.order[at].Key) {
			a.at = at
			return true
		}
	}
	return false
}

func (a *assembly) add(folded string, key naming.Key) {
	a.at = len(a.order)
	a.byKey[folded] = a.at
	a.order = append(a.order, &naming.Instance{Key: key})
}

// expect gives key an instance whether it has rows or not.
func (a *assembly) expect(key naming.Key) {
	folded := appendFolded(nil, key)
	if _, known := a.byKey[string(folded)]; !known {
		a.add(string(folded), key)
	}
}

func (a *assembly) finish() []*naming.Instance {
	for _, instance := range a.order {
		if len(instance.Adapters) > 1 {
			slices.SortFunc(instance.Adapters, func(x, y naming.Adapter) int { return strings.Compare(x.Name, y.Name) })
		}
	}
	return a.order
}

func (s *Store) readServers(ctx context.Context, on runner, tables *schema, condition string, args []any, a *assembly) error {
	query := "SELECT " + serverColumns(tables) + from("t_server_conf", condition)
	a.at = 0
	return s.each(ctx, on, "read_servers", query, args, func(row *scanner) {
		id := row.int()
		instance, known := a.instance(row)
		if known {
			row.at -= keyWidth // the server row's spelling is the instance's
			instance.Key = scanKey(row)
		}
		instance.Server = scanServerRest(row, id)
		if a.stamps != nil {
			a.stamps.Servers = append(a.stamps.Servers, Stamp{ID: id, Text: instance.Server.Stamp})
		}
	})
}

func (s *Store) readAdapters(ctx context.Context, on runner, condition string, args []any, a *assembly) error {
	query := "SELECT " + adapterColumns + from("t_adapter_conf", condition)
	a.at = 0
	return s.each(ctx, on, "read_adapters", query, args, func(row *scanner) {
		id := row.int()
		instance, _ := a.instance(row)
		adapter := scanAdapterRest(row, id)
		instance.Adapters = append(instance.Adapters, adapter)
		if a.stamps != nil {
			a.stamps.Adapters = append(a.stamps.Adapters, Stamp{ID: id, Text: adapter.Stamp})
		}
	})
}

func (s *Store) readLeases(ctx context.Context, on runner, condition string, args []any, a *assembly) error {
	query := "SELECT " + s.dialect.leaseColumns() + from("t_registry_lease", condition)
	a.at = 0
	return s.each(ctx, on, "read_leases", query, args, func(row *scanner) {
		id := row.int()
		instance, _ := a.instance(row)
		instance.Lease = scanLeaseRest(row, id)
	})
}

// from is a whole table where there is no condition.
func from(table, condition string) string {
	if condition == "" {
		return " FROM " + table + " t"
	}
	return condition
}

// liveTombstones reads those that are not past their time.
func (s *Store) liveTombstones(ctx context.Context, on runner, condition string, args []any, visit func(naming.Tombstone)) error {
	if s.config.Tombstone <= 0 {
		return nil
	}
	where := "WHERE t.created >= " + s.dialect.ago(s.config.Tombstone)
	if condition != "" {
		where += " AND (" + condition + ")"
	}
	return s.readTombstones(ctx, on, where, args, visit)
}

// Part is some instances as they stand, with the tombstones they left.
type Part struct {
	Instances  []*naming.Instance // as many as were asked for; without rows all parts are nil
	Tombstones []naming.Tombstone
}

// LoadInstances reads instances by key, leases without their Registration, in one
// consistent view.
func (s *Store) LoadInstances(ctx context.Context, keys []naming.Key) (*Part, error) {
	if len(keys) == 0 {
		return &Part{}, nil
	}
	var part *Part
	err := s.bounded(ctx, longStatements*s.config.StatementTimeout, func(ctx context.Context) error {
		return s.withSchema(ctx, func(tables *schema) error {
			part = &Part{}
			return s.consistently(ctx, tables, false, func(tx *sqlx.Tx) error {
				return s.readPart(ctx, tx, tables, keys, part)
			})
		})
	})
	if err != nil {
		return nil, fmt.Errorf("load instances: %w", err)
	}
	return part, nil
}

func (s *Store) readPart(ctx context.Context, tx runner, tables *schema, keys []naming.Key, part *Part) error {
	d := s.dialect
	a := newAssembly()
	for _, key := range keys {
		a.expect(key)
	}
	for chunk := range slices.Chunk(keys, keyChunk) {
		values := keyValues(chunk)
		matching, args := d.matching("t_registry_lease", "instance", keyColumns(), values)
		if err := s.readLeases(ctx, tx, matching, args, a); err != nil {
			return err
		}
		matching, args = d.matching("t_server_conf", "", keyColumns(), values)
		if err := s.readServers(ctx, tx, tables, matching, args, a); err != nil {
			return err
		}
		matching, args = d.matching("t_adapter_conf", "", keyColumns(), values)
		if err := s.readAdapters(ctx, tx, matching, args, a); err != nil {
			return err
		}
		these, args := d.anyKey(values)
		err := s.liveTombstones(ctx, tx, these, args, func(t naming.Tombstone) {
			part.Tombstones = append(part.Tombstones, t)
		})
		if err != nil {
			return err
		}
	}
	part.Instances = a.finish()
	return nil
}

// LoadWhole reads one instance with the registration that its lease keeps, for
// an operator.
func (s *Store) LoadWhole(ctx context.Context, key naming.Key) (*naming.Instance, error) {
	part, err := s.LoadInstances(ctx, []naming.Key{key})
	if err != nil {
		return nil, err
	}
	instance := part.Instances[0]
	if instance.Lease == nil {
		return instance, nil
	}
	err = s.query(ctx, s.read, "registration", "SELECT registration FROM t_registry_lease WHERE id = ?", []any{instance.Lease.ID},
		func(row *scanner) { instance.Lease.Registration = decodeRegistration(row.text()) })
	return instance, err
}

// LoadByIDs reads the instances that rows of the two tables belong to. Ids that
// are no more have none.
func (s *Store) LoadByIDs(ctx context.Context, servers, adapters []int64) (*Part, error) {
	seen := map[naming.Key]bool{}
	var keys []naming.Key
	err := s.bounded(ctx, longStatements*s.config.StatementTimeout, func(ctx context.Context) error {
		for _, source := range []struct {
			table string
			ids   []int64
		}{{"t_server_conf", servers}, {"t_adapter_conf", adapters}} {
			query := "SELECT t.application, t.server_name, t.node_name FROM " + source.table + " t"
			err := s.byIDs(ctx, "keys_by_id", query, source.ids, func(row *scanner) {
				if key := scanKey(row); !seen[key.Fold()] {
					seen[key.Fold()] = true
					keys = append(keys, key)
				}
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load instances by id: %w", err)
	}
	return s.LoadInstances(ctx, keys)
}
