//go:build unix

package bench

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
)

// operatorQuestions are what people and Prometheus ask of an installation with so
// many instances as adapters: 10,000 servers of one application.
var operatorQuestions = []struct {
	what, path string
	changed    bool // an instance registers before each
}{
	{"instances of a server (10)", "/api/v1/instances?application=" + application + "&server=Many0042Server", false},
	{"instances of an application (all), a page of 100", "/api/v1/instances?application=" + application, false},
	{"inactive instances (none)", "/api/v1/instances?state=inactive", false},
	{"instances, a page of 100", "/api/v1/instances", false},
	{"instances, a page of 1,000 from the middle", "/api/v1/instances?limit=1000&after=" + application + ".Many5000Server", false},
	{"servers with their counts, a page of 100", "/api/v1/servers", false},
	{"applications with their counts", "/api/v1/applications", false},
	{"objects, a page of 100", "/api/v1/objects", false},
	{"/metrics", "/metrics", false},
	{"/metrics, after a registration", "/metrics", true},
	{"/sd/prometheus, after a registration", "/sd/prometheus", true},
	{"/sd/prometheus, nothing changed since", "/sd/prometheus", false},
	{"/sd/prometheus of a server (10)", "/sd/prometheus?application=" + application + "&server=Many0042Server", false},
}

// BenchmarkOperator: how long the HTTP port takes with 100,000 instances, all of
// which serve metrics, and what the registry has in memory then.
func BenchmarkOperator(b *testing.B) {
	dsn := startMariaDB(b).Database(b)
	fill(b, dsn)
	fillMetrics(b, dsn)
	process, told := startRegistry(b, dsn, b.TempDir())
	time.Sleep(restTime)
	before := resident(b, process)
	const times = 30
	change := []load.Template{onStartup(b, instance{server: "Many0042Server", node: "10.255.0.1", uid: "5f0f4a1e-7c3d-4b21-9d58-ffffffffffff"})}
	table := results.section(fmt.Sprintf("HTTP with %d instances", adapters), "answer", "p50", "slowest of "+rate(times), "registry's CPU", "size")
	profiled := told.profile(b, "operator", restTime)
	for _, question := range operatorQuestions {
		var spent []float64
		var size int64
		var cpu float64
		for range times {
			if question.changed {
				send(b, told.Pod, change)
			}
			start := usage(b, process)
			began := time.Now()
			size = fetch(b, "http://"+told.HTTP+question.path)
			spent = append(spent, time.Since(began).Seconds())
			cpu += (usage(b, process).CPU - start.CPU).Seconds()
		}
		table.row(question.what, seconds(median(spent)), seconds(slices.Max(spent)), seconds(cpu/times), fmt.Sprintf("%d kB", size>>10))
	}
	profiled()
	table.note("Resident memory: %s before, %s after.", megabytes(int64(before)), megabytes(int64(resident(b, process))))
}

// fillMetrics has all instances of fill serve metrics.
func fillMetrics(b *testing.B, dsn string) {
	b.Helper()
	if _, err := mariadbtest.Open(b, dsn).ExecContext(b.Context(), "UPDATE t_registry_lease SET metrics_port = 9100"); err != nil {
		b.Fatal(err)
	}
}

// fetch reads an answer to its end and tells its length.
func fetch(b *testing.B, url string) int64 {
	b.Helper()
	response, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	size, err := io.Copy(io.Discard, response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s %v", url, response.Status, err)
	}
	return size
}
