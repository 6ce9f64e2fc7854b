package mariadbtest

import (
	"math/rand/v2"
	"net"
	"strconv"
)

func randomBelow(n int) int { return rand.IntN(n) }

func portIsFree(port int) bool {
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
