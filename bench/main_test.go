//go:build unix

package bench

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/util/rogger"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
)

func TestMain(m *testing.M) {
	rogger.SetLevel(rogger.OFF)
	load.ServeChild(map[string]func() (string, error){
		"registry": serveRegistry,
		"picture":  servePicture,
		"null":     serveNull,
		"literal":  serveLiteral,
	})
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	os.Args = os.Args[:1] // TarsGo reads the command line too
	code := mariadbtest.Run(m)
	if err := results.write(os.Getenv("BENCH_REPORT")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
