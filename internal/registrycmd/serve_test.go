package registrycmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/store"
)

// fakeService is a service whose every step the test decides.
type fakeService struct {
	start   error
	ready   chan struct{}
	failure chan error
	onStop  func(context.Context) error
	stops   int
}

func newFakeService() *fakeService {
	f := &fakeService{ready: make(chan struct{}), failure: make(chan error, 1)}
	f.onStop = func(context.Context) error { return nil }
	return f
}

func (f *fakeService) Start(context.Context) error { return f.start }
func (f *fakeService) Ready() <-chan struct{}      { return f.ready }
func (f *fakeService) Err() <-chan error           { return f.failure }
func (f *fakeService) Addresses() registry.Addresses {
	return registry.Addresses{Query: "127.0.0.1:1", Pod: "127.0.0.1:3", HTTP: "127.0.0.1:4"}
}

func (f *fakeService) Stop(ctx context.Context) error {
	f.stops++
	return f.onStop(ctx)
}

// running is a registry that a test runs around a fake service.
type running struct {
	*program
	service *fakeService
	dataDir string
	signals chan os.Signal
	output  replica.Output
	code    chan int
	options registry.Options
}

func startRunning(t *testing.T, fake *fakeService, args ...string) *running {
	t.Helper()
	r := &running{service: fake, dataDir: t.TempDir(), signals: make(chan os.Signal, 2), code: make(chan int, 1)}
	r.program = &program{
		Process: Process{
			Args:   append(args, "--data-dir", r.dataDir),
			Getenv: func(string) string { return "" },
			Stdout: &r.output, Stderr: &r.output, Signals: r.signals,
		},
		version: "v1.2.3",
		open: func(o registry.Options) (service, error) {
			r.options = o
			return fake, nil
		},
	}
	go func() { r.code <- r.run() }()
	return r
}

func (r *running) statusPath() string { return filepath.Join(r.dataDir, "registry.json") }

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := newFakeService()
		r := startRunning(t, service)
		synctest.Wait()
		if _, err := os.Stat(r.statusPath()); err == nil {
			t.Error("registry.json is there before it serves")
		}
		close(service.ready)
		synctest.Wait()
		text, err := os.ReadFile(r.statusPath())
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"pid": float64(os.Getpid()), "query": "127.0.0.1:1", "node": "", "pod": "127.0.0.1:3", "http": "127.0.0.1:4", "admin": ""}
		for key, value := range want {
			if got[key] != value || len(got) != len(want) {
				t.Errorf("registry.json is %s, want %v", text, want)
				break
			}
		}
		for _, text := range []string{"v1.2.3", "127.0.0.1:1", "http://127.0.0.1:4", r.dataDir, "-h 127.0.0.1 -p 1", "examples/register --registry 127.0.0.1:3", "list instances --api http://127.0.0.1:4", "1m35s"} {
			if !strings.Contains(r.output.String(), text) {
				t.Errorf("the start message lacks %q:\n%s", text, r.output.String())
			}
		}
		r.signals <- syscall.SIGTERM
		if code := <-r.code; code != exitOK || service.stops != 1 {
			t.Errorf("code %d after %d stops", code, service.stops)
		}
		if _, err := os.Stat(r.statusPath()); err == nil {
			t.Error("registry.json is still there")
		}
		if r.options.Version != "v1.2.3" || r.options.Logger == nil || r.options.LogLevel == nil {
			t.Errorf("the service was not told version or logger: %+v", r.options)
		}
	})
}

func TestServeEnds(t *testing.T) {
	broken := errors.New("the flux capacitor is empty")
	tests := []struct {
		name  string
		given func(*fakeService)
		then  func(*running)
		code  int
		says  string
	}{
		{"start fails", func(f *fakeService) { f.start = broken }, nil, exitFailed, "registry: start: " + broken.Error()},
		{"breaks down before it is ready", func(f *fakeService) { f.failure <- broken }, nil, exitFailed, "registry: start: " + broken.Error()},
		{"breaks down later", func(f *fakeService) { close(f.ready) },
			func(r *running) { r.service.failure <- broken }, exitFailed, "registry: serve: " + broken.Error()},
		{"an admin command shuts it down", func(f *fakeService) { close(f.ready) },
			func(r *running) { r.service.failure <- registry.ErrShutdown }, exitOK, "stopping"},
		{"a signal before it is ready", nil,
			func(r *running) { r.signals <- os.Interrupt }, exitOK, "msg=stopping"},
		{"stopping fails", func(f *fakeService) { f.onStop = func(context.Context) error { return broken } },
			func(r *running) { r.signals <- os.Interrupt }, exitFailed, "registry: stop: " + broken.Error()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := newFakeService()
				if test.given != nil {
					test.given(service)
				}
				r := startRunning(t, service)
				synctest.Wait()
				if test.then != nil {
					test.then(r)
				}
				if code := <-r.code; code != test.code || !strings.Contains(r.output.String(), test.says) {
					t.Errorf("code %d, want %d and %q:\n%s", code, test.code, test.says, r.output.String())
				}
				if service.stops != 1 {
					t.Errorf("stopped %d times; what New has opened must be closed", service.stops)
				}
				if _, err := os.Stat(r.statusPath()); err == nil {
					t.Error("registry.json is still there")
				}
			})
		})
	}
}

// TestStopIsBounded: SIGTERM ends the process within 10 s whatever hangs, and a
// second signal at once.
func TestStopIsBounded(t *testing.T) {
	for _, test := range []struct {
		name    string
		signals int
		within  time.Duration
	}{{"one signal", 1, 10 * time.Second}, {"two signals", 2, time.Second}} {
		for name, hang := range map[string]func(context.Context) error{
			"what stops heeds its context": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			"what stops hangs":             func(context.Context) error { time.Sleep(time.Hour); return nil },
		} {
			t.Run(test.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					service := newFakeService()
					close(service.ready)
					service.onStop = hang
					r := startRunning(t, service)
					synctest.Wait()
					began := time.Now() // of the bubble's clock
					for range test.signals {
						r.signals <- syscall.SIGTERM
					}
					code := <-r.code
					if took := time.Since(began); code != exitFailed || took > test.within {
						t.Errorf("code %d after %s", code, took)
					}
					time.Sleep(2 * time.Hour) // by the bubble's clock: what hangs has ended
				})
			})
		}
	}
}

func TestOpenFails(t *testing.T) {
	var out bytes.Buffer
	p := &program{
		Process: Process{Getenv: func(string) string { return "" }, Stdout: &out, Stderr: &out, Signals: make(chan os.Signal)},
		open:    func(registry.Options) (service, error) { return nil, errors.New("port taken") },
	}
	if code := p.run(); code != exitFailed || out.String() != "registry: start: port taken\n" {
		t.Errorf("code %d, %q", code, out.String())
	}
}

// TestDeniedAccess: who gave the database's user too few rights is told where to
// look.
func TestDeniedAccess(t *testing.T) {
	var out bytes.Buffer
	p := &program{
		Process: Process{Getenv: func(string) string { return "" }, Stdout: &out, Stderr: &out, Signals: make(chan os.Signal)},
		open: func(registry.Options) (service, error) {
			return nil, fmt.Errorf("prepare the tables: %w", store.ErrDenied)
		},
	}
	code := p.run()
	for _, want := range []string{"start: prepare the tables: the database denies access\n", "registry doctor", "docs/deploying.md"} {
		if code != exitFailed || !strings.Contains(out.String(), want) {
			t.Errorf("code %d, %q has no %q", code, out.String(), want)
		}
	}
}

// TestTakenPort: who starts a second one on a laptop is told how.
func TestTakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := Run(Process{
		Args:   []string{"--data-dir", t.TempDir(), "--query-port=0", "--node-port=0", "--pod-port=0", "--admin-port=0", "--http-port=" + port},
		Getenv: func(string) string { return "" }, Stdout: &out, Stderr: &out, Signals: make(chan os.Signal),
	})
	for _, want := range []string{"listen for HTTP: ", "perhaps another one runs", "--http-port"} {
		if code != exitFailed || !strings.Contains(out.String(), want) {
			t.Errorf("code %d, lacks %q:\n%s", code, want, out.String())
		}
	}
}

func TestJSONLogAnnouncesInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := newFakeService()
		close(service.ready)
		r := startRunning(t, service, "--log-format", "json", "--dsn", "root:secret@tcp(db:1)/d")
		synctest.Wait()
		r.signals <- os.Interrupt
		<-r.code
		for line := range strings.Lines(r.output.String()) {
			var record map[string]any
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Errorf("%v: %s", err, line)
			}
		}
		if text := r.output.String(); !strings.Contains(text, `"root@tcp(db:1)/d"`) || strings.Contains(text, "secret") {
			t.Errorf("the database is not named, or with its password:\n%s", text)
		}
	})
}

func TestStatusFileOfAnotherProcessStays(t *testing.T) {
	file := statusFileIn(t.TempDir())
	if err := file.write(place{PID: os.Getpid() + 1}); err != nil {
		t.Fatal(err)
	}
	if err := file.remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file.path); err != nil {
		t.Error("the file of another process was removed")
	}
	if err := file.removeStale(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.removeStale(), file.remove()); err != nil {
		t.Errorf("no file is an error: %v", err)
	}
}
