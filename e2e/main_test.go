//go:build !race

package e2e

import (
	"flag"
	"os"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/util/rogger"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	_ "github.com/tarsregistry/tarsregistry/internal/registrycmd" // so that go test runs again when the program has changed
)

func TestMain(m *testing.M) {
	// TarsGo reads the command line too, and complains of flags that it does
	// not know.
	flag.Parse()
	os.Args = os.Args[:1]
	rogger.SetLevel(rogger.OFF) // what it logs, its calls return too
	os.Exit(replica.Main(m))
}
