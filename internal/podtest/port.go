package podtest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// freePort finds a port that is free, and stays so while whoever listens there
// is stopped for a while: it lies below those that the kernel gives to
// connections.
func freePort(t testing.TB) int {
	t.Helper()
	const low, high = 20000, 30000
	for range 1000 {
		port := low + rand.N(high-low)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no port is free")
	return 0
}
