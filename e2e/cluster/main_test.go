//go:build cluster

package cluster

import (
	"os"
	"testing"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

func TestMain(m *testing.M) { os.Exit(replica.Main(m)) }
