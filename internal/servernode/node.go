// Package servernode is tarsnode's side of the conversation with a server: where
// the server's configuration names a node, the supervisor takes its keepalives,
// and notices when a server that sent them has stopped.
package servernode

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/nodef"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
)

// Node answers as tarsnode's ServerObj does. It is safe for concurrent use.
type Node struct {
	server *rpc.Server
	log    *slog.Logger

	mu      sync.Mutex
	last    time.Time // of the last keepalive, zero before the first
	version string
}

// Listen opens the endpoint that the configuration's node names, a locator such
// as "tars.tarsnode.ServerObj@tcp -h 127.0.0.1 -p 19386 -t 60000". The caller
// must Close the node.
func Listen(ctx context.Context, locator string, log *slog.Logger) (*Node, error) {
	object, at, _ := strings.Cut(locator, "@")
	endpoint, err := naming.ParseEndpoint(at)
	if err != nil {
		return nil, fmt.Errorf("listen as the server's node %q: %w", locator, err)
	}
	n := &Node{log: log, server: rpc.NewServer(rpc.Options{MaxConnections: 100, Workers: 2, Linger: time.Millisecond})}
	_, err = n.server.Listen(ctx, "tcp", endpoint.Address(), rpc.ListenOptions{}, rpc.Servant{
		Name:     object,
		Dispatch: rpc.Generated(nodef.NewServerF(), n),
	})
	if err != nil {
		return nil, fmt.Errorf("listen as the server's node: %w", err)
	}
	return n, nil
}

// Close stops answering.
func (n *Node) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// What is not answered by then is not missed.
	_ = n.server.Shutdown(ctx)
}

// Restarted forgets what the server said that was there before.
func (n *Node) Restarted() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last, n.version = time.Time{}, ""
}

// Check is an error when a server that has sent keepalives sent none for longer
// than limit. A server that never sent any is not judged.
func (n *Node) Check(limit time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if silent := time.Since(n.last); !n.last.IsZero() && silent > limit {
		return fmt.Errorf("the server has sent its node no keepalive for %v", silent.Round(time.Second))
	}
	return nil
}

// Version is the Tars version that the server reported, or empty.
func (n *Node) Version() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.version
}

// KeepAlive takes a keepalive of the server or of one of its adapters.
func (n *Node) KeepAlive(_ context.Context, info *nodef.ServerInfo) (int32, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last.IsZero() {
		n.log.Info("the server reports to its node", "pid", info.Pid)
	}
	n.last = time.Now()
	return 0, nil
}

// KeepActiving takes a keepalive of a server that is still starting.
func (n *Node) KeepActiving(ctx context.Context, info *nodef.ServerInfo) (int32, error) {
	return n.KeepAlive(ctx, info)
}

// ReportVersion takes the server's Tars version.
func (n *Node) ReportVersion(_ context.Context, _, _, version string) (int32, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.version = version
	return 0, nil
}

// GetLatestKeepAliveTime is the time of the last keepalive in seconds since
// 1970, 0 before the first.
func (n *Node) GetLatestKeepAliveTime(context.Context) (uint32, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last.IsZero() {
		return 0, nil
	}
	return uint32(n.last.Unix()), nil
}
