package web_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/registry/web"
)

// TestLimited: connections over the limit are closed and counted; a place is
// free again when its connection is closed, however often.
func TestLimited(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan string, 10)
	listener := web.Limited(inner, web.Limits{All: 2, PerAddress: 1}, func(reason string) { refused <- reason })
	t.Cleanup(func() { _ = listener.Close() })
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	dial()
	first := <-accepted // loopback does not count for one address
	dial()
	second := <-accepted
	third := dial()
	if reason := <-refused; reason != "connections" {
		t.Errorf("refused for %q", reason)
	}
	if _, err := third.Read(make([]byte, 1)); err == nil {
		t.Error("a connection over the limit is not closed")
	}
	_ = first.Close()
	_ = first.Close()
	dial()
	<-accepted
	dial()
	<-refused // the second Close gave no second place
	_ = second.Close()
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := web.NewServer(handler, slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with Close
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return listener.Addr().String()
}

func TestRequestsAreBounded(t *testing.T) {
	read := make(chan error, 1)
	address := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
	}))
	for _, test := range []struct {
		name   string
		header int
		body   int
		status int
		read   bool // the body as a whole
	}{
		{"small", 100, 1000, 200, true},
		{"a large body", 0, 100 << 10, 200, false},
		{"a large header", 64 << 10, 0, 431, false},
	} {
		request, err := http.NewRequest(http.MethodPost, "http://"+address+"/", strings.NewReader(strings.Repeat("x", test.body)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Long", strings.Repeat("y", test.header))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode != test.status {
			t.Errorf("%s: status %d, want %d", test.name, response.StatusCode, test.status)
		}
		if test.status == 200 {
			if err := <-read; (err == nil) != test.read {
				t.Errorf("%s: reading the body gives %v", test.name, err)
			}
		}
	}
}

func TestTimeLimits(t *testing.T) {
	server := web.NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for name, limit := range map[string]time.Duration{
		"header": server.ReadHeaderTimeout, "read": server.ReadTimeout, "write": server.WriteTimeout, "idle": server.IdleTimeout,
	} {
		if limit <= 0 || limit > 5*time.Minute {
			t.Errorf("the limit %s is %s", name, limit)
		}
	}
}

// TestConsole: the page loads only what its policy lets it, and nothing else is
// served beside it.
func TestConsole(t *testing.T) {
	get := func(path string) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		web.Console().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return recorder
	}
	page := get("/")
	policy := page.Header().Get("Content-Security-Policy")
	if page.Code != 200 || !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Fatalf("status %d, policy %q", page.Code, policy)
	}
	text := page.Body.String()
	if inline := regexp.MustCompile(`(?i)<script>|\son[a-z]+=|style=|javascript:|https?://`).FindString(text); inline != "" {
		t.Errorf("the page has %q in it, which the policy stops", inline)
	}
	for _, link := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		if file := get("/" + link[1]); file.Code != 200 || file.Body.Len() == 0 {
			t.Errorf("%s: status %d", link[1], file.Code)
		}
	}
	script := get("/console/console.js").Body.String()
	if bad := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|localStorage|https?://`).FindString(script); bad != "" {
		t.Errorf("the script has %s in it", bad)
	}
	for _, path := range []string{"/console/", "/console/none", "/console/..%2f..%2fserver.go", "/console/../limit.go", "/index.html", "/x"} {
		if file := get(path); file.Code == 200 {
			t.Errorf("%s is served: %.60s", path, file.Body)
		}
	}
}
