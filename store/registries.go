package store

import (
	"context"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// BeatRegistry writes this replica's rows of t_registry_info with a new
// heartbeat (R28). Of entries Locator, Servant, Endpoint and Version count.
func (s *Store) BeatRegistry(ctx context.Context, entries []naming.RegistryEntry, state naming.State) error {
	return errNotYet
}

// Registries reads t_registry_info.
func (s *Store) Registries(ctx context.Context) ([]naming.RegistryEntry, error) {
	return nil, errNotYet
}

// EndRegistries marks entries of dead replicas inactive, each only where its
// heartbeat is still the one that was read.
func (s *Store) EndRegistries(ctx context.Context, entries []naming.RegistryEntry) (ended int64, err error) {
	return 0, errNotYet
}
