package registrycmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/settings"
	"github.com/tarsregistry/tarsregistry/registry"
)

// place says where everything of a running registry is.
type place struct {
	PID int `json:"pid"`
	registry.Addresses

	version  string
	database string
	dataDir  string
	scheme   string // of HTTP
	lease    time.Duration
	clean    time.Duration
}

func placeOf(addresses registry.Addresses, o registry.Options, version string) place {
	dataDir, err := filepath.Abs(o.DataDir)
	if err != nil {
		dataDir = o.DataDir
	}
	database := settings.DescribeDatabase(o.DSN)
	if database == "" {
		database = filepath.Join(dataDir, registry.DatabaseFile) + " (embedded)"
	}
	scheme := "http"
	if o.HTTP.TLS != nil {
		scheme = "https"
	}
	return place{
		scheme: scheme,
		PID:    os.Getpid(), Addresses: addresses, version: version,
		database: database, dataDir: dataDir, lease: o.LeaseTTL, clean: o.CleanAfter,
	}
}

// announce tells people by a screen, and machines that read a log in JSON by a
// record.
func (p *program) announce(at place, asJSON bool) {
	if asJSON {
		newLogger(p.Stderr, true, slog.LevelInfo).LogAttrs(context.Background(), slog.LevelInfo, "serving",
			slog.Int("pid", at.PID), slog.String("version", at.version),
			slog.String("query", at.Query), slog.String("node", at.Node), slog.String("pod", at.Pod),
			slog.String("http", at.HTTP), slog.String("admin", at.Admin),
			slog.String("database", at.database), slog.String("data_dir", at.dataDir))
		return
	}
	at.print(p.Stdout)
}

func (at place) print(out io.Writer) {
	fmt.Fprintf(out, "registry %s is serving, process %d\n\n", at.version, at.PID)
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	row := func(columns ...string) { fmt.Fprintf(table, "  %s\n", strings.Join(columns, "\t")) }
	row("look-ups", orOff(at.Query), "tars.tarsregistry.QueryObj")
	row("pods", orOff(at.Pod), "tars.tarsregistry.Registry")
	row("tarsnode", orOff(at.Node), "tars.tarsregistry.RegistryObj")
	row("admin", orOff(at.Admin), "AdminObj")
	row("http", orOff(webAddress(at.scheme, at.HTTP)), "console, /api/v1, /metrics, /sd/prometheus, /healthz, /readyz")
	_ = table.Flush() // what writes to a terminal has nobody to tell an error
	fmt.Fprintf(out, `
  database   %s
  data       %s (registry.json has these addresses)
  leases     %s without a heartbeat, removed after %s
%s
Ctrl-C stops it.
`, at.database, at.dataDir, at.lease, at.clean, at.tour())
}

// tour says how to try what is on.
func (at place) tour() string {
	var b strings.Builder
	if host, port, err := net.SplitHostPort(at.Query); err == nil {
		fmt.Fprintf(&b, "  locator    tars.tarsregistry.QueryObj@tcp -h %s -p %s\n", host, port)
	}
	if at.Pod != "" && at.Query != "" {
		fmt.Fprintf(&b, `
Try it, from the source folder:
  go run ./examples/register --registry %s
  go run ./examples/find --locator %s
`, at.Pod, at.Query)
		if at.HTTP != "" {
			fmt.Fprintf(&b, "  go run ./cmd/tarscli list instances --api %s\n", webAddress(at.scheme, at.HTTP))
		}
	}
	return b.String()
}

func orOff(address string) string { return cmp.Or(address, "off") }

func webAddress(scheme, address string) string {
	if address == "" {
		return ""
	}
	return scheme + "://" + address
}
