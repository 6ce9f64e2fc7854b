//go:build unix

package mariadbtest

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
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
