//go:build !unix

package mariadbtest

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Elsewhere no server is started, because lockFile refuses: tests compile, and run
// on the server of TARSREGISTRY_TEST_DSN.

const (
	stopSignal     = syscall.Signal(-1)
	continueSignal = syscall.Signal(-1)
)

func dieWithParent() *syscall.SysProcAttr { return nil }

func awaitStopped(int) {}

func ownedByUser(fs.FileInfo) bool { return true }

var errNoServers = errors.New("a server for tests is started on unix systems only; set TARSREGISTRY_TEST_DSN")

func lockFile(*os.File, bool) error { return errNoServers }
