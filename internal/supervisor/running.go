package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/health"
	"github.com/tarsregistry/tarsregistry/internal/process"
)

// maybeStart starts the server for the first time once nothing is missing.
func (m *machine) maybeStart() {
	waitingForID := m.NeedWorkerID && m.worker == ""
	waitingForRegistry := !m.registered && m.timers[bootTimer] != nil
	if m.phase != booting || waitingForID || waitingForRegistry {
		return
	}
	m.stopTimer(bootTimer)
	m.stopTimer(workerTimer)
	m.phase = running
	m.startServer()
}

func (m *machine) onBootWaitOver() {
	m.stopTimer(bootTimer)
	if m.phase == booting && !m.registered {
		m.log.Warn("the registry does not answer; the server is started all the same and registered later", "waited", bootWait)
	}
	m.maybeStart()
}

func (m *machine) onWorkerWaitOver() {
	if m.phase != booting {
		return
	}
	m.log.Error("no worker id was leased to this instance, and the server must not start without one", "waited", m.workerWait())
	m.giveUp(1)
}

// onWorkerID also takes a new id that replaces one that was lost: the server
// must stop using the old one.
func (m *machine) onWorkerID(id string) {
	if !m.NeedWorkerID { // the pod has its own
		if id != m.worker {
			m.log.Warn("another instance holds this pod's worker id", "id", m.worker)
		}
		return
	}
	before := m.worker
	m.worker = id
	m.log.Info("worker id", "id", id)
	if m.phase == running && m.server != nil && before != id {
		m.log.Warn("the worker id has changed, restarting the server", "was", before, "is", id)
		if err := m.server.signal(syscall.SIGTERM); err != nil {
			m.log.Warn("restart the server", "error", err)
		}
		return
	}
	m.maybeStart()
}

// startServer starts the server, or tries again later when that fails or a
// person does not want it to run.
func (m *machine) startServer() {
	if m.phase != running || m.server != nil {
		return
	}
	if m.wasStarted && m.stopFileExists() {
		m.after(stopFilePoll, restartTimer)
		return
	}
	err := m.prepare()
	if err == nil {
		m.server, err = startServer(m.owner, m.command())
	}
	if err != nil {
		m.log.Error("the server cannot be started", "error", err)
		m.wrong = err
		m.restartLater(1)
		return
	}
	m.log.Info("server started", "command", m.Start.Path, "pid", m.server.process.Pid())
	m.wasStarted = true
	m.healthy, m.misses, m.wrong = false, 0, nil
	m.pace = firstPace
	if m.node != nil {
		m.node.Restarted()
	}
	server := m.server
	m.group.Go(func() {
		select {
		case <-server.ended:
			m.post(exited{server})
		case <-m.ctx.Done():
		}
	})
	m.after(m.pace, checkTimer)
}

func (m *machine) prepare() error {
	if m.Prepare == nil || m.isPrepared && m.prepared == m.worker {
		return nil
	}
	if err := m.Prepare(m.worker); err != nil {
		return fmt.Errorf("prepare the server: %w", err)
	}
	m.prepared, m.isPrepared = m.worker, true
	return nil
}

func (m *machine) command() process.Command {
	c := m.Start
	if c.Env == nil {
		c.Env = os.Environ()
	}
	if m.worker != "" {
		// In place of auto: of two the C library's getenv takes the first.
		const name = "TARS_WORKER_ID="
		c.Env = slices.DeleteFunc(slices.Clone(c.Env), func(e string) bool { return strings.HasPrefix(e, name) })
		c.Env = append(c.Env, name+m.worker)
	}
	return c
}

func (m *machine) stopFileExists() bool {
	_, err := os.Stat(m.Paths.Stop())
	return err == nil
}

func (m *machine) onExited(s *server) {
	if s != m.server {
		return
	}
	m.server, m.last = nil, s.status()
	m.stopTimer(checkTimer)
	switch m.phase {
	case running:
		m.onCrash()
	case announcing, draining:
		m.log.Warn("the server ended while clients were still being waited for", "status", m.last.String())
		m.stopDrain(errors.New("the server has ended"))
		m.remove()
	case booting, removing, stopping, gone:
		// It was not running, or is meant to end.
	}
}

func (m *machine) onCrash() {
	m.healthy, m.crashed = false, true
	m.log.Error("the server has ended", "status", m.last.String())
	m.restartLater(max(1, m.last.ExitCode()))
}

// restartLater restarts the server after a pause, or gives up with the code.
func (m *machine) restartLater(code int) {
	if m.MaxRestarts > 0 && m.backoff.restarts >= m.MaxRestarts {
		m.log.Error("the server has been restarted too often, giving up", "limit", m.MaxRestarts)
		m.giveUp(code)
		return
	}
	pause := m.backoff.next()
	m.log.Info("restarting the server", "in", pause.Round(time.Millisecond), "restart", m.backoff.restarts)
	m.after(pause, restartTimer)
}

// giveUp ends the supervisor with the code, so that Kubernetes sees it.
func (m *machine) giveUp(code int) {
	m.exitCode, m.mayExit = code, true
	m.leave("giving up")
}

// The pace of checks.
const (
	// firstPace and growingPace are for a server that is starting: it is seen
	// soon after it is up, and a slow one is not pestered.
	firstPace = 100 * time.Millisecond
	// missPace is between the checks that decide whether a miss was one.
	missPace = time.Second
)

func growingPace(before, most time.Duration) time.Duration { return min(before*3/2, most) }

// check looks at the server, in a goroutine of its own.
func (m *machine) check() {
	if m.checking || m.server == nil || m.phase != running {
		return
	}
	m.checking = true
	server := m.server
	m.group.Go(func() { m.post(checked{server, m.inspect(server)}) })
}

// inspect runs outside the machine's goroutine and reads only what never
// changes.
func (m *machine) inspect(s *server) error {
	if s.stopped() {
		return errors.New("a process of the server is stopped")
	}
	if m.CheckScript != "" {
		if err := health.Script(m.ctx, m.owner, m.CheckScript, m.ScriptTimeout); err != nil {
			return fmt.Errorf("TARS_BEFORE_CHECK_SCRIPT: %w", err)
		}
	}
	if m.node != nil {
		if err := m.node.Check(nodeSilence); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(m.ctx, checkTimeout)
	defer cancel()
	return health.Check(ctx, m.Targets, checkTimeout)
}

func (m *machine) onChecked(e checked) {
	m.checking = false
	if m.phase != running || m.server == nil {
		return
	}
	if e.server != m.server {
		m.after(m.pace, checkTimer)
		return
	}
	m.wrong = e.err
	if e.err == nil {
		m.onWell()
		return
	}
	m.onMiss()
}

func (m *machine) onWell() {
	m.misses, m.crashed, m.pace = 0, false, firstPace
	m.server.wasWell = true
	if !m.healthy {
		m.healthy, m.healthySince = true, time.Now()
	}
	if time.Since(m.healthySince) >= healthyWhile {
		m.backoff.reset()
	}
	m.after(m.CheckInterval, checkTimer)
}

// onMiss calls a server that was well unwell only after a second miss, and some
// time after the first.
func (m *machine) onMiss() {
	if m.misses == 0 {
		m.firstMiss = time.Now()
	}
	m.misses++
	if m.healthy && (m.misses < 2 || time.Since(m.firstMiss) < m.CheckRetry) {
		m.after(min(missPace, m.CheckInterval), checkTimer)
		return
	}
	if m.healthy {
		m.healthy, m.pace = false, missPace
		m.log.Error("the server does not answer", "error", oneLine(m.wrong))
	}
	m.endDetached()
	m.pace = growingPace(m.pace, m.CheckInterval)
	m.after(m.pace, checkTimer)
}

// endDetached ends what a start command left behind when that is no server: its
// exit was the crash, and nobody else would notice.
func (m *machine) endDetached() {
	if !m.server.isDetached() {
		return
	}
	if !m.server.wasWell && time.Since(m.server.started) < m.ActivatingTimeout {
		return // still starting
	}
	m.log.Error("the start command has ended and what it left running does not answer, ending that")
	if err := m.server.signal(syscall.SIGKILL); err != nil {
		m.log.Warn("end the server", "error", err)
	}
}
