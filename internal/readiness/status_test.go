package readiness

import (
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/pod"
)

func newPaths(t *testing.T) pod.Paths {
	t.Helper()
	paths := pod.Paths{Root: t.TempDir()}
	if err := os.Mkdir(paths.Data(""), 0o755); err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestCheckReadsWhatTheSupervisorWrote(t *testing.T) {
	for _, tt := range []struct {
		status Status
		ready  bool
	}{
		{Status{State: naming.Active}, true},
		{Status{State: naming.Deactivating}, true},
		{Status{State: naming.Activating, Reason: "registering"}, false},
		{Status{State: naming.Inactive, Reason: "adapter A: connection refused"}, false},
		{Status{State: ""}, false},
		{Status{State: "nonsense"}, false},
	} {
		paths := newPaths(t)
		if err := Write(paths, tt.status); err != nil {
			t.Fatal(err)
		}
		err := Check(t.Context(), paths, 30*time.Second)
		if (err == nil) != tt.ready {
			t.Errorf("%+v: %v", tt.status, err)
		}
		if err != nil && !strings.Contains(err.Error(), tt.status.Reason) {
			t.Errorf("%+v: the reason is missing in %q", tt.status, err)
		}
	}
}

// Scripts of today's images compare the file's content.
func TestCheckStatusHoldsTheBareState(t *testing.T) {
	paths := newPaths(t)
	if err := Write(paths, Status{State: naming.Inactive, Reason: "because"}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(paths.CheckStatus())
	if err != nil || string(content) != "inactive" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestAnOldStateIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock stands still meanwhile
		paths := newPaths(t)
		if err := Write(paths, Status{State: naming.Active}); err != nil {
			t.Fatal(err)
		}
		for age, ready := range map[time.Duration]bool{
			60 * time.Second: true, 61 * time.Second: false, -time.Hour: true, // a clock that was set back
		} {
			then := time.Now().Add(-age)
			if err := os.Chtimes(paths.CheckStatus(), then, then); err != nil {
				t.Fatal(err)
			}
			err := Check(t.Context(), paths, 30*time.Second)
			if (err == nil) != ready {
				t.Errorf("age %v: %v", age, err)
			}
			if err != nil && !strings.Contains(err.Error(), "gone quiet") {
				t.Errorf("age %v: %v", age, err)
			}
		}
	})
}

func TestClear(t *testing.T) {
	paths := newPaths(t)
	if err := Clear(paths); err != nil {
		t.Errorf("nothing to clear: %v", err)
	}
	if err := Write(paths, Status{State: naming.Active, Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := Clear(paths); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(paths.Data(""))
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestWithoutSupervisorThePortsCount(t *testing.T) {
	paths := newPaths(t)
	if err := Check(t.Context(), paths, time.Second); err == nil || !strings.Contains(err.Error(), "no supervisor") {
		t.Errorf("nothing is known: %v", err)
	}
	port := strconv.Itoa(mariadbtest.Port(t)) // that nobody else listens on afterwards
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	info := &pod.Info{Conf: pod.DefaultMeta(), TarsPath: paths.Root}
	info.Conf.Application, info.Conf.Server = "App", "Srv"
	info.Conf.Adapters = []pod.Adapter{{Object: "Obj", Endpoint: "tcp -h 127.0.0.1 -p " + port, Protocol: "tars"}}
	if err := info.Save(); err != nil {
		t.Fatal(err)
	}
	if err := Check(t.Context(), paths, time.Second); err != nil {
		t.Errorf("the port is open: %v", err)
	}
	listener.Close()
	if err := Check(t.Context(), paths, time.Second); err == nil || !strings.Contains(err.Error(), "App.Srv.ObjAdapter") {
		t.Errorf("the port is closed: %v", err)
	}
}

func TestHTTP(t *testing.T) {
	status := Status{State: naming.Active}
	var stuck error
	server := httptest.NewServer(Handler(func() Status { return status }, func() error { return stuck }))
	defer server.Close()
	expect := func(path string, wantCode int, wantBody string) {
		t.Helper()
		response, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != wantCode || !strings.Contains(string(body), wantBody) {
			t.Errorf("%s: %d %q, %v; want %d %q", path, response.StatusCode, body, err, wantCode, wantBody)
		}
	}
	expect("/readyz", 200, "active")
	expect("/healthz", 200, "ok")
	status = Status{State: naming.Inactive, Reason: "the server has ended: exit code 3"}
	expect("/readyz", 503, "exit code 3")
	expect("/healthz", 200, "ok")
	stuck = errors.New("handled nothing for 2m")
	expect("/healthz", 503, "handled nothing")
	expect("/else", 404, "")
}

func BenchmarkCheck(b *testing.B) {
	paths := pod.Paths{Root: b.TempDir()}
	if err := os.Mkdir(paths.Data(""), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := Write(paths, Status{State: naming.Active}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := Check(b.Context(), paths, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}
