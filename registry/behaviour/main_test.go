package behaviour

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// These tests wait for leases and comparisons much more than they compute:
	// so many may wait at once, unless -parallel says otherwise.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		if err := parallel.Value.Set("16"); err != nil {
			panic(err)
		}
	}
	// Databases that go away are part of the tests.
	if err := mysql.SetLogger(&mysql.NopLogger{}); err != nil {
		panic(err)
	}
	code := mariadbtest.Run(m)
	if err := databases.drop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}
