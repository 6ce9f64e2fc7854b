//go:build !race

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/tars"
)

// soakVariable is set by make soak; without it the test is a short one that holds
// the measuring itself to work.
const soakVariable = "TARSREGISTRY_SOAK"

// The churn of a soak.
const (
	soakPods    = 500
	soakCallers = 16
	soakRounds  = 5   // readings of what is used, the first after warming up
	soakWarm    = 100 // calls of each caller until then
)

// reading is what a process uses at a moment.
type reading struct {
	goroutines, files, heap, resident float64
	database, log                     int64
}

// TestSoak: under churn nothing grows but what is to grow, which is the event
// log: its rows are kept for days. make soak runs it on one of the databases.
func TestSoak(t *testing.T) { onBothDatabases(t, soak) }

func soak(t *testing.T, d database) {
	length := 5 * time.Second
	if text := os.Getenv(soakVariable); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", soakVariable, err)
		}
	}
	p := d.serve(t)
	stop := make(chan struct{})
	var churning, warming sync.WaitGroup
	for worker := range soakCallers {
		warming.Add(1)
		churning.Go(func() { p.churn(t, worker, sync.OnceFunc(warming.Done), stop) })
	}
	warming.Wait() // until all have their connections
	var readings []reading
	for range soakRounds {
		select {
		case <-time.After(length / soakRounds):
		case <-p.Exited:
			t.Fatalf("the registry ended: %s", p.Stderr.String())
		}
		readings = append(readings, p.measure(t, d))
		t.Logf("%+v", readings[len(readings)-1])
	}
	close(stop)
	churning.Wait()
	p.flat(t, readings)
	p.stop(t)
}

// churn lets pods come, beat, change their state, leave and be looked up.
func (p *process) churn(t *testing.T, worker int, warm func(), stop <-chan struct{}) {
	defer warm()
	c := p.clients(t)
	for calls := 0; ; calls++ {
		if calls == soakWarm {
			warm()
		}
		select {
		case <-stop:
			return
		default:
		}
		node := fmt.Sprintf("10.8.%d.%d", worker, rand.IntN(soakPods/soakCallers)+1)
		beat := &tars.KeepAliveReq{NodeName: node, Application: "Demo", Server: "HelloServer", State: "active"}
		call := func() error { return c.pods.KeepAlive(beat) }
		switch rand.IntN(10) {
		case 0:
			call = func() error { return c.pods.OnStartup(hello(node)) }
		case 1:
			call = func() error {
				return c.pods.OnPrestop(&tars.OnPrestopReq{NodeName: node, Application: "Demo", Server: "HelloServer"})
			}
		case 2:
			beat.State = "inactive"
		case 3, 4, 5:
			call = func() error { _, _, err := c.find("Demo.HelloServer.HelloObj"); return err }
		}
		if err := again(patience, call); err != nil && t.Context().Err() == nil {
			t.Errorf("a call fails: %v", err)
			return
		}
	}
}

func (p *process) measure(t *testing.T, d database) reading {
	t.Helper()
	_, page := p.get(t, "/metrics", nil)
	value := func(name string) float64 {
		match := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(page)
		if match == nil {
			t.Fatalf("/metrics has no %s", name)
		}
		number, err := strconv.ParseFloat(match[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return number
	}
	r := reading{
		goroutines: value("go_goroutines"), files: value("process_open_fds"),
		heap: value("go_memstats_heap_inuse_bytes"), resident: value("process_resident_memory_bytes"),
		log: int64(len(p.Stderr.String())),
	}
	if d.dsn != "" {
		const size = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
		if err := d.open(t).QueryRowContext(t.Context(), size).Scan(&r.database); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(p.dataDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil { // one may be replaced just now
			r.database += info.Size()
		}
	}
	return r
}

// flat compares the last reading with the first.
func (p *process) flat(t *testing.T, readings []reading) {
	t.Helper()
	first, last := readings[0], readings[len(readings)-1]
	for name, pair := range map[string][3]float64{ // first, last, what may be added beyond a half
		"goroutines":         {first.goroutines, last.goroutines, 20},
		"open files":         {first.files, last.files, 20},
		"heap in bytes":      {first.heap, last.heap, 32 << 20},
		"resident memory":    {first.resident, last.resident, 160 << 20}, // SQLite fills its page caches: 64 MB for the writer, 8 MB for each of four readers
		"the log's in bytes": {float64(first.log), float64(last.log), 64 << 10},
	} {
		if pair[1] > pair[0]*1.5+pair[2] {
			t.Errorf("%s went from %.0f to %.0f", name, pair[0], pair[1])
		}
	}
	_, page := p.get(t, "/metrics", nil)
	events := 0.0
	for _, match := range regexp.MustCompile(`(?m)^tarsregistry_events_total\{[^}]*\} (\S+)$`).FindAllStringSubmatch(page, -1) {
		number, _ := strconv.ParseFloat(match[1], 64)
		events += number
	}
	const perEvent, fixed = 600, 64 << 20 // bytes of an event with its indexes; the rest, write-ahead log included
	if allowed := int64(events*perEvent) + fixed; last.database > allowed {
		t.Errorf("the database has %d bytes after %.0f events, more than %d", last.database, events, allowed)
	}
	t.Logf("%.0f events", events)
}
