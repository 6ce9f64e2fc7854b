//go:build !race

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/tars"
)

// theToken must never be seen anywhere.
const theToken = "t0ken-that-nobody-may-see"

// authorized is the context of a call with the token, new for each call: TarsGo
// replaces what is in it by the answer's.
func authorized() map[string]string { return map[string]string{"tars-token": theToken} }

// hardened starts a registry as one that is open to others would be.
func hardened(t *testing.T, args ...string) *process {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte(theToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return serve(t, t.TempDir(), append([]string{"--token-file", secret, "--require-token"}, args...)...)
}

// unharmed holds the registry to answering others, and to having no secret in
// what it wrote.
func (p *process) unharmed(t *testing.T) {
	t.Helper()
	c := p.clients(t)
	mustRegister(t, c, "127.0.0.1", authorized)
	if active, _, err := c.find("Demo.HelloServer.HelloObj"); err != nil || len(active) == 0 {
		t.Errorf("found %q, %v", active, err)
	}
	p.keepsSecrets(t)
}

// keepsSecrets searches all that the registry wrote or serves.
func (p *process) keepsSecrets(t *testing.T) {
	t.Helper()
	places := map[string]string{"standard output": p.Stdout.String(), "the log": p.Stderr.String()}
	for _, path := range []string{"/metrics", "/readyz", "/healthz", "/", "/sd/prometheus", "/api/v1/status", "/api/v1/events", "/api/v1/instances", "/api/v1/registries"} {
		_, places[path] = p.get(t, path, nil)
	}
	data := os.DirFS(p.dataDir)
	err := fs.WalkDir(data, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(data, path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the registry replaces files; this one has its name by now
		}
		places[path] = string(text)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for place, text := range places {
		if strings.Contains(text, theToken) {
			t.Errorf("the token is in %s", place)
		}
	}
}

func (p *process) get(t *testing.T, path string, header map[string]string) (status int, body string) {
	t.Helper()
	return p.request(t, http.MethodGet, path, header, "")
}

func (p *process) request(t *testing.T, method, path string, header map[string]string, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.addresses.HTTP+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
		if name == "Host" {
			request.Host = value
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, bodyOf(t, response)
}

// TestAttackTokens: no token and wrong ones change nothing, and the audit log
// tells it.
func TestAttackTokens(t *testing.T) {
	p := hardened(t, "--log-level=debug")
	c := p.clients(t)
	for name, context := range map[string]map[string]string{
		"none": nil, "empty": {"tars-token": ""}, "wrong": {"tars-token": "x"},
		"a beginning": {"tars-token": theToken[:8]}, "longer": {"tars-token": theToken + "x"},
		"another case": {"tars-token": strings.ToUpper(theToken)}, "another key": {"Tars-Token": theToken},
	} {
		if err := c.pods.OnStartup(hello("10.9.9.9"), context); err == nil {
			t.Errorf("onStartup with token %s is answered", name)
		}
		if err := c.pods.KeepAlive(&tars.KeepAliveReq{NodeName: "10.9.9.9", Application: "Demo", Server: "HelloServer", State: "active"}, context); err == nil {
			t.Errorf("keepAlive with token %s is answered", name)
		}
		if _, err := c.admin.Notify("clean n", context); err == nil {
			t.Errorf("an admin command with token %s is answered", name)
		}
	}
	if active, inactive, err := c.find("Demo.HelloServer.HelloObj"); err != nil || len(active)+len(inactive) > 0 {
		t.Errorf("found %q %q, %v", active, inactive, err)
	}
	if status, _ := p.get(t, "/api/v1/status", map[string]string{"Authorization": "Bearer wrong"}); status != http.StatusUnauthorized {
		t.Errorf("a wrong token gives status %d", status)
	}
	throttled := false
	for range 30 {
		status, _ := p.get(t, "/api/v1/status", map[string]string{"Authorization": "Bearer wrong"})
		throttled = throttled || status == http.StatusTooManyRequests
	}
	if !throttled {
		t.Error("30 wrong tokens are not slowed down")
	}
	p.awaitLogged(t, "tars.tarsregistry.Registry.onStartup", "refused: no token", "/api/v1/status")
	p.unharmed(t)
	p.stop(t)
	p.keepsSecretsInLog(t)
}

// awaitLogged waits until the log has all of that: it comes through a pipe, and an
// answer may be faster.
func (p *process) awaitLogged(t *testing.T, parts ...string) {
	t.Helper()
	for _, part := range parts {
		replica.Eventually(t, patience, "the log tells it", func() error {
			if !strings.Contains(p.Stderr.String(), part) {
				return fmt.Errorf("%q is not in it", part)
			}
			return nil
		})
	}
}

func (p *process) keepsSecretsInLog(t *testing.T) {
	t.Helper()
	if strings.Contains(p.Said(), theToken) {
		t.Error("the token is in what the registry wrote until its end")
	}
}

// TestAttackBrowser: what a web page can make a browser on this machine send.
func TestAttackBrowser(t *testing.T) {
	p := hardened(t)
	for name, header := range map[string]map[string]string{
		"a rebound name":    {"Host": "evil.example:17893"},
		"a foreign page":    {"Origin": "http://evil.example"},
		"a sandboxed page":  {"Origin": "null"},
		"a name like ours":  {"Host": "127.0.0.1.evil.example"},
		"a name with an at": {"Origin": "http://127.0.0.1@evil.example"},
	} {
		if status, body := p.request(t, http.MethodPost, "/api/v1/clean", header, `{"dryRun":false}`); status != http.StatusForbidden {
			t.Errorf("%s: status %d, %s", name, status, body)
		}
		for _, path := range []string{"/api/v1/instances", "/api/v1/events", "/api/v1/status"} { // to be read by the page
			if status, _ := p.get(t, path, header); status != http.StatusForbidden {
				t.Errorf("%s reads %s: status %d", name, path, status)
			}
		}
	}
	p.unharmed(t)
}

// TestAttackPathsAndHeaders: tricks with paths lead nowhere, and nothing that is
// sent makes a line of its own in the log or in an answer.
func TestAttackPathsAndHeaders(t *testing.T) {
	p := hardened(t)
	for _, path := range []string{
		"/../../etc/passwd", "/console/../../etc/passwd", "/console/%2e%2e/%2e%2e/etc/passwd", "/console/..%2f..%2fetc%2fpasswd",
		"/debug/pprof/", "/api/v1/instances/a/b/..%2f..%2f..", "/data/registry.db", "/registry.json",
	} {
		status, body := p.get(t, path, nil)
		if status == http.StatusOK || strings.Contains(body, "root:") {
			t.Errorf("%s: status %d, %.80s", path, status, body)
		}
	}
	p.get(t, "/api/v1/instances/a%0d%0aX-Evil:%20yes/b/c%0atime=forged", nil)
	p.request(t, http.MethodDelete, "/api/v1/instances/a/b/c?reason=x%0atime%3D2026%20level%3DINFO%20msg%3Daudit", nil, "")
	p.request(t, http.MethodDelete, "/api/v1/instances/a/b/c%0atime=forged", map[string]string{"X-Tars-Actor": "me\u009b31m"}, "")
	raw := p.rawHTTP(t, "GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Tars-Actor: a\r\n b\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef")
	if strings.Contains(raw, " 200 ") {
		t.Errorf("a request of two lengths is answered: %s", raw)
	}
	p.unharmed(t)
	p.stop(t) // then the log is complete
	for line := range strings.Lines(p.Stderr.String()) {
		if !strings.HasPrefix(line, "time=") || strings.HasPrefix(line, "time=forged") || strings.HasPrefix(line, "time=2026 ") || strings.Contains(line, "\u009b") {
			t.Errorf("the log has a forged line: %q", line)
		}
	}
}

// rawHTTP sends bytes and gives the answer's first line.
func (p *process) rawHTTP(t *testing.T, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", p.addresses.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	answer := make([]byte, 200)
	n, _ := conn.Read(answer) // a connection that is closed is an answer too
	line, _, _ := bytes.Cut(answer[:n], []byte("\n"))
	return string(line)
}

// TestAttackAddress: with the check on a pod speaks for its own address only.
func TestAttackAddress(t *testing.T) {
	p := hardened(t, "--pod-address-check")
	c := p.clients(t)
	mustRegister(t, c, "127.0.0.1", authorized)
	foreign := hello("127.0.0.1")
	foreign.Adapters[0].Endpoint = "tcp -h 10.0.0.8 -p 80 -t 60000"
	for name, attempt := range map[string]func() error{
		"another's node":     func() error { return c.pods.OnStartup(hello("10.0.0.8"), authorized()) },
		"another's endpoint": func() error { return c.pods.OnStartup(foreign, authorized()) },
		"another's beat": func() error {
			return c.pods.KeepAlive(&tars.KeepAliveReq{NodeName: "10.0.0.8", Application: "Demo", Server: "HelloServer", State: "inactive"}, authorized())
		},
		"another's end": func() error {
			return c.pods.OnPrestop(&tars.OnPrestopReq{NodeName: "10.0.0.8", Application: "Demo", Server: "HelloServer"}, authorized())
		},
		"the end of all of another's node": func() error { return c.pods.OnPrestop(&tars.OnPrestopReq{NodeName: "10.0.0.8"}, authorized()) },
		"another's metrics": func() error {
			return c.pods.RegisterMetrics(&tars.RegisterMetricsReq{NodeName: "10.0.0.8", Application: "Demo", Server: "HelloServer", MetricsPort: 80}, authorized())
		},
	} {
		if err := attempt(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if active, _, err := c.find("Demo.HelloServer.HelloObj"); err != nil || fmt.Sprint(active) != "[127.0.0.1:18080]" {
		t.Errorf("found %q, %v", active, err)
	}
	p.awaitLogged(t, "may only speak for its own")
	p.unharmed(t)
}

// TestAttackConnections: thousands of connections that say nothing, half a frame,
// half a header, or far too much, keep nobody out.
func TestAttackConnections(t *testing.T) {
	const idle, slow = 9200, 300 // more than 10,000 with those that talk nonsense
	p := hardened(t)
	var open []net.Conn
	defer func() {
		for _, conn := range open {
			_ = conn.Close()
		}
	}()
	hold := func(n int, address, say string) {
		t.Helper()
		for range n {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatalf("connection %d to %s: %v", len(open), address, err)
			}
			open = append(open, conn)
			if _, err := io.WriteString(conn, say); err != nil {
				t.Logf("closed at once: %v", err)
			}
		}
	}
	hold(idle, p.addresses.Query, "")
	hold(slow, p.addresses.Query, "\x00\x00\x10")
	hold(slow, p.addresses.Pod, "\x00\x00\x10\x00\x10\x01")
	hold(slow, p.addresses.HTTP, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
	hold(10, p.addresses.Query, "\xff\xff\xff\xff")
	hold(10, p.addresses.Pod, "GET / HTTP/1.1\r\n\r\n")
	hold(10, p.addresses.Query, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
	p.unharmed(t)
	if status, _ := p.get(t, "/readyz", nil); status != http.StatusOK {
		t.Errorf("readiness is %d", status)
	}
	for _, conn := range open[idle:] { // who is slow or talks nonsense is closed
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
			t.Fatalf("a slow connection to %s is still open", conn.RemoteAddr())
		}
	}
	p.oversized(t)
	if status, _ := p.request(t, http.MethodPost, "/api/v1/clean", nil, `{"before":"`+strings.Repeat("x", 1<<20)+`"}`); status != http.StatusBadRequest {
		t.Errorf("a large body gives %d", status)
	}
	p.unharmed(t)
}

// oversized sends a frame of 12 MB, which is more than a frame may have.
func (p *process) oversized(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", p.addresses.Pod)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = conn.Write(append([]byte{0, 0xc0, 0, 0, 0x10, 0x01}, make([]byte, 12<<20)...)) // it may be closed meanwhile
	if answer, err := io.ReadAll(conn); os.IsTimeout(err) {
		t.Errorf("a frame of 12 MB is neither refused nor closed: %q", answer)
	}
}

// TestAttackStorm: ten thousand pods register again at once, as after a restore;
// look-ups go on, and in the end all are there.
func TestAttackStorm(t *testing.T) {
	const pods, callers = 10_000, 128
	p := hardened(t)
	c := p.clients(t)
	storm := func(count int64) {
		t.Helper()
		var next, retried atomic.Int64
		var workers sync.WaitGroup
		for range callers {
			workers.Go(func() {
				for i := next.Add(1); i <= count; i = next.Add(1) {
					request := hello(fmt.Sprintf("10.7.%d.%d", i/250, i%250+1))
					for c.pods.OnStartup(request, authorized()) != nil && t.Context().Err() == nil {
						retried.Add(1) // refused under load: pods try again
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { workers.Wait(); close(done) }()
		for {
			if _, _, err := c.find("Demo.HelloServer.HelloObj"); err != nil {
				t.Errorf("a look-up during the storm: %v", err)
			}
			select {
			case <-done:
				t.Logf("%d registrations, %d tried again", count, retried.Load())
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	storm(pods)
	storm(pods) // again, all of them
	_, body := p.get(t, "/api/v1/servers", nil)
	if !strings.Contains(body, fmt.Sprintf(`"instances":%d`, pods)) {
		t.Errorf("the servers are %s", body)
	}
	p.unharmed(t)
}

// TestAttackRestoredStorm: a database that was restored without its pods. Ten thousand
// of them beat at once and are all asked to register, later ones later; then they
// register at once with a registry that lets only some in. Look-ups and those who are
// in go on, and the log and the metrics tell of it.
func TestAttackRestoredStorm(t *testing.T) {
	const pods, callers = 10_000, 128
	p := hardened(t, "--registration-rate=2000")
	c := p.clients(t)
	mustRegister(t, c, "127.0.0.1", authorized)
	crowd := func(call func(node string) error) (refused int64) {
		t.Helper()
		var next, refusals atomic.Int64
		var workers sync.WaitGroup
		for range callers {
			workers.Go(func() {
				for i := next.Add(1); i <= pods; i = next.Add(1) {
					for call(fmt.Sprintf("10.8.%d.%d", i/250, i%250+1)) != nil && t.Context().Err() == nil {
						refusals.Add(1)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { workers.Wait(); close(done) }()
		for {
			if active, _, err := c.find("Demo.HelloServer.HelloObj"); err != nil || len(active) == 0 {
				t.Errorf("a look-up during the storm: %q, %v", active, err)
			}
			if err := c.pods.KeepAlive(&tars.KeepAliveReq{NodeName: "127.0.0.1", Application: "Demo", Server: "HelloServer", State: "active"}, authorized()); err != nil {
				t.Errorf("a heartbeat during the storm: %v", err)
			}
			select {
			case <-done:
				return refusals.Load()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	var asked, later atomic.Int64
	again := crowd(func(node string) error {
		status := map[string]string{}
		err := c.pods.KeepAlive(&tars.KeepAliveReq{NodeName: node, Application: "Demo", Server: "StormServer", State: "active"}, authorized(), status)
		if err == nil && status["tars-action"] == "register" {
			asked.Add(1)
		}
		if status["tars-retry-after-ms"] != "" {
			later.Add(1)
		}
		return err
	})
	t.Logf("%d of %d pods are asked to register, %d of them later; %d heartbeats were made again", asked.Load(), pods, later.Load(), again)
	if asked.Load() != pods {
		t.Errorf("%d pods are asked to register, want all %d", asked.Load(), pods)
	}
	refused := crowd(func(node string) error {
		request := hello(node)
		request.Server, request.Adapters[0].Servant = "StormServer", "Demo.StormServer.HelloObj"
		return c.pods.OnStartup(request, authorized())
	})
	t.Logf("%d registrations, %d refusals", pods, refused)
	_, page := p.get(t, "/metrics", nil)
	const told = "registrations are refused"
	if strings.Contains(page, `tarsregistry_calls_refused_total{reason="registration-rate"}`) {
		p.awaitLogged(t, told)
	} else if strings.Contains(p.Stderr.String(), told) {
		t.Error("refused registrations are in the log and not in the metrics")
	}
	if active, _, err := c.find("Demo.StormServer.HelloObj"); err != nil || len(active) != pods {
		t.Errorf("%d pods are found, want %d; %v", len(active), pods, err)
	}
	p.unharmed(t)
}
