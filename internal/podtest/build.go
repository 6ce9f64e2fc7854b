package podtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// builds makes each program once in a test binary's life.
var builds struct {
	mu       sync.Mutex
	dir      string
	programs map[string]func() (string, error) // by import path
}

// Main runs the tests of a package that builds programs, and removes those.
// TestMain calls it.
func Main(m *testing.M) int {
	code := m.Run()
	if err := os.RemoveAll(builds.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// Build builds the package, named by its import path, and returns the file.
func Build(t testing.TB, importPath string) string {
	t.Helper()
	file, err := program(importPath)()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// program returns what builds a program the first time and waits for that later.
func program(importPath string) func() (string, error) {
	builds.mu.Lock()
	defer builds.mu.Unlock()
	if builds.programs == nil {
		builds.programs = make(map[string]func() (string, error))
	}
	once := builds.programs[importPath]
	if once == nil {
		once = sync.OnceValues(func() (string, error) { return build(importPath) })
		builds.programs[importPath] = once
	}
	return once
}

func build(importPath string) (string, error) {
	dir, err := buildDir()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, filepath.Base(importPath))
	args := []string{"build", "-o", file}
	if watchRaces && watched(importPath) {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, importPath)...).CombinedOutput() //nolint:gosec // a program of ours
	if err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", importPath, err, out)
	}
	return file, nil
}

func buildDir() (string, error) {
	builds.mu.Lock()
	defer builds.mu.Unlock()
	if builds.dir == "" {
		dir, err := os.MkdirTemp("", "podtest")
		if err != nil {
			return "", err
		}
		builds.dir = dir
	}
	return builds.dir, nil
}

// watched tells the programs that are watched for data races: what runs in
// pods. The registry has its own tests for that and would be too slow here, and
// TarsGo's framework has races of its own.
func watched(importPath string) bool {
	return importPath == module+"cmd/tarscli" || strings.HasSuffix(importPath, "/podserver")
}

const module = "github.com/tarsregistry/tarsregistry/"

// Tarscli builds the real tarscli.
func Tarscli(t testing.TB) string { return Build(t, module+"cmd/tarscli") }

// PodServer builds the small server that misbehaves on demand.
func PodServer(t testing.TB) string { return Build(t, module+"internal/podtest/testdata/podserver") }

// TarsGoServer builds the server of the TarsGo framework.
func TarsGoServer(t testing.TB) string {
	return Build(t, module+"internal/podtest/testdata/tarsgoserver")
}
