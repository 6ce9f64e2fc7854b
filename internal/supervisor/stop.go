package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/health"
	"github.com/tarsregistry/tarsregistry/internal/notify"
	"github.com/tarsregistry/tarsregistry/internal/process"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// stopper ends a server: by its own command or its AdminObj, then SIGTERM, then
// SIGKILL.
type stopper struct {
	owner   *process.Owner
	server  *server
	command string // shell command; empty: AdminObj
	admin   string // endpoint; empty: none
	log     *slog.Logger
}

// run returns when nothing of the server runs any more. When ctx is done, what
// still runs is killed. hurry leaves out everything but signals.
func (s *stopper) run(ctx context.Context, limit time.Duration, hurry bool) {
	start := time.Now()
	if !hurry && s.ask(ctx, limit/2) {
		s.wait(ctx, limit/2-time.Since(start))
	}
	if !s.over() {
		if err := s.server.signal(syscall.SIGTERM); err != nil {
			s.log.Debug("stop the server", "error", err)
		}
		patience := limit - time.Since(start)
		if hurry {
			patience = min(patience, time.Second)
		}
		s.wait(ctx, patience)
	}
	if !s.over() {
		s.log.Warn("the server does not stop, killing it", "after", time.Since(start).Round(time.Millisecond))
	}
	s.kill() //nolint:contextcheck // killing is what is left to do when ctx is done
}

// ask requests the shutdown, and tells whether it was taken.
func (s *stopper) ask(ctx context.Context, limit time.Duration) bool {
	if s.command != "" {
		if err := health.Script(ctx, s.owner, s.command, limit); err != nil {
			s.log.Warn("TARS_STOP_PATH failed, using signals", "error", err)
			return false
		}
		return true
	}
	if s.admin == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, min(adminTimeout, limit))
	defer cancel()
	if err := adminShutdown(ctx, s.admin); err != nil {
		s.log.Debug("the server's AdminObj does not take shutdown, using signals", "error", err)
		return false
	}
	return true
}

func (s *stopper) over() bool {
	select {
	case <-s.server.ended:
		return true
	default:
		return false
	}
}

func (s *stopper) wait(ctx context.Context, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.server.ended:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// kill ends what is left, in whatever session or group it is, and waits for it
// to be gone. A process that even SIGKILL does not end (in the kernel's hands)
// must not hold the container up.
func (s *stopper) kill() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.owner.KillDescendants(ctx); err != nil {
		s.log.Error("stop the server", "error", err)
	}
	s.wait(ctx, time.Second)
}

func adminShutdown(ctx context.Context, endpoint string) error {
	var dialer tarsclient.Dialer
	if _, err := dialer.Invoke(ctx, endpoint, tarsclient.Request{Servant: notify.Servant, Function: "shutdown"}); err != nil {
		return fmt.Errorf("shut down through AdminObj: %w", err)
	}
	return nil
}
