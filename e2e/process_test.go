//go:build !race

package e2e

import (
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

// process is a registry that runs, or has ended.
type process struct {
	*replica.Process
	dataDir string

	// addresses are known once it serves.
	addresses replica.Addresses
}

// anyPorts lets tests run beside each other and beside a registry at home.
func anyPorts() []string {
	return []string{"--query-port=0", "--node-port=0", "--pod-port=0", "--http-port=0", "--admin-port=0"}
}

// launch starts a registry and does not wait for it. It is killed at the end of
// the test if it still runs.
func launch(t *testing.T, dataDir string, args ...string) *process {
	t.Helper()
	return &process{Process: replica.Run(t, replica.Registry(t), append(args, "--data-dir", dataDir)...), dataDir: dataDir}
}

// serve starts a registry on free ports and waits until it serves.
func serve(t *testing.T, dataDir string, args ...string) *process {
	t.Helper()
	p := launch(t, dataDir, append(anyPorts(), args...)...)
	p.awaitServing(t)
	return p
}

func (p *process) awaitServing(t *testing.T) {
	t.Helper()
	p.addresses = p.AwaitServing(t, p.dataDir, time.Minute)
}

// stop ends the registry as Kubernetes does and holds it to the 10 s that it
// promises, by its own clock: one that could not do all in that time says so by its
// exit code. This machine may be busy.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if code := p.Terminate(t, time.Minute); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}
