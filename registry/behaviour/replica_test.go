package behaviour

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/registry"
)

const (
	host = "127.0.0.1"
	// patience is far longer than anything that is awaited takes.
	patience = 2 * time.Minute
	// leaseTTL is short, so that leases can be seen to end; pods that tell no
	// interval have longer ones all the same (R17).
	leaseTTL = 3 * time.Second
	// stopTime is what a stop may take. It is no shorter on a machine where every
	// commit takes a second.
	stopTime = time.Minute
)

// replica is a registry that runs.
type replica struct {
	t        *testing.T
	registry *registry.Registry
	options  registry.Options
	log      *logBook
	stopped  bool
}

// options are those of a replica on the database.
func (d *database) options() registry.Options {
	listener := registry.Listener{Host: host}
	return registry.Options{
		DSN: d.dsn, DataDir: d.dir, Host: host,
		Query: listener, Node: listener, Pod: listener, HTTP: listener, Admin: listener,
		LeaseTTL: leaseTTL, CleanAfter: 24 * time.Hour, Tombstone: 150 * time.Second, Version: "test",
	}
}

// starts are the replicas that may be making their tables at one moment: more at
// once would only wait for the same disk, and everybody else with them.
var starts = make(chan struct{}, 2)

// start brings a replica up and waits until it serves, from the tables: where they
// are slow to be read it begins with what it has on disk.
func (d *database) start(change ...func(*registry.Options)) *replica {
	d.t.Helper()
	starts <- struct{}{}
	defer func() { <-starts }()
	r := d.launch(change...)
	r.awaitReady()
	await(d.t, func() string {
		if _, body := r.readyz(); strings.Contains(body, "the picture on disk") {
			return "readyz says " + body
		}
		return ""
	})
	return r
}

// second brings up another replica, with a data folder of its own.
func (d *database) second(change ...func(*registry.Options)) *replica {
	d.t.Helper()
	folder := d.t.TempDir()
	return d.start(append([]func(*registry.Options){func(o *registry.Options) { o.DataDir = folder }}, change...)...)
}

// launch starts a replica without waiting.
func (d *database) launch(change ...func(*registry.Options)) *replica {
	d.t.Helper()
	r := &replica{t: d.t, options: d.options(), log: newLogBook()}
	for _, f := range change {
		f(&r.options)
	}
	r.options.Logger = r.log.logger()
	var err error
	if r.registry, err = registry.New(r.options); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(r.stop)
	if err := r.registry.Start(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	return r
}

func (r *replica) awaitReady() {
	r.t.Helper()
	select {
	case <-r.registry.Ready():
	case err := <-r.registry.Err():
		r.t.Fatalf("the registry ended: %v", err)
	case <-time.After(patience):
		r.t.Fatalf("the registry is not ready; its log:\n%s", r.log)
	}
}

// stop ends the replica as SIGTERM does.
func (r *replica) stop() {
	r.t.Helper()
	if r.stopped {
		return
	}
	r.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if err := r.registry.Stop(ctx); err != nil && !r.log.mentions("cannot follow the database") {
		r.t.Errorf("stop the registry: %v", err)
	}
	if r.t.Failed() {
		r.t.Logf("log of the registry:\n%s", r.log)
	}
}

// readyz gives the HTTP status and body.
func (r *replica) readyz() (int, string) {
	r.t.Helper()
	return r.get("/readyz")
}

func (r *replica) get(path string) (int, string) {
	r.t.Helper()
	status, body, err := r.ask(path)
	if err != nil {
		r.t.Fatal(err)
	}
	return status, body
}

// ask is get for a replica that may be gone.
func (r *replica) ask(path string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.registry.Addresses().HTTP+path, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(text)), err
}

// await repeats a check until it says "", or fails with what it said last.
func await(t *testing.T, check func() string) {
	t.Helper()
	awaitWithin(t, patience, check)
}

// awaitWithin is await for what must happen soon. limit is many times what it
// should take.
func awaitWithin(t *testing.T, limit time.Duration, check func() string) {
	t.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		said := check()
		if said == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s still: %s", limit, said)
		}
		<-tick.C
	}
}
