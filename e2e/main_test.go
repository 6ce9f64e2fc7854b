//go:build !race

package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/util/rogger"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
)

// binary is the registry, built once for all tests by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	// TarsGo reads the command line too, and complains of flags that it does
	// not know.
	flag.Parse()
	os.Args = os.Args[:1]
	rogger.SetLevel(rogger.OFF) // what it logs, its calls return too
	dir, err := os.MkdirTemp("", "tarsregistry-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "registry")
	if err := build(binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return mariadbtest.Run(m)
}

func build(path string) error {
	arguments := []string{"build", "-o", path}
	if os.Getenv("TARSREGISTRY_E2E_RACE") != "" {
		arguments = append(arguments, "-race")
	}
	output, err := exec.Command("go", append(arguments, "../cmd/registry")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the registry: %w\n%s", err, output)
	}
	return nil
}
