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
//
//nolint:gochecknoglobals // tests of one package have no other place to meet
var builds struct {
	mu    sync.Mutex
	dir   string
	files map[string]string
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
	builds.mu.Lock()
	defer builds.mu.Unlock()
	if file := builds.files[importPath]; file != "" {
		return file
	}
	file, err := build(importPath)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func build(importPath string) (string, error) {
	if builds.dir == "" {
		dir, err := os.MkdirTemp("", "podtest")
		if err != nil {
			return "", err
		}
		builds.dir, builds.files = dir, make(map[string]string)
	}
	file := filepath.Join(builds.dir, filepath.Base(importPath))
	args := []string{"build", "-o", file}
	if watchRaces && !ofTarsGo(importPath) {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, importPath)...).CombinedOutput() //nolint:gosec // a program of ours
	if err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", importPath, err, out)
	}
	builds.files[importPath] = file
	return file, nil
}

// ofTarsGo tells the programs that are made with TarsGo's framework, which has
// races of its own.
func ofTarsGo(importPath string) bool {
	return strings.Contains(filepath.Base(importPath), "tarsgo")
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
