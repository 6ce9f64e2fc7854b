package clients

import (
	"context"
	"net"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

// freePort gives a port of the host that nobody listens on now.
func freePort(t *testing.T, host string) int {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// tarsPing is what every servant answers.
func tarsPing(c *replica.Caller) error {
	return c.TarsInvoke(context.Background(), 0, "tars_ping", nil, nil, nil, new(requestf.ResponsePacket))
}
