//go:build !race

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/tars"
)

// TestPrometheus: a real one finds servers by /sd/prometheus and scrapes them
// and the registry.
func TestPrometheus(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatalf("%v; make deps installs it", err)
	}
	p := serve(t, t.TempDir())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "hello_requests_total 7")
	}))
	t.Cleanup(server.Close)
	host, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	number, _ := strconv.Atoi(port)
	c := p.clients(t)
	mustRegister(t, c, host)
	replica.Eventually(t, patience, "register metrics", func() error {
		return c.pods.RegisterMetrics(&tars.RegisterMetricsReq{NodeName: host, Application: "Demo", Server: "HelloServer", MetricsPort: int32(number)})
	})
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n"+
		"  - {job_name: registry, static_configs: [{targets: ['%[1]s']}]}\n"+
		"  - {job_name: servers, http_sd_configs: [{url: 'http://%[1]s/sd/prometheus?application=Demo', refresh_interval: 1s}]}\n", p.addresses.HTTP)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", mariadbtest.Port(t))
	var log replica.Output
	command := exec.CommandContext(t.Context(), program, "--config.file="+config, "--storage.tsdb.path="+dir, "--web.listen-address="+address)
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("prometheus said:\n%s", &log)
		}
	})
	for query, want := range map[string]string{
		`hello_requests_total{application="Demo",server="HelloServer",job="servers"}`: "7",
		`tarsregistry_instances{state="active",job="registry"}`:                       "1",
		`up{job="servers"}`: "1",
	} {
		replica.Eventually(t, time.Minute, query, func() error { return queried(address, query, want) })
	}
}

// queried asks Prometheus for one value.
func queried(address, query, want string) error {
	response, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if len(answer.Data.Result) != 1 || answer.Data.Result[0].Value[1] != want {
		return fmt.Errorf("answer %+v, want %s", answer, want)
	}
	return nil
}

// TestAlertsAreWellFormed: Prometheus takes the alerts and the scrape
// configuration of the documentation as they stand.
func TestAlertsAreWellFormed(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) != 2 {
		t.Fatalf("the page has %d blocks of YAML", len(blocks))
	}
	for i, check := range []string{"rules", "config"} {
		path := filepath.Join(t.TempDir(), check+".yml")
		if err := os.WriteFile(path, blocks[i][1], 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := exec.CommandContext(t.Context(), "promtool", "check", check, path).CombinedOutput(); err != nil {
			t.Errorf("promtool check %s: %v\n%s", check, err, said)
		}
	}
}
