package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/commit"
	"github.com/tarsregistry/tarsregistry/registry/heartbeat"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// writeThrough writes a heartbeat that was answered from memory and then met a
// lease which had changed (R19): what is expired or cleaned comes back; of a live
// lease only the heartbeat counts, unless its report is the later one (R8).
func (r *Registry) writeThrough(ctx context.Context, beat heartbeat.Unexpected) error {
	caller := transition.Caller{
		Identity: naming.Identity{UID: beat.UID}, Sequence: beat.Sequence,
		Age: time.Since(beat.Arrived), Actor: "heartbeat",
	}
	var found *naming.Instance
	var outcome transition.Outcome
	err := r.committer.Do(ctx, commit.Op{
		Scope: store.Scope{Keys: []naming.Key{beat.Key}},
		Run: func(tx *store.Tx) error {
			found, outcome = tx.Instance(beat.Key), transition.Outcome{}
			if lease := found.Lease; lease == nil || reports(lease, beat) {
				outcome = r.rules.Report(tx, beat.Key, beat.State, caller)
			}
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("write the heartbeat of %s: %w", beat.Key, err)
	}
	if outcome.Changed {
		return nil // the heartbeat was written with the change, which is published
	}
	r.roster.Committed([]*naming.Instance{found}, nil)
	if lease := found.Lease; lease == nil || lease.State != naming.LeaseLive || lease.Identity.UID != beat.UID {
		return nil
	}
	_, err = r.store.Flush(ctx, []store.Beat{{
		LeaseID: found.Lease.ID, Revision: found.Lease.Revision, Age: time.Since(beat.Arrived),
		Interval: beat.Interval, Told: beat.Told, Duration: beat.Duration,
	}})
	if err != nil {
		return fmt.Errorf("flush the heartbeat of %s: %w", beat.Key, err)
	}
	return nil
}

// reports says that the heartbeat changes more than the time of the lease.
func reports(lease *naming.Lease, beat heartbeat.Unexpected) bool {
	if lease.Identity.UID != beat.UID || lease.State == naming.LeaseLeft {
		return false
	}
	return lease.State != naming.LeaseLive || (beat.State != lease.Reported && later(lease, beat))
}

// later says that the heartbeat is a later report than the lease's: by their
// numbers, and of an old client, which has none, by when they arrived (R8). The
// lease was read a moment ago: in doubt it stays as it is.
func later(lease *naming.Lease, beat heartbeat.Unexpected) bool {
	if beat.Sequence != 0 || lease.Sequence != 0 {
		return beat.Sequence > lease.Sequence
	}
	return time.Since(beat.Arrived) < lease.HeartbeatAge
}
