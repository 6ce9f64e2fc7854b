//go:build linux

package podtest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// Client calls a pod's adapter all the time over one connection, and never
// learns that the pod is leaving: a client with the old list.
type Client struct {
	Calls, Failures atomic.Int64
	stop            context.CancelFunc
	group           sync.WaitGroup
}

// NewClient calls the pod's first adapter every interval until Stop.
func NewClient(t testing.TB, p *Pod, every time.Duration) *Client {
	t.Helper()
	info, err := pod.LoadInfo(pod.Paths{Root: p.Dir})
	if err != nil {
		t.Fatal(err)
	}
	adapter := info.Conf.Adapters[0]
	dialer := tarsclient.Dialer{Timeout: 2 * time.Second}
	conn, err := dialer.Dial(t.Context(), adapter.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := &Client{stop: cancel}
	c.group.Go(func() {
		defer func() { _ = conn.Close() }()
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			_, err := conn.Invoke(ctx, tarsclient.Request{Servant: info.Servant(adapter), Function: "echo", Body: make([]byte, 200)})
			if ctx.Err() != nil {
				return
			}
			c.Calls.Add(1)
			if err != nil {
				c.Failures.Add(1)
				return
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(c.Stop)
	return c
}

// Stop ends the calls and hangs up.
func (c *Client) Stop() {
	c.stop()
	c.group.Wait()
}
