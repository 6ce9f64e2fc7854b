package replica

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
)

// Replica is one registry. Its methods are for one goroutine at a time.
type Replica struct {
	// Addresses are where it serves, the same for all its life.
	Addresses Addresses
	// DataDir holds its picture on disk and its embedded database.
	DataDir string

	t         testing.TB
	program   string
	arguments []string
	process   *Process // nil while it is down
	past      []string // what processes before it have said
}

// Addresses is registry.json.
type Addresses struct {
	PID   int    `json:"pid"`
	Query string `json:"query"`
	Node  string `json:"node"`
	Pod   string `json:"pod"`
	HTTP  string `json:"http"`
	Admin string `json:"admin"`
}

// Start starts a registry for this test, with further arguments, and waits until
// it serves. It runs on the embedded database unless the arguments say otherwise.
func Start(t testing.TB, arguments ...string) *Replica {
	t.Helper()
	r := New(t, arguments...)
	r.Start()
	return r
}

// New makes a registry that is not started yet.
func New(t testing.TB, arguments ...string) *Replica {
	t.Helper()
	// Ports that it can have again after it was killed.
	for _, flag := range []string{"--query-port", "--pod-port", "--node-port", "--http-port", "--admin-port"} {
		arguments = append(arguments, flag, strconv.Itoa(mariadbtest.Port(t)))
	}
	r := &Replica{t: t, DataDir: t.TempDir(), arguments: arguments, program: Registry(t)}
	t.Cleanup(func() {
		if r.process == nil {
			return
		}
		r.Kill()
		if t.Failed() {
			t.Logf("the registry %v said:\n%s", r.Addresses, tail(r.past[len(r.past)-1], tailLines))
		}
	})
	return r
}

// Start starts it and waits until it serves.
func (r *Replica) Start() {
	r.t.Helper()
	r.Launch()
	r.AwaitServing(time.Minute)
}

// Launch starts it and does not wait.
func (r *Replica) Launch() {
	r.t.Helper()
	if r.process != nil {
		r.t.Fatal("the registry runs already")
	}
	arguments := append([]string{"--data-dir", r.DataDir}, r.arguments...)
	process, err := start(r.program, arguments...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.process = process
}

// AwaitServing waits until it serves.
func (r *Replica) AwaitServing(within time.Duration) {
	r.t.Helper()
	r.Addresses = r.process.AwaitServing(r.t, r.DataDir, within)
}

// AwaitServing waits until the process, a registry with that data folder, serves,
// and gives where.
func (p *Process) AwaitServing(t testing.TB, dataDir string, within time.Duration) (found Addresses) {
	t.Helper()
	Eventually(t, within, "the registry serves", func() error {
		if !p.Runs() {
			t.Fatalf("the registry ended with %v:\n%s", p.command.ProcessState, p.tail())
		}
		var err error
		if found, err = ReadAddresses(dataDir); err != nil {
			return err
		}
		if found.PID != p.PID() {
			return fmt.Errorf("registry.json is that of process %d", found.PID)
		}
		return nil
	})
	return found
}

// ReadAddresses reads the registry.json of a data folder.
func ReadAddresses(dataDir string) (found Addresses, err error) {
	text, err := os.ReadFile(filepath.Join(dataDir, "registry.json"))
	if err != nil {
		return found, err
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return found, fmt.Errorf("read registry.json: %w", err)
	}
	return found, nil
}

// Stop ends it as Kubernetes does and holds it to the 10 s that it promises, by its
// own clock: one that could not do all in that time says so by its exit code.
func (r *Replica) Stop() {
	r.t.Helper()
	if code := r.Terminate(); code != 0 {
		r.t.Errorf("exit code %d after SIGTERM:\n%s", code, tail(r.past[len(r.past)-1], tailLines))
	}
}

// Terminate is Stop where the exit code need not be 0: the database may be away.
func (r *Replica) Terminate() (code int) {
	r.t.Helper()
	code = r.process.Terminate(r.t, time.Minute) // the machine may be busy
	r.gone()
	return code
}

func (r *Replica) gone() {
	r.past = append(r.past, r.process.Said())
	r.process = nil
}

// Kill ends it as a power cut does.
func (r *Replica) Kill() {
	r.process.Kill()
	r.gone()
}

// Runs says whether it was started and has not ended, by itself or otherwise.
func (r *Replica) Runs() bool {
	return r.process != nil && r.process.Runs()
}

// Said is all that it has said, over all its lives.
func (r *Replica) Said() string {
	text := strings.Join(r.past, "")
	if r.process != nil {
		text += r.process.Said()
	}
	return text
}

// Locator is how clients find look-ups of the registries: all of them, as the
// setting locator of a Tars client has it.
func Locator(replicas ...*Replica) string {
	endpoints := make([]string, 0, len(replicas))
	for _, r := range replicas {
		host, port, err := net.SplitHostPort(r.Addresses.Query)
		if err != nil {
			r.t.Fatal(err)
		}
		endpoints = append(endpoints, fmt.Sprintf("tcp -h %s -p %s -t 3000", host, port))
	}
	return "tars.tarsregistry.QueryObj@" + strings.Join(endpoints, ":")
}

// Eventually tries again and again until attempt gives no error.
func Eventually(t testing.TB, within time.Duration, what string, attempt func() error) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := attempt()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not after %s: %v", what, within, err)
		}
	}
}
