package registry

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/routing/routingtest"
	"github.com/tarsregistry/tarsregistry/store"
)

// fakeLocks grants what a test says.
type fakeLocks func(store.LockRequest) (store.LockResult, error)

func (f fakeLocks) Lock(_ context.Context, r store.LockRequest) (store.LockResult, error) {
	return f(r)
}

func noLocks(store.LockRequest) (store.LockResult, error) {
	return store.LockResult{}, errors.New("no locks here")
}

// seedTable has the picture of the recorded seed rows.
func seedTable(t testing.TB, rules map[int32]string) *routing.Table {
	t.Helper()
	seed := routingtest.ReadSeed(t, rules)
	table := routing.NewTable(routing.Options{Tombstone: time.Minute})
	table.Replace(routing.Contents{
		Instances: seed.Instances, Rules: seed.Rules, Priorities: seed.Priorities, Registries: seed.Registries,
	})
	return table
}

// serveQuery listens for QueryObj for the time of the test.
func serveQuery(t testing.TB, l *lookups) (address string) {
	t.Helper()
	server := rpc.NewServer(rpc.Options{})
	bound, err := server.Listen(t.Context(), "tcp", "127.0.0.1:0", rpc.ListenOptions{}, l.servant())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx) // connections that a test left open
	})
	return bound.String()
}
