package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/atomicfile"
	"github.com/tarsregistry/tarsregistry/internal/control"
	"github.com/tarsregistry/tarsregistry/internal/drain"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/notify"
	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/readiness"
	"github.com/tarsregistry/tarsregistry/internal/registryclient"
)

// Prestop is the stop hook: it has the running supervisor drain and stop the
// server and returns when that is done, with its progress told to say. Without
// a supervisor it does the same by itself. Doing it twice is harmless. An error
// tells that the registry could not be told; all else was done nevertheless.
func Prestop(ctx context.Context, env *pod.Environment, logger *slog.Logger, say func(string)) error {
	err := control.Ask(ctx, env.Paths.Socket(), PrestopCommand, say)
	if !errors.Is(err, control.ErrNoSupervisor) {
		return err
	}
	life := containerLife()
	if marker, err := os.ReadFile(env.Paths.Prestop()); err == nil && life != "" && string(marker) == life {
		say("prestop has run already")
		return nil
	}
	l, err := newLoner(env, logger, say)
	if err != nil {
		return err
	}
	err = l.leave(ctx)
	if markErr := atomicfile.Write(env.Paths.Prestop(), []byte(life), 0o644); markErr != nil {
		err = errors.Join(err, fmt.Errorf("mark that prestop has run: %w", markErr))
	}
	return err
}

// containerLife tells this life of the container from others on the same
// volume: by when its first process began. Empty where that cannot be known.
func containerLife() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	stat, err := os.ReadFile("/proc/1/stat")
	if err != nil {
		return ""
	}
	// Behind the name, which ends with the last parenthesis, the start time is
	// the 20th field.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + fields[19] + "\n"
}

// loner drains a server that has no supervisor.
type loner struct {
	client *registryclient.Client
	info   *pod.Info
	plan   plan
	o      Options
	say    func(string)
	log    *slog.Logger
}

func newLoner(env *pod.Environment, logger *slog.Logger, say func(string)) (*loner, error) {
	info, err := pod.LoadInfo(env.Paths)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("neither a supervisor nor its files are here: %w", err)
	}
	if err != nil {
		return nil, err
	}
	client, err := newClient(env, info, logger)
	if err != nil {
		return nil, err
	}
	targets, err := readiness.Targets(info)
	if err != nil {
		return nil, err
	}
	return &loner{
		client: client, info: info, say: say, log: logger,
		plan: newPlan(time.Now(), env.PrestopWait, env.GracePeriod),
		o:    Options{Targets: targets, ClientRefresh: info.Conf.RefreshEndpointInterval.Duration()},
	}, nil
}

func (l *loner) leave(ctx context.Context) error {
	l.say("no supervisor is running: telling the registry that this instance is leaving")
	err := l.try(ctx, announceWait, func(ctx context.Context) error {
		_, err := l.client.KeepAlive(ctx, naming.Deactivating)
		return err
	})
	if err != nil {
		l.say("the registry cannot be told: " + oneLine(err))
	}
	l.notify(ctx)
	options := drain.Options{
		Minimum: l.o.ClientRefresh + refreshMargin,
		Maximum: max(0, time.Until(l.plan.drainUntil)),
		Report:  func(p drain.Progress) { l.say(p.String()) },
	}
	l.say(fmt.Sprintf("waiting for clients to leave, %v at most", options.Maximum.Round(100*time.Millisecond)))
	l.say(waitForClients(ctx, l.o, options).Reason)
	removeErr := l.try(ctx, forRegistry, func(ctx context.Context) error {
		_, err := l.client.Prestop(ctx)
		return err
	})
	if removeErr == nil {
		l.say("removed from the registry")
	}
	l.shutDown(ctx)
	return errors.Join(err, removeErr)
}

// try repeats a call until it succeeds or the time is over.
func (l *loner) try(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := call(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (l *loner) notify(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	if _, err := notify.Send(ctx, notify.Target{Endpoint: l.info.Conf.Local}, PrestopCommand); err != nil {
		l.log.Debug("the server does not take the command prestop", "error", err)
	}
}

// shutDown asks the server to end; whoever started it sees to the rest.
func (l *loner) shutDown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	if err := adminShutdown(ctx, l.info.Conf.Local); err != nil {
		l.log.Debug("the server's AdminObj does not take shutdown", "error", err)
	}
}
