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
	_ "github.com/tarsregistry/tarsregistry/internal/registrycmd" // so that go test runs again when the program has changed
)

// binary is the registry, and tarscli the tool of that name, built once for all
// tests by TestMain.
var binary, tarscli string

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
	binary, tarscli = filepath.Join(dir, "registry"), filepath.Join(dir, "tarscli")
	for path, from := range map[string]string{binary: "../cmd/registry", tarscli: "../cmd/tarscli"} {
		if err := build(path, from); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return mariadbtest.Run(m)
}

func build(path, from string) error {
	arguments := []string{"build", "-o", path}
	if os.Getenv("TARSREGISTRY_E2E_RACE") != "" {
		arguments = append(arguments, "-race")
	}
	output, err := exec.Command("go", append(arguments, from)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build %s: %w\n%s", from, err, output)
	}
	return nil
}
