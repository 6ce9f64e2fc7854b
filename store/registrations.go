package store

import (
	"context"
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// LeaseRegistration is what a lease keeps of its registration. Without one that
// can be read Registration is nil.
type LeaseRegistration struct {
	LeaseID      int64
	Key          naming.Key
	Registration *naming.Registration
}

// LiveRegistrations reads the registrations of live leases beyond an id, limit at
// most, in id order.
func (s *Store) LiveRegistrations(ctx context.Context, after int64, limit int) ([]LeaseRegistration, error) {
	var page []LeaseRegistration
	query := "SELECT application, server_name, node_name, id, registration FROM t_registry_lease" +
		" WHERE state = 'live' AND id > ? ORDER BY id LIMIT ?"
	err := s.query(ctx, s.read, "registrations", query, []any{after, limit}, func(row *scanner) {
		page = append(page, LeaseRegistration{
			Key: scanKey(row), LeaseID: row.int(), Registration: decodeRegistration(row.text()),
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read registrations: %w", err)
	}
	return page, nil
}
