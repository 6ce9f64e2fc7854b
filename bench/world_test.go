//go:build unix

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
)

// startMariaDB starts one with memory for what is measured; otherwise as it comes:
// an acknowledged commit is on disk.
func startMariaDB(b *testing.B) *mariadbtest.Server {
	b.Helper()
	return mariadbtest.Start(b, mariadbtest.Setting("innodb-buffer-pool-size", "512M"))
}

// world is a registry on MariaDB with 10,000 instances on 10,000 nodes: 1,000
// servers with ten each.
type world struct {
	server   *mariadbtest.Server
	dsn      string
	process  *load.Process
	registry ready
	fleet    []instance
}

func newWorld(b *testing.B) *world {
	b.Helper()
	w := &world{server: startMariaDB(b), fleet: fleet("Some", 1000, 10, 1)}
	w.dsn = w.server.Database(b)
	w.process, w.registry = startRegistry(b, w.dsn, b.TempDir())
	send(b, w.registry.Pod, templates(b, w.fleet, onStartup))
	w.rest()
	return w
}

// rest lets what follows a registration pass: rows that were written a moment ago
// are looked at again for some seconds (R23).
func (w *world) rest() { time.Sleep(restTime) }

const restTime = 8 * time.Second

// idle is the processor time in milliseconds that a registry nobody calls uses in
// a second.
func idle(b *testing.B, process *load.Process) float64 {
	b.Helper()
	before := usage(b, process)
	time.Sleep(idleTime)
	return (usage(b, process).CPU - before.CPU).Seconds() * 1000 / idleTime.Seconds()
}

const idleTime = 6 * time.Second // two of its slowest rhythm

// questions is how many statements MariaDB has been sent, BEGIN and COMMIT among
// them.
func (w *world) questions(b *testing.B) func() float64 {
	b.Helper()
	db := mariadbtest.Open(b, w.dsn)
	return func() float64 {
		var name string
		var n float64
		if err := db.QueryRowContext(b.Context(), "SHOW GLOBAL STATUS LIKE 'Questions'").Scan(&name, &n); err != nil {
			b.Fatal(err)
		}
		return n
	}
}

// resident is the memory in bytes that a process keeps after a garbage collection.
func resident(b *testing.B, process *load.Process) float64 {
	b.Helper()
	used, err := process.Settled()
	if err != nil {
		b.Fatal(err)
	}
	return float64(used.Resident)
}

// databaseCPU tells the processor time that the server behind dsn has used; nil
// where it is not a process of this machine.
func databaseCPU(b *testing.B, dsn string) func() time.Duration {
	b.Helper()
	var folder, file string
	if err := mariadbtest.Open(b, dsn).QueryRowContext(b.Context(), "SELECT @@datadir, @@pid_file").Scan(&folder, &file); err != nil {
		b.Fatal(err)
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(folder, file)
	}
	pid, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	stat := filepath.Join("/proc", strings.TrimSpace(string(pid)), "stat")
	if _, err := processorTime(stat); err != nil {
		return nil
	}
	return func() time.Duration {
		used, err := processorTime(stat)
		if err != nil {
			b.Fatal(err)
		}
		return used
	}
}

// processorTime reads the user and system time of a process, which Linux counts
// in hundredths of a second.
func processorTime(stat string) (time.Duration, error) {
	text, err := os.ReadFile(stat)
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), ") ") // the name may have blanks
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("%s: %d fields", stat, len(fields))
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, err
}

// literal runs the literal servant on a copy of the registry's tables.
func (w *world) literal(b *testing.B) *contender {
	b.Helper()
	process := start(b, "literal", variableDSN+"="+literalDatabase(b, w.server, w.dsn))
	return &contender{process: process, address: process.Address, database: databaseCPU(b, w.dsn)}
}

func header(first ...string) []string {
	return slices.Concat(first, cellNames(), []string{"rate to null"})
}

// compare enters contenders of one shape into a table, the first compared with the
// null servant.
func (s *section) compare(shape shape, ours, null *contender, others map[string]*contender) {
	s.row(slices.Concat([]string{shape.name, "registry"}, ours.cells(), []string{ratio(ours.against(null))})...)
	s.row(slices.Concat([]string{"", "null servant, TarsGo"}, null.cells(), []string{""})...)
	for name, other := range others {
		s.row(slices.Concat([]string{"", name}, other.cells(), []string{ratio(other.against(null))})...)
	}
}
