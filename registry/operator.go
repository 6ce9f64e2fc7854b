package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/clean"
	"github.com/tarsregistry/tarsregistry/registry/commit"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// operatorDeadline bounds what an operator asks for: a person waits longer than
// a pod.
const operatorDeadline = 5 * time.Second

// operator makes the changes that people ask for, over HTTP or the admin
// servant, and leaves an audit line for each, done or refused.
type operator struct{ r *Registry }

// SetFlow turns an instance's flow on or off (R12).
func (o operator) SetFlow(ctx context.Context, key naming.Key, on bool, reason, actor string) error {
	return o.change(ctx, "flow", key, actor, func(tx *store.Tx) (transition.Outcome, error) {
		return transition.Flow(tx, key, on, reason, actor)
	})
}

// Deregister ends a pod's instance; only its next start brings it back (R13).
func (o operator) Deregister(ctx context.Context, key naming.Key, reason, actor string) error {
	return o.change(ctx, "deregister", key, actor, func(tx *store.Tx) (transition.Outcome, error) {
		return transition.Deregister(tx, key, reason, actor)
	})
}

// Clean removes what pods left behind, or with DryRun tells what it would.
func (o operator) Clean(ctx context.Context, request clean.Request) (clean.Report, error) {
	if err := o.r.writable(); err != nil {
		return clean.Report{}, err
	}
	report, err := o.r.cleaner.Clean(ctx, request)
	what := fmt.Sprintf("%d servers, %d nodes", len(report.Servers), len(report.Nodes))
	if request.DryRun {
		what += " (dry run)"
	}
	o.audit("clean", what, request.Actor, err)
	if err != nil {
		return report, fmt.Errorf("clean: %w", err)
	}
	return report, nil
}

// ReleaseProtection lets a held sweep go on at once (R20).
func (o operator) ReleaseProtection(ctx context.Context, actor string) error {
	if err := o.r.writable(); err != nil {
		return err
	}
	err := o.r.store.ReleaseProtection(ctx, actor)
	o.audit("release protection", "", actor, err)
	if err != nil {
		return fmt.Errorf("release protection: %w", err)
	}
	o.r.sweeper.Wake()
	return nil
}

func (o operator) change(ctx context.Context, action string, key naming.Key, actor string, run func(*store.Tx) (transition.Outcome, error)) error {
	if err := o.r.writable(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, operatorDeadline)
	defer cancel()
	var outcome transition.Outcome
	var seen *naming.Instance
	err := o.r.committer.Do(ctx, commit.Op{
		Scope: store.Scope{Keys: []naming.Key{key}},
		Run: func(tx *store.Tx) (err error) {
			outcome, err = run(tx)
			seen = tx.Instance(key)
			return err
		},
	})
	o.audit(action, key.String(), actor, err)
	if (err == nil && !outcome.Changed) || errors.Is(err, transition.ErrUnknown) {
		// It was so already, perhaps by another replica's doing that this one has
		// not heard of yet (R24).
		o.r.roster.Committed([]*naming.Instance{seen}, nil)
	}
	switch {
	case errors.Is(err, transition.ErrUnknown), errors.Is(err, transition.ErrNotPod):
		return err // names the instance
	case err != nil:
		return fmt.Errorf("%s %s: %w", action, key, err)
	}
	return nil
}

func (o operator) audit(action, object, actor string, err error) {
	result := "done"
	if err != nil {
		result = err.Error()
	}
	o.r.logger.Info("audit", slog.String("action", action), slog.String("object", object),
		slog.String("actor", actor), slog.String("result", result))
}
