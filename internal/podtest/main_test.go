//go:build linux

package podtest

import (
	"flag"
	"os"
	"testing"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

// TestMain lets many pods live at a time: they spend their lives waiting.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(replica.Main(m))
}
