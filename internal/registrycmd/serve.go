package registrycmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/collector"
	"github.com/tarsregistry/tarsregistry/internal/settings"
	"github.com/tarsregistry/tarsregistry/registry"
)

const (
	// stopTime leaves a second of the 10 s in which the registry has ended.
	stopTime = 9 * time.Second
	// stopGrace is how long a stop that was told to hurry may take.
	stopGrace = 500 * time.Millisecond
)

func (p *program) serveCommand(use string) *cobra.Command {
	cmd := &cobra.Command{
		Use:         use,
		Args:        noArguments,
		Annotations: map[string]string{settingsKey: settings.Help()},
		Example: `  registry
  registry --data-dir /var/lib/registry --host 10.0.0.5
  registry --dsn 'tars:secret@tcp(10.0.0.3:3306)/db_tars'
  registry --config /tars/conf/tarsregistry.conf
  registry --query-port off --node-port off      # beside a C++ registry
  registry --query-port 0 --node-port 0 --pod-port 0 --http-port 0 --admin-port 0`,
	}
	settings.Define(cmd.Flags())
	completeWords(cmd, "log-format", "text", "json")
	completeWords(cmd, "log-level", "debug", "info", "warn", "error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := settings.Load(cmd.Flags(), p.Getenv)
		if err != nil {
			return err
		}
		return p.serve(s)
	}
	return cmd
}

func completeWords(cmd *cobra.Command, flag string, words ...string) {
	complete := cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // no such flag: a mistake in this program
	}
}

// serve runs the service until a signal or until it breaks down.
func (p *program) serve(s *settings.Settings) error {
	stop := watch(p.Signals)
	defer stop.release()
	level := new(slog.LevelVar)
	level.Set(s.Log.Level)
	logger := newLogger(p.Stderr, s.Log.JSON, level)
	if err := s.TLS.Apply(&s.Options, logger); err != nil {
		return err
	}
	options := s.Options
	options.Version, options.Logger, options.LogLevel = p.version, logger, level

	opened, err := p.open(options)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	status := statusFileIn(options.DataDir)
	failure := errors.Join(status.removeStale(), p.runUntilStopped(opened, s, status, stop))
	if failure == nil {
		logger.Info("stopping")
	}
	return errors.Join(failure, status.remove(), endService(opened, stop))
}

// runUntilStopped gives nil when it was asked to stop.
func (p *program) runUntilStopped(opened service, s *settings.Settings, status statusFile, stop *stopper) error {
	defer p.tuneCollector(opened.Ready())()
	// Start's context is not the signal's: Stop ends the service in its order.
	if err := opened.Start(context.Background()); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	select {
	case <-opened.Ready():
	case err := <-opened.Err():
		return fmt.Errorf("start: %w", err)
	case <-stop.first.Done():
		return nil
	}
	place := placeOf(opened.Addresses(), s.Options, p.version)
	if err := status.write(place); err != nil {
		return err
	}
	p.announce(place, s.Log.JSON)
	select {
	case err := <-opened.Err():
		if errors.Is(err, registry.ErrShutdown) {
			return nil
		}
		return fmt.Errorf("serve: %w", err)
	case <-stop.first.Done():
		return nil
	}
}

// tuneCollector leaves the garbage collector to package collector, unless the
// operator has set it, until the returned function is called. ready is closed when
// the service has read what it keeps.
func (p *program) tuneCollector(ready <-chan struct{}) (end func()) {
	if p.Getenv("GOGC") != "" {
		return func() {}
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); collector.Run(ctx, ready) }()
	return func() { stop(); <-done }
}

// endService stops the service within stopTime, or at once when a second signal
// asks for it.
func endService(opened service, stop *stopper) error {
	ctx, cancel := context.WithTimeout(stop.second, stopTime)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- opened.Stop(ctx) }()
	select {
	case err := <-done:
		return stopped(err)
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return stopped(err)
	case <-time.After(stopGrace):
		return errors.New("stop: gave up waiting; heartbeats of the last seconds may be lost")
	}
}

func stopped(err error) error {
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// stopper turns signals into contexts: first ends with the first signal,
// second with the second.
type stopper struct {
	first, second context.Context
	release       func()
}

func watch(signals <-chan os.Signal) *stopper {
	second, cancelSecond := context.WithCancel(context.Background())
	first, cancelFirst := context.WithCancel(second)
	done := make(chan struct{})
	released := make(chan struct{})
	go func() {
		defer close(released)
		for _, cancel := range []context.CancelFunc{cancelFirst, cancelSecond} {
			select {
			case <-signals:
				cancel()
			case <-done:
				return
			}
		}
	}()
	return &stopper{first, second, func() {
		close(done)
		<-released
		cancelSecond()
	}}
}
