// Package readiness is the answer to "may clients be sent here?": the state that
// the supervisor observes, kept in data/check_status for the exec probe, and
// told over HTTP.
package readiness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/health"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/pod"
)

// Status is a state and, where it is not active, the reason in a sentence.
type Status struct {
	State  naming.State
	Reason string
}

// Ready is nil while clients may use the pod, or still do: active and
// deactivating.
func (s Status) Ready() error {
	if s.State == naming.Active || s.State == naming.Deactivating {
		return nil
	}
	if s.Reason == "" {
		return fmt.Errorf("the server is %s", s.State)
	}
	return fmt.Errorf("the server is %s: %s", s.State, s.Reason)
}

// reasonFile holds the reason beside check_status, whose content is the bare
// state, because scripts of today's images compare it.
func reasonFile(paths pod.Paths) string { return paths.Data("check_reason") }

// Write keeps the status for Check, each file whole or as it was. Both are made
// anew, so that check_status's time tells when the supervisor last wrote. They
// are not forced to disk: a status of before a crash of the machine is of no use.
func Write(paths pod.Paths, s Status) error {
	err := replace(reasonFile(paths), s.Reason)
	return errors.Join(err, replace(paths.CheckStatus(), string(s.State)))
}

func replace(file, content string) error {
	temporary := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".new")
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	if err := os.Rename(temporary, file); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

// Clear removes what an earlier life wrote.
func Clear(paths pod.Paths) error {
	var errs []error
	for _, file := range []string{paths.CheckStatus(), reasonFile(paths)} {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// read returns the status and its age.
func read(paths pod.Paths) (Status, time.Duration, error) {
	info, err := os.Stat(paths.CheckStatus())
	if err != nil {
		return Status{}, 0, err
	}
	state, err := os.ReadFile(paths.CheckStatus())
	if err != nil {
		return Status{}, 0, err
	}
	// The reason is a courtesy.
	reason, _ := os.ReadFile(reasonFile(paths))
	return Status{State: naming.State(strings.TrimSpace(string(state))), Reason: string(reason)}, time.Since(info.ModTime()), nil
}

// connectTimeout bounds the probe of a pod without a supervisor.
const connectTimeout = time.Second

// Check is the readiness probe: nil while the pod is ready, else the reason. It
// reads what the supervisor wrote, which is stale when it is older than twice
// the report interval. Where no supervisor has written (the registry's own image
// has none) it connects to the ports. It makes no RPC.
func Check(ctx context.Context, paths pod.Paths, reportInterval time.Duration) error {
	status, age, err := read(paths)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return connect(ctx, paths)
	case err != nil:
		return fmt.Errorf("read the state: %w", err)
	case age > 2*reportInterval:
		return fmt.Errorf("the supervisor has gone quiet: it wrote its state %v ago", age.Round(time.Second))
	}
	return status.Ready()
}

func connect(ctx context.Context, paths pod.Paths) error {
	info, err := pod.LoadInfo(paths)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no supervisor has written a state to %s yet, nor has tarscli genconf told the ports", paths.CheckStatus())
	}
	if err != nil {
		return fmt.Errorf("no supervisor has written a state, and the ports are not known: %w", err)
	}
	targets, err := Targets(info)
	if err != nil {
		return err
	}
	return health.Connect(ctx, targets, connectTimeout)
}

// Targets are the adapters of the server, for health checks.
func Targets(info *pod.Info) ([]health.Target, error) {
	var targets []health.Target
	for _, a := range info.Conf.Adapters {
		endpoint, err := naming.ParseEndpoint(a.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("adapter %s: %w", a.Object, err)
		}
		targets = append(targets, health.Target{
			Adapter: info.AdapterName(a), Servant: info.Servant(a), Protocol: a.Protocol, Endpoint: endpoint,
		})
	}
	return targets, nil
}
