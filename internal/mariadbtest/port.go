package mariadbtest

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

func randomBelow(n int) int { return rand.IntN(n) }

func portIsFree(ctx context.Context, port int) bool {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// Port gives a port of 127.0.0.1 that no other test on this machine gets before
// this one ends. The kernel gives it to nobody either while it is not listened on,
// so that a server can be started again where it was.
func Port(t testing.TB) int {
	t.Helper()
	space, err := openWorkspace()
	if err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
	port, release, err := space.reservePort(t.Context())
	if err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
	t.Cleanup(release)
	return port
}
