package podtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
)

// freePort finds a port that is free, and stays so while whoever listens there
// is stopped for a while: it lies below those that the kernel gives to
// connections. It asks by connecting: a listener of its own would live on in
// processes that are being started meanwhile.
func freePort(t testing.TB) int {
	t.Helper()
	const low, high = 20000, 30000
	for range 1000 {
		port := low + rand.N(high-low)
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if errors.Is(err, syscall.ECONNREFUSED) {
			return port
		}
		if err == nil {
			_ = conn.Close() // somebody else's
		}
	}
	t.Fatal("no port is free")
	return 0
}
