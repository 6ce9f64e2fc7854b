package supervisor

import "time"

// plan is how the time for leaving is divided.
type plan struct {
	// drainUntil ends the wait for clients.
	drainUntil time.Time
	// end is when everything must be over: what still runs is killed.
	end time.Time
}

// Parts of the time for leaving.
const (
	forRegistry = 1500 * time.Millisecond // the removal, before and after it
	forServer   = 5 * time.Second         // the server's own shutdown
	forKernel   = time.Second             // killing and exiting
	// longestStop bounds the server's shutdown where there is time left over:
	// up to half of it is used.
	longestStop = 10 * time.Second
)

// newPlan divides the time from start on. With a grace period all of it must
// fit, and the wait for clients is cut; the shares shrink with very short
// periods. Without one the wait is as long as it was told: a SIGKILL in between
// does no harm, because the registry was told first.
func newPlan(start time.Time, wait, grace time.Duration) plan {
	if grace <= 0 {
		until := start.Add(wait)
		return plan{drainUntil: until, end: until.Add(forRegistry + forServer)}
	}
	kernel, server, registry := min(forKernel, grace/10), min(forServer, grace/3), min(forRegistry, grace/10)
	return plan{
		drainUntil: start.Add(min(wait, grace-kernel-server-registry)),
		end:        start.Add(grace - kernel),
	}
}
