package api

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAccess(t *testing.T) {
	for _, test := range []struct {
		name, peer, host, origin, token string
		status                          int
	}{
		{"loopback", "127.0.0.1:1", "127.0.0.1:17893", "", "", 200},
		{"loopback by name", "127.0.0.1:1", "localhost:17893", "http://localhost:3000", "", 200},
		{"loopback, IPv6", "[::1]:1", "[::1]:17893", "", "", 200},
		{"a foreign Host", "127.0.0.1:1", "evil.example", "", "", 403},
		{"a Host that only begins so", "127.0.0.1:1", "127.0.0.1.evil.example", "", "", 403},
		{"a foreign Origin", "127.0.0.1:1", "127.0.0.1:17893", "https://evil.example", "", 403},
		{"the Origin null", "127.0.0.1:1", "127.0.0.1:17893", "null", "", 403},
		{"elsewhere", "10.0.0.9:1", "registry:17893", "", "", 401},
		{"elsewhere with a loopback Host", "10.0.0.9:1", "127.0.0.1", "", "", 401},
		{"elsewhere with the token", "10.0.0.9:1", "registry:17893", "", "secret", 200},
		{"elsewhere with another token", "10.0.0.9:1", "registry:17893", "", "secreT", 401},
		{"loopback with another token", "127.0.0.1:1", "127.0.0.1", "", "wrong", 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			access := &Access{Token: "secret", Logger: slog.New(slog.DiscardHandler)}
			if got := status(t, access, test.peer, test.host, test.origin, test.token); got != test.status {
				t.Errorf("status %d, want %d", got, test.status)
			}
		})
	}
}

func TestNoTokenLetsNobodyInFromElsewhere(t *testing.T) {
	access := &Access{Logger: slog.New(slog.DiscardHandler)}
	if got := status(t, access, "10.0.0.9:1", "registry", "", ""); got != 401 {
		t.Errorf("status %d, want 401", got)
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	access := &Access{Token: "secret", Logger: slog.New(slog.DiscardHandler)}
	for range failureBurst {
		status(t, access, "10.0.0.9:1", "registry", "", "guess")
	}
	if got := status(t, access, "10.0.0.9:2", "registry", "", "secret"); got != http.StatusTooManyRequests {
		t.Errorf("after %d failures the address gets %d, want 429", failureBurst, got)
	}
	if got := status(t, access, "10.0.0.8:1", "registry", "", "secret"); got != 200 {
		t.Errorf("another address gets %d, want 200", got)
	}
}

func status(t *testing.T, access *Access, peer, host, origin, token string) int {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/status", nil)
	request.RemoteAddr, request.Host = peer, host
	if origin != "" {
		request.Header.Set("Origin", origin)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	access.Protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(recorder, request)
	return recorder.Code
}

// TestClientCertificate: who has one that was verified needs no token, and is
// named by it.
func TestClientCertificate(t *testing.T) {
	var who string
	access := &Access{Logger: slog.New(slog.DiscardHandler)}
	handler := access.Protect(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { who = actor(r) }))
	ask := func(state *tls.ConnectionState) int {
		who = ""
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/status", nil)
		request.RemoteAddr, request.TLS = "10.0.0.9:1234", state
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		return recorder.Code
	}
	shown := []*x509.Certificate{{Subject: pkix.Name{CommonName: "ann"}}}
	if code := ask(&tls.ConnectionState{PeerCertificates: shown, VerifiedChains: [][]*x509.Certificate{shown}}); code != http.StatusOK || who != "http 10.0.0.9 [ann]" {
		t.Errorf("status %d for %q", code, who)
	}
	if code := ask(&tls.ConnectionState{PeerCertificates: shown}); code != http.StatusUnauthorized || who != "" {
		t.Errorf("a certificate that nobody verified: status %d for %q", code, who)
	}
}
