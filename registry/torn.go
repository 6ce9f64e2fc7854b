package registry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// tornPage is how many registrations are read at a time, and tornRetry how long
// after a failure they are read again.
const (
	tornPage  = 1000
	tornRetry = 5 * time.Second
)

// findTorn finds, once, live instances some of whose adapters were deleted while no
// replica was there to see it, so that their next heartbeat brings these back (R13).
// Only the registrations that the leases keep tell it, which nobody needs to answer
// from: they are read beside the work, page by page.
func (r *Registry) findTorn(ctx context.Context) {
	for after := int64(0); ; {
		page, err := r.store.LiveRegistrations(ctx, after, tornPage)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			if !errors.Is(err, store.ErrUnavailable) {
				r.logger.Warn("cannot look for deleted adapters", slog.Any("error", err))
			}
			select {
			case <-time.After(tornRetry):
			case <-ctx.Done():
			}
			continue
		}
		if len(page) == 0 {
			return
		}
		r.tear(page)
		after = page[len(page)-1].LeaseID
	}
}

// tear marks those of a page that lack adapters. Who has registered meanwhile may be
// marked in error: its next heartbeat asks the database, and that is all.
func (r *Registry) tear(page []store.LeaseRegistration) {
	var torn []naming.Key
	for _, lease := range page {
		known := r.roster.Get(lease.Key)
		if known != nil && known.Live() && lease.Registration != nil && lacks(known.Adapters, lease.Registration.Adapters) {
			torn = append(torn, known.Key)
		}
	}
	if len(torn) > 0 {
		r.roster.Tear(torn)
	}
}

// lacks says that an adapter of those registered is not there by its name (R11).
func lacks(there, registered []naming.Adapter) bool {
	return slices.ContainsFunc(registered, func(wanted naming.Adapter) bool {
		name := naming.Fold(wanted.Name)
		return !slices.ContainsFunc(there, func(a naming.Adapter) bool { return naming.Fold(a.Name) == name })
	})
}
