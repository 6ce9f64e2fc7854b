package registry

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
)

// tokenCheck refuses calls whose context does not hold the shared secret. The
// comparison takes the same time whatever differs, the lengths too.
func tokenCheck(token string, refused refusals) func(*rpc.Call) error {
	want := sha256.Sum256([]byte(token))
	return func(call *rpc.Call) error {
		given, _ := call.ContextValue(contextToken)
		got := sha256.Sum256(given)
		if token == "" || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			refused.note(call.Servant+"."+string(call.Function), call.Peer(), "no token, or a wrong one")
			return rpc.Errorf(rpc.CodeFailed, "the request's context must hold the registry's token (%s)", contextToken)
		}
		return nil
	}
}

// refusals go to the audit log, a few a second: who is refused must not be able to
// fill it. Metrics count them all.
type refusals struct {
	logger  *slog.Logger
	limiter *rate.Limiter
}

const (
	refusalsBurst    = 20
	refusalsInterval = time.Second
)

func newRefusals(logger *slog.Logger) refusals {
	return refusals{logger, rate.NewLimiter(rate.Every(refusalsInterval), refusalsBurst)}
}

func (r refusals) note(action string, peer netip.AddrPort, why string) {
	if !r.limiter.Allow() {
		return
	}
	r.logger.Warn("audit", slog.String("action", limited(action)),
		slog.String("actor", peer.Addr().Unmap().String()), slog.String("result", "refused: "+why))
}
