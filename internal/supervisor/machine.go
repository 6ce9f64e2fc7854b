package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/process"
	"github.com/tarsregistry/tarsregistry/internal/readiness"
	"github.com/tarsregistry/tarsregistry/internal/registryclient"
	"github.com/tarsregistry/tarsregistry/internal/servernode"
)

// phase is where the machine is in its life. The order matters: it only grows.
type phase int

const (
	booting    phase = iota // the registry may take its time, the server does not run yet
	running                 // the server runs, or will again
	announcing              // the registry is being told deactivating
	draining                // waiting for clients to go
	removing                // the registry is being told to remove the instance
	stopping                // the server is being stopped
	gone                    // nothing is left to do
)

// machine is the supervisor's state. Its goroutine is the one of run; fields
// without a lock belong to it.
type machine struct {
	Options
	log      *slog.Logger
	owner    *process.Owner
	reporter *registryclient.Reporter
	node     *servernode.Node // nil: the configuration names none

	ctx     context.Context // ends with the machine
	cancel  context.CancelFunc
	events  chan event
	group   sync.WaitGroup
	closers []func()
	timers  map[timerName]*time.Timer

	published publishedStatus
	pulse     pulse

	phase    phase
	exitCode int
	over     bool

	registrySide
	serverSide
	leavingSide
}

// registrySide is what is known of the registry's view.
type registrySide struct {
	registered bool   // the registry has the instance, as far as we know
	trouble    error  // why calls fail, nil while they do not
	ended      string // the action that ended the registration on the registry's side
	worker     string // the worker id, or empty
	// announced is when the registry took deactivating, in nanoseconds since
	// 1970, 0 before; the drain's goroutine reads it too.
	announced atomic.Int64
	removed   bool
}

// serverSide is what is known of the server.
type serverSide struct {
	server     *server // nil while none runs
	prepared   string  // the worker id that it was prepared with
	isPrepared bool
	last       process.Status // of the last one that ended
	wasStarted bool
	backoff    backoff
	crashed    bool // since it was last well

	checking     bool
	healthy      bool
	everActive   bool
	healthySince time.Time
	misses       int
	firstMiss    time.Time
	wrong        error         // what the last check found
	pace         time.Duration // between two checks of a server that is not well yet
}

// leavingSide is what is known about the end.
type leavingSide struct {
	plan     plan
	mayExit  bool // a signal asked for the end, not only prestop
	hurried  bool
	endDrain context.CancelCauseFunc
	endStop  context.CancelFunc
	requests []*request
}

// run handles events until all is over, and returns the exit code.
func (m *machine) run() int {
	m.begin()
	for !m.over {
		m.publish()
		m.handle(<-m.events)
	}
	return m.exitCode
}

func (m *machine) begin() {
	m.pulse.beat()
	m.group.Go(func() { m.reporter.Run(m.ctx) })
	m.group.Go(m.forwardRegistryEvents)
	m.after(m.ReportInterval, touchTimer)
	m.after(bootWait, bootTimer)
	if m.NeedWorkerID && m.worker == "" {
		m.after(m.workerWait(), workerTimer)
	}
	m.log.Info("registering", "node", m.Registration.NodeName, "application", m.Registration.Application, "server", m.Registration.Server)
}

// workerWait is how long the server's start waits for a worker id.
func (m *machine) workerWait() time.Duration { return min(longestWorkerWait, m.ActivatingTimeout) }

func (m *machine) forwardRegistryEvents() {
	for {
		select {
		case e := <-m.reporter.Events():
			m.post(e)
		case <-m.ctx.Done():
			return
		}
	}
}

// handle is the one place where anything changes.
func (m *machine) handle(e event) {
	m.pulse.beat()
	switch e := e.(type) {
	case signalled:
		m.onSignal(e.signal)
	case registryclient.Event:
		m.onRegistry(e)
	case exited:
		m.onExited(e.server)
	case checked:
		m.onChecked(e)
	case fired:
		if m.timers[e.timer] == e.timed {
			m.onTimer(e.timer)
		}
	case asked:
		m.onAsked(e.request)
	case drainSaid:
		m.onDrainSaid(e.progress)
	case drained:
		m.onDrained(e.outcome)
	case serverStopped:
		m.onServerStopped()
	default:
		m.log.Error("unknown event", "type", fmt.Sprintf("%T", e))
	}
}

func (m *machine) onTimer(name timerName) {
	switch name {
	case bootTimer:
		m.onBootWaitOver()
	case workerTimer:
		m.onWorkerWaitOver()
	case restartTimer:
		m.startServer()
	case checkTimer:
		m.check()
	case touchTimer:
		m.touch()
	case announceTimer:
		m.onAnnounceWaitOver()
	case removeTimer:
		m.onRemoveWaitOver()
	case deadlineTimer:
		m.onDeadline()
	}
}

func (m *machine) onSignal(s os.Signal) {
	sig, ok := s.(syscall.Signal)
	if !ok {
		return
	}
	switch {
	case sig == syscall.SIGTERM || sig == syscall.SIGINT:
		m.onTerm(sig)
	case m.server != nil:
		if err := m.server.signal(sig); err != nil {
			m.log.Warn("pass on a signal", "signal", sig.String(), "error", err)
		}
	}
}

func (m *machine) onRegistry(e registryclient.Event) {
	switch e.Kind {
	case registryclient.Registered:
		m.onRegistered(e.State)
	case registryclient.Reported:
		m.onReported(e.State)
	case registryclient.Failing:
		m.trouble = e.Err
		m.log.Warn("the registry cannot be told, trying on", "error", oneLine(e.Err))
	case registryclient.Recovered:
		m.trouble = nil
		m.log.Info("the registry answers again")
	case registryclient.Lost:
		m.log.Warn("the registry does not know this instance any more, registering again")
	case registryclient.Ended:
		m.ended = e.Action
		m.log.Error("the registry has ended this instance, no more heartbeats are sent", "action", e.Action)
	case registryclient.Worker:
		m.onWorkerID(e.WorkerID)
	case registryclient.Removed:
		m.onRemoved()
	}
}

func (m *machine) onRegistered(state naming.State) {
	m.log.Info("registered", "state", string(state))
	m.registered = true
	m.onState(state)
	m.maybeStart()
}

func (m *machine) onReported(state naming.State) {
	m.log.Info("the registry was told", "state", string(state))
	m.onState(state)
}

func (m *machine) onState(state naming.State) {
	if state != naming.Deactivating {
		return
	}
	m.announced.Store(time.Now().UnixNano())
	if m.phase == announcing {
		m.drain()
	}
}

// post hands an event to the machine, unless that has ended.
func (m *machine) post(e event) {
	select {
	case m.events <- e:
	case <-m.ctx.Done():
	}
}

// after sets the one timer of that name anew.
func (m *machine) after(d time.Duration, name timerName) {
	m.stopTimer(name)
	ready := make(chan struct{})
	var timed *time.Timer
	timed = time.AfterFunc(d, func() {
		<-ready // timed is written
		m.post(fired{name, timed})
	})
	m.timers[name] = timed
	close(ready)
}

func (m *machine) stopTimer(name timerName) {
	if t := m.timers[name]; t != nil {
		t.Stop()
		delete(m.timers, name)
	}
}

// alive is an error when the machine has not moved for too long.
func (m *machine) alive() error {
	if age := m.pulse.age(); age > 2*m.ReportInterval+10*time.Second {
		return fmt.Errorf("the supervisor has handled nothing for %v", age.Round(time.Second))
	}
	return nil
}

// publish tells everybody the state, where it has changed.
func (m *machine) publish() {
	status := m.observe()
	if status == m.published.load() {
		return
	}
	if before := m.published.load(); before.State != status.State {
		m.log.Info("state", "is", string(status.State), "was", string(before.State), "reason", status.Reason)
		m.reporter.Set(status.State)
	}
	m.everActive = m.everActive || status.State == naming.Active
	m.published.store(status)
	m.write(status)
}

// touch shows the readiness probe that the supervisor lives.
func (m *machine) touch() {
	m.after(m.ReportInterval, touchTimer)
	m.write(m.published.load())
}

func (m *machine) write(status readiness.Status) {
	if err := readiness.Write(m.Paths, status); err != nil {
		m.log.Error("the readiness probe cannot be told the state", "error", err)
	}
}

// observe is the state as a function of what is known.
func (m *machine) observe() readiness.Status {
	switch {
	case m.phase > running:
		return readiness.Status{State: naming.Deactivating}
	case m.ended != "":
		return readiness.Status{State: naming.Inactive, Reason: "the registry has ended this instance: " + m.ended}
	case m.phase == booting:
		return readiness.Status{State: naming.Activating, Reason: m.bootReason()}
	case m.server == nil:
		return readiness.Status{State: naming.Inactive, Reason: m.downReason()}
	case m.healthy && !m.registered:
		return readiness.Status{State: naming.Activating, Reason: "healthy, but not registered: " + m.troubleText()}
	case m.healthy:
		return readiness.Status{State: naming.Active}
	case m.crashed || m.everActive || time.Since(m.server.started) >= m.ActivatingTimeout:
		return readiness.Status{State: naming.Inactive, Reason: m.wrongText()}
	}
	return readiness.Status{State: naming.Activating, Reason: m.wrongText()}
}

func (m *machine) bootReason() string {
	if m.NeedWorkerID && m.worker == "" && m.registered {
		return "waiting for a worker id"
	}
	if m.trouble != nil {
		return m.troubleText()
	}
	return "registering"
}

func (m *machine) downReason() string {
	switch {
	case m.stopFileExists():
		return m.Paths.Stop() + " exists, so the server is not started"
	case m.wasStarted:
		return "the server has ended: " + m.last.String()
	}
	return "the server could not be started"
}

func (m *machine) troubleText() string {
	if m.trouble == nil {
		return "no answer yet"
	}
	return oneLine(m.trouble)
}

func (m *machine) wrongText() string {
	if m.wrong == nil {
		return "not checked yet"
	}
	return oneLine(m.wrong)
}

// oneLine is the text of an error for places that hold one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
