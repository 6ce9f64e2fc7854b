package registry

import (
	"context"
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/clean"
	"github.com/tarsregistry/tarsregistry/registry/commit"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// remover makes the changes that cleaning decides on.
type remover struct{ r *Registry }

// Remove removes the rows of an instance that is not live.
func (m remover) Remove(ctx context.Context, key naming.Key, reason, actor string) (bool, error) {
	return m.change(ctx, key.String(), store.Scope{Keys: []naming.Key{key}}, func(tx *store.Tx) transition.Outcome {
		return transition.Clean(tx, key, reason, actor)
	})
}

// RemoveNode removes the row of a node on which nothing is registered any more.
func (m remover) RemoveNode(ctx context.Context, node, _ string) (bool, error) {
	known := m.r.roster.OnNode(node)
	scope := store.Scope{Nodes: []string{node}, Keys: known}
	return m.change(ctx, "node "+node, scope, func(tx *store.Tx) transition.Outcome {
		return transition.RemoveNode(tx, node, known)
	})
}

func (m remover) change(ctx context.Context, what string, scope store.Scope, run func(*store.Tx) transition.Outcome) (bool, error) {
	var outcome transition.Outcome
	err := m.r.committer.Do(ctx, commit.Op{Scope: scope, Run: func(tx *store.Tx) error {
		outcome = run(tx)
		return nil
	}})
	if err != nil {
		return false, fmt.Errorf("remove %s: %w", what, err)
	}
	return outcome.Changed, nil
}

func (r *Registry) newCleaner() *clean.Cleaner {
	return clean.New(clean.Options{
		Store: r.store, Remover: remover{r},
		// One replica is enough; it is the one that sweeps.
		Leading: func() bool { return r.sweeper.Stats().Sweeping },
		After:   r.options.CleanAfter, LeaseTTL: r.options.LeaseTTL, Logger: r.logger,
	})
}

// cleanCommand is the admin command clean: a dry run unless told n.
func (r *Registry) cleanCommand(ctx context.Context, arguments string) (string, error) {
	request, err := clean.ParseCommand(arguments)
	if err != nil {
		return "", err
	}
	request.Actor = "admin"
	if call, ok := rpc.CallFromContext(ctx); ok {
		request.Actor = "admin " + call.Peer().Addr().Unmap().String()
	}
	report, err := operator{r}.Clean(ctx, request)
	if err != nil {
		return "", err
	}
	return report.String(), nil
}
