package registry

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
)

// registerAgainRate is how many pods are told to register again, a second; beyond
// it they are also told when, so that a restored database does not drown in
// returning pods (R5).
const registerAgainRate = 1000

// newRegisterAgain asks for no more registrations than are taken on.
func newRegisterAgain(registrationRate int) *rate.Limiter {
	perSecond := registerAgainRate
	if registrationRate > 0 {
		perSecond = min(perSecond, registrationRate)
	}
	return rate.NewLimiter(rate.Limit(perSecond), 2*perSecond)
}

// The span within which retryAfter asks pods to come again.
const (
	soonestRetry = time.Second
	latestRetry  = 10 * time.Second
)

// retryAfter spreads a storm of registrations over a while. It is the text of
// tars-retry-after-ms.
func retryAfter() string {
	wait := soonestRetry + rand.N(latestRetry-soonestRetry)
	return strconv.FormatInt(wait.Milliseconds(), 10)
}

// Reasons of refused calls, for metrics, besides those of package rpc.
const (
	reasonRegistrationRate = "registration-rate"
	reasonCommitter        = "committer"
)

// overloaded refuses a call and says when to make it again. Another replica may
// take it at once: our tarscli asks the others first.
func overloaded(format string, args ...any) *rpc.Error {
	refused := rpc.Errorf(rpc.CodeOverloaded, format, args...)
	refused.Status = map[string]string{statusRetryAfter: retryAfter()}
	return refused
}

// registrationLimit bounds how many registrations a replica takes on, so that a
// storm of them is told at once when to come again, in place of waiting in queues
// until its callers give up (R5). Only onStartup counts: heartbeats, states and
// removals are never held up by it.
type registrationLimit struct {
	perSecond int
	limiter   *rate.Limiter
	edge      edge
	told      rate.Sometimes
}

// limitTold is how often the log says that registrations are refused.
const limitTold = time.Minute

// newRegistrationLimit makes a limit that lets a second's worth through at once.
func newRegistrationLimit(perSecond int, edge edge) *registrationLimit {
	return &registrationLimit{
		perSecond: perSecond, limiter: rate.NewLimiter(rate.Limit(perSecond), perSecond), edge: edge,
		told: rate.Sometimes{Interval: limitTold},
	}
}

// check is an rpc.Servant's Limit.
func (l *registrationLimit) check(call *rpc.Call) error {
	if string(call.Function) != "onStartup" || l.limiter.Allow() {
		return nil
	}
	l.edge.metrics.CallRefused(reasonRegistrationRate)
	l.told.Do(func() {
		l.edge.logger.Warn("registrations are refused: more come than --registration-rate lets in",
			slog.String("limit", fmt.Sprintf("%d/s", l.perSecond)), slog.String("peer", call.Peer().Addr().Unmap().String()))
	})
	return overloaded("overloaded: more than %d registrations a second; try again later", l.perSecond)
}
