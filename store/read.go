package store

import (
	"context"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Snapshot is everything that look-ups need, read in one consistent view.
type Snapshot struct {
	// Instances are all server rows with their adapters and leases, leases
	// without a server row (Server nil), and adapters without either. Leases come
	// without their Registration.
	Instances  []*naming.Instance
	Nodes      []naming.Node
	Rules      []naming.GroupRule
	Priorities []naming.GroupPriority
	Registries []naming.RegistryEntry
	Tombstones []naming.Tombstone
	// Clock and Server are as in Sweep: the moment of the view.
	Clock  time.Duration
	Server string
}

// LoadAll reads the whole picture in one consistent view, after all commits that
// the cluster has acknowledged (Galera: wsrep_sync_wait).
func (s *Store) LoadAll(ctx context.Context) (*Snapshot, error) { return nil, errNotYet }

// Part is some instances as they stand, with the tombstones they left.
type Part struct {
	Instances  []*naming.Instance // as many as were asked for; without rows all parts are nil
	Tombstones []naming.Tombstone
}

// LoadInstances reads instances by key, leases without their Registration.
func (s *Store) LoadInstances(ctx context.Context, keys []naming.Key) (*Part, error) {
	return nil, errNotYet
}

// LoadWhole reads one instance with the registration that its lease keeps, for
// an operator.
func (s *Store) LoadWhole(ctx context.Context, key naming.Key) (*naming.Instance, error) {
	return nil, errNotYet
}

// Stamp is a row's id and the text of its registry_timestamp.
type Stamp struct {
	ID   int64
	Text string
	// Again says that the row was stamped within the last 5 s, or ahead of the
	// database's clock, by the database's reckoning: a further change need not
	// show in a stamp of whole seconds (R23).
	Again bool
}

// Stamps is what a comparison reads of t_server_conf and t_adapter_conf (R23).
type Stamps struct {
	Servers  []Stamp // by id
	Adapters []Stamp // by id
	Clock    time.Duration
	Server   string
}

// Stamps reads (id, registry_timestamp) of both tables from their indexes.
func (s *Store) Stamps(ctx context.Context) (*Stamps, error) { return nil, errNotYet }

// LoadByIDs reads the instances that rows of the two tables belong to.
func (s *Store) LoadByIDs(ctx context.Context, servers, adapters []int64) (*Part, error) {
	return nil, errNotYet
}

// Small are the small tables, which are read whole.
type Small struct {
	Nodes      []naming.Node
	Rules      []naming.GroupRule
	Priorities []naming.GroupPriority
	Registries []naming.RegistryEntry
}

// SmallTables reads them.
func (s *Store) SmallTables(ctx context.Context) (*Small, error) { return nil, errNotYet }
