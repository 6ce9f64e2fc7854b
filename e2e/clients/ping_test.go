package clients

import (
	"context"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
)

// tarsPing is what every servant answers.
func tarsPing(c *replica.Caller) error {
	return c.TarsInvoke(context.Background(), 0, "tars_ping", nil, nil, nil, new(requestf.ResponsePacket))
}
