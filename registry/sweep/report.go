package sweep

import (
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Report is what one sweep did, or with dryRun would have done.
type Report struct {
	DryRun bool
	// Skipped says why nothing could expire in this round, "" when it could.
	Skipped string
	Overdue int // leases that have run out by the database's clock
	// Waiting counts those of them that do not meet the conditions of R18 yet.
	Waiting int
	Expired []Expiry
	// Held are those that protection keeps from expiring (R20).
	Held   []naming.Key
	Failed int // changes that failed; they are tried again
}

// Expiry is an instance or a node that has expired. A node has neither
// application nor server.
type Expiry struct {
	Key    naming.Key
	Silent time.Duration // since its last heartbeat
	Reason string
}

// Stats are a sweeper's figures since its start, for metrics and the API.
type Stats struct {
	Sweeping bool   // this replica has the sweep lease
	Holder   string // who has it
	Sweeps   uint64
	Skipped  uint64
	Expired  uint64
	Overdue  int // in the last sweep
	Held     int
}
