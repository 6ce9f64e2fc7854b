package replica

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
)

const module = "github.com/tarsregistry/tarsregistry/"

// programs are built once for all tests of a process, in a folder that Main
// removes. Go offers tests of one package no other place to meet.
//
//nolint:gochecknoglobals // see above
var programs struct {
	sync.Mutex
	dir   string
	files map[string]string
}

// Main runs the tests of a package that starts registries. TestMain calls it.
func Main(m *testing.M) (code int) {
	defer func() {
		programs.Lock()
		defer programs.Unlock()
		_ = os.RemoveAll(programs.dir) // "" is nothing
	}()
	return mariadbtest.Run(m)
}

// BuildFlags have programs of ours watch for data races: where the tests
// themselves do, or where TARSREGISTRY_E2E_RACE is set.
func BuildFlags() []string {
	if raceDetector || os.Getenv("TARSREGISTRY_E2E_RACE") != "" {
		return []string{"-race"}
	}
	return nil
}

// Registry builds the registry and gives the file.
func Registry(t testing.TB) string {
	t.Helper()
	return Build(t, "cmd/registry", BuildFlags()...)
}

// Build builds a program of this module, named by its folder ("cmd/registry"), and
// gives the file.
func Build(t testing.TB, folder string, flags ...string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if file := programs.files[folder]; file != "" {
		return file
	}
	if programs.dir == "" {
		dir, err := os.MkdirTemp("", "tarsregistry-replica-") //nolint:usetesting // for all tests, not only this one
		if err != nil {
			t.Fatal(err)
		}
		programs.dir, programs.files = dir, map[string]string{}
	}
	file := filepath.Join(programs.dir, strconv.Itoa(len(programs.files)), filepath.Base(folder))
	arguments := append([]string{"build", "-o", file}, flags...)
	//nolint:gosec,noctx // the test's own words; a build is not to be left half done
	output, err := exec.Command("go", append(arguments, module+folder)...).CombinedOutput()
	if err != nil {
		t.Fatalf("build %s: %v\n%s", folder, err, output)
	}
	programs.files[folder] = file
	return file
}
