package mariadbtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
	"testing"
)

func randomBelow(n int) int { return rand.IntN(n) }

// portIsFree says that nobody listens on a port. It does not try to listen itself: a
// process that is just being started would inherit that, and hold the port for as
// long as it is not its own program yet.
func portIsFree(ctx context.Context, port int) bool {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		_ = conn.Close() // whoever it was
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED)
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
