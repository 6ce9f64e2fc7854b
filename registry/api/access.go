package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/time/rate"
)

// Access decides who may use the API. From loopback nothing is needed but a Host
// and an Origin that are loopback too, so that no web page can reach it by DNS
// rebinding; from elsewhere the token, as `Authorization: Bearer ...`, or a client
// certificate.
type Access struct {
	Token  string // "": nobody but loopback may call
	Logger *slog.Logger

	mu       sync.Mutex
	failures map[netip.Addr]*rate.Limiter
}

// Failures with a wrong token from one address: so many at once, then one a
// while. The table of addresses is bounded (R29).
const (
	failureBurst = 10
	maxAddresses = 10_000
)

// Protect lets through whoever may use the handler.
func (a *Access) Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if p, refused := a.check(r); refused {
			a.Logger.Warn("audit", slog.String("action", r.Method+" "+r.URL.Path),
				slog.String("actor", "http "+remoteHost(r)), slog.String("result", "refused: "+p.detail))
			writeProblem(w, p)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *Access) check(r *http.Request) (problem, bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return problem{http.StatusForbidden, "the caller's address is not known"}, true
	}
	address := peer.Addr().Unmap()
	if certified(r) != "" {
		return problem{}, false
	}
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if given == "" && address.IsLoopback() {
		return loopbackOnly(r)
	}
	if a.exhausted(address) {
		return problem{http.StatusTooManyRequests, "too many requests with a wrong token; try again later"}, true
	}
	if a.Token != "" && equal(given, a.Token) {
		return problem{}, false
	}
	a.failed(address)
	return problem{http.StatusUnauthorized, "the registry's token is needed: Authorization: Bearer ..."}, true
}

// loopbackOnly refuses what a browser on this machine was tricked into sending.
func loopbackOnly(r *http.Request) (problem, bool) {
	if !isLoopback(r.Host) {
		return problem{http.StatusForbidden, "without a token the Host must be a loopback address or localhost"}, true
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		from, err := url.Parse(origin)
		if err != nil || !isLoopback(from.Host) {
			return problem{http.StatusForbidden, "without a token the Origin must be a loopback address or localhost"}, true
		}
	}
	return problem{}, false
}

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// certified names who showed a client certificate that an authority of the
// registry has signed, "" for nobody.
func certified(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return ""
	}
	name := r.TLS.PeerCertificates[0].Subject.CommonName
	if name == "" || len(name) > 60 || checkReason(name) != nil {
		return "a certificate without a name"
	}
	return name
}

// equal takes the same time whatever differs, the lengths too.
func equal(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (a *Access) exhausted(address netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	limiter := a.failures[address]
	return limiter != nil && limiter.Tokens() < 1
}

func (a *Access) failed(address netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failures == nil || len(a.failures) >= maxAddresses {
		a.failures = map[netip.Addr]*rate.Limiter{}
	}
	limiter := a.failures[address]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(1), failureBurst)
		a.failures[address] = limiter
	}
	limiter.Allow()
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	return host
}
