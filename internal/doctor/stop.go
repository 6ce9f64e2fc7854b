package doctor

import (
	"fmt"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/pod"
)

const (
	// reserved is what the supervisor keeps of the grace period: 5 s for the
	// server's own end, 2 s for telling the registry and for killing.
	reserved      = 7 * time.Second
	tarsRefresh   = 60 * time.Second // how often Tars clients refresh unless told otherwise
	usualGrace    = 30 * time.Second // Kubernetes' own
	refreshMargin = 2 * time.Second  // for the call that is under way
)

// stop does the arithmetic of the grace period: it has to hold the wait for
// clients and the server's end, and the wait the clients' refresh interval.
func (e *examination) stop(env *pod.Environment) {
	const subject = "grace period"
	needed := wholeTens(env.PrestopWait + reserved)
	if env.GracePeriod == 0 {
		text := fmt.Sprintf("TARS_GRACE_PERIOD is not set, so the wait for clients takes up to %s, whether or not Kubernetes gives that much (%s unless the manifest says otherwise)",
			short(env.PrestopWait), short(usualGrace))
		e.add(Warning, subject, text, fmt.Sprintf("give the pod terminationGracePeriodSeconds: %d and set TARS_GRACE_PERIOD to the same", int(needed.Seconds())))
		return
	}
	budget := env.GracePeriod - reserved
	if budget <= 0 {
		e.add(Problem, subject, fmt.Sprintf("%s leaves nothing for clients: %s of it are for the server's end and the registry", short(env.GracePeriod), short(reserved)),
			fmt.Sprintf("raise terminationGracePeriodSeconds and TARS_GRACE_PERIOD to %d", int(needed.Seconds())))
		return
	}
	wait := min(env.PrestopWait, budget)
	if env.PrestopWaitSet && env.PrestopWait > budget {
		e.add(Warning, subject, fmt.Sprintf("TARS_PRESTOP_WAITTIME, %s, does not fit into %s: the wait is cut to %s", short(env.PrestopWait), short(env.GracePeriod), short(wait)),
			fmt.Sprintf("raise terminationGracePeriodSeconds and TARS_GRACE_PERIOD to %d, or lower TARS_PRESTOP_WAITTIME", int(needed.Seconds())))
	}
	e.refresh(env, wait)
}

func (e *examination) refresh(env *pod.Environment, wait time.Duration) {
	const subject = "clients' refresh"
	own := pod.DefaultRefreshInterval
	if meta, _, err := pod.LoadMeta(env.Paths.Meta()); err == nil {
		own = meta.RefreshEndpointInterval.Duration()
	}
	if env.RefreshInterval > 0 {
		own = env.RefreshInterval
	}
	if wait < own+refreshMargin {
		e.add(Warning, subject, fmt.Sprintf("clients that refresh every %s, as this pod does, may go on calling longer than the wait of %s", short(own), short(wait)),
			fmt.Sprintf("set TARS_EP_UPTIME=10s in the callers' pods, or terminationGracePeriodSeconds and TARS_GRACE_PERIOD to %d here", int(wholeTens(own+refreshMargin+reserved).Seconds())))
		return
	}
	if wait < tarsRefresh+refreshMargin {
		e.add(Note, subject, fmt.Sprintf("a wait of %s is enough for clients that refresh every %s", short(wait), short(own)),
			fmt.Sprintf("where clients refresh every %s (Tars' own default), set terminationGracePeriodSeconds and TARS_GRACE_PERIOD to %d", short(tarsRefresh), int(wholeTens(tarsRefresh+refreshMargin+reserved).Seconds())))
		return
	}
	e.ok(subject, "a wait of %s is enough for clients that refresh every %s", short(wait), short(tarsRefresh))
}

// wholeTens rounds up to ten seconds.
func wholeTens(d time.Duration) time.Duration {
	const ten = 10 * time.Second
	return (d + ten - 1).Truncate(ten)
}

// short prints 80s, not 1m20s, as manifests have it.
func short(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	return d.String()
}
