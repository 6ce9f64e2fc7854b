//go:build unix

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/collector"
	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
	"github.com/tarsregistry/tarsregistry/registry"
)

// Variables that a child reads.
const (
	variableDSN     = "BENCH_DSN"
	variableDataDir = "BENCH_DATA_DIR"
	variableAnswer  = "BENCH_ANSWER" // file with the answer of the null servant
)

// ready is what a registry in a child tells when it serves.
type ready struct {
	registry.Addresses
	Profile string        // where net/http/pprof is
	Took    time.Duration // from New until Ready
}

// serveRegistry runs a registry with the settings it has by default, but for
// leases that last as long as the benchmarks.
func serveRegistry() (string, error) {
	free := registry.Listener{}
	started := time.Now()
	r, err := registry.New(registry.Options{
		DSN: os.Getenv(variableDSN), DataDir: os.Getenv(variableDataDir), Host: "127.0.0.1",
		Query: free, Node: free, Pod: free, HTTP: free, Admin: free,
		LeaseTTL: time.Hour, CleanAfter: 24 * time.Hour, Tombstone: 150 * time.Second,
		Version: "bench", Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return "", err
	}
	go collector.Run(context.Background(), r.Ready()) // as the command does; until the process ends
	if err := r.Start(context.Background()); err != nil {
		return "", err
	}
	select {
	case <-r.Ready():
	case err := <-r.Err():
		return "", err
	}
	told := ready{Addresses: r.Addresses(), Took: time.Since(started)}
	if told.Profile, err = serveProfile(); err != nil {
		return "", err
	}
	line, err := json.Marshal(told)
	return string(line), err
}

// serveProfile lets the parent take profiles of this process.
func serveProfile() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for profiles: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	go func() { _ = http.Serve(listener, mux) }() // until the process ends
	return listener.Addr().String(), nil
}

// startRegistry runs a registry on a database ("": embedded) until the benchmark
// ends.
func startRegistry(b *testing.B, dsn, dataDir string) (*load.Process, ready) {
	b.Helper()
	process := start(b, "registry", variableDSN+"="+dsn, variableDataDir+"="+dataDir)
	var told ready
	if err := json.Unmarshal([]byte(process.Address), &told); err != nil {
		b.Fatalf("what the registry told: %v", err)
	}
	return process, told
}

// profile writes a CPU profile of the registry's next turn, and its heap and
// metrics after it, to BENCH_PROFILE, a folder; without that it does nothing. done waits for it.
func (r ready) profile(b *testing.B, name string, length time.Duration) (done func()) {
	b.Helper()
	folder := os.Getenv("BENCH_PROFILE")
	if folder == "" {
		return func() {}
	}
	failure := make(chan error, 1)
	go func() {
		path := filepath.Join(folder, strings.ReplaceAll(name, " ", "-"))
		failure <- errors.Join(
			download(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", r.Profile, max(1, int(length.Seconds()))), path+".prof"),
			download("http://"+r.Profile+"/debug/pprof/heap", path+".heap"),
			download("http://"+r.HTTP+"/metrics", path+".txt"),
		)
	}()
	return func() {
		if err := <-failure; err != nil {
			b.Errorf("profile: %v", err)
		}
	}
}

func download(url, path string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, response.Body)
	return errors.Join(err, file.Close())
}

// metric reads one series of the registry's page, as it stands there but for the
// namespace.
func (r ready) metric(b *testing.B, series string) float64 {
	b.Helper()
	response, err := http.Get("http://" + r.HTTP + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	_, after, found := strings.Cut("\n"+string(page), "\ntarsregistry_"+series+" ")
	var value float64
	if _, err := fmt.Sscan(after, &value); err != nil || !found {
		b.Fatalf("no metric %s: %v", series, err)
	}
	return value
}
