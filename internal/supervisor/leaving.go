package supervisor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/atomicfile"
	"github.com/tarsregistry/tarsregistry/internal/control"
	"github.com/tarsregistry/tarsregistry/internal/drain"
	"github.com/tarsregistry/tarsregistry/internal/health"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/notify"
)

// PrestopCommand is what the stop hook asks the supervisor for.
const PrestopCommand = "prestop"

// onTerm is the order to end: the first one drains, where prestop has not done
// so or is about to; the second one is at once.
func (m *machine) onTerm(sig syscall.Signal) {
	again := m.mayExit
	m.mayExit = true
	if !m.wasStarted && m.exitCode == 0 {
		m.exitCode = 128 + int(sig)
	}
	switch {
	case m.phase == gone:
		m.over = true
	case again:
		m.hurry()
	case m.phase <= running:
		m.leave(sig.String())
	default:
		m.log.Info("a drain is under way already", "signal", sig.String())
	}
}

// onAsked begins to leave, or joins in.
func (m *machine) onAsked(r *request) {
	if m.phase == gone {
		r.tell("drained and stopped already")
		r.done <- m.leaveResult()
		return
	}
	m.requests = append(m.requests, r)
	if m.phase <= running {
		m.leave("prestop")
		return
	}
	r.tell("a drain is under way already")
}

// answerCommand runs in the goroutine of a connection to the socket.
func (m *machine) answerCommand(ctx context.Context, command string, say func(string)) error {
	if command != PrestopCommand {
		return fmt.Errorf("unknown command %q", command)
	}
	r := newRequest()
	m.post(asked{r})
	for {
		select {
		case text := <-r.say:
			say(text)
		case err := <-r.done:
			return err
		case <-ctx.Done():
			return ctx.Err() // the asker has gone, the drain goes on
		case <-m.ctx.Done():
			return r.lastResult()
		}
	}
}

var _ control.Handler = (*machine)(nil).answerCommand

func (m *machine) tell(text string) {
	m.log.Info("leaving", "now", text)
	for _, r := range m.requests {
		r.tell(text)
	}
}

// leave makes the plan and begins with it. Who never had clients has none to
// wait for.
func (m *machine) leave(why string) {
	for _, name := range []timerName{bootTimer, workerTimer, restartTimer, checkTimer} {
		m.stopTimer(name)
	}
	hadClients := m.everActive && m.server != nil
	wait := m.DrainWait
	if !hadClients {
		wait = 0
	}
	m.plan = newPlan(time.Now(), wait, m.GracePeriod)
	m.after(time.Until(m.plan.end), deadlineTimer)
	m.phase = announcing
	if !hadClients {
		m.tell(why + ": leaving at once, no client was sent here")
		m.remove()
		return
	}
	m.publish()
	m.tell(why + ": telling the registry that this instance is leaving")
	if !m.registered || m.ended != "" {
		m.drain()
		return
	}
	m.after(announceWait, announceTimer)
}

func (m *machine) onAnnounceWaitOver() {
	if m.phase == announcing {
		m.tell("the registry does not answer, so clients may not know yet; waiting for them all the same")
		m.drain()
	}
}

// drain tells the server, and waits for clients to go.
func (m *machine) drain() {
	m.stopTimer(announceTimer)
	m.phase = draining
	ctx, cancel := context.WithCancelCause(m.ctx)
	m.endDrain = cancel
	m.group.Go(m.notifyPrestop)
	options := drain.Options{
		Minimum: m.ClientRefresh + refreshMargin,
		Maximum: max(0, time.Until(m.plan.drainUntil)),
		Told:    m.announcedAt,
		Report:  func(p drain.Progress) { m.post(drainSaid{p}) },
	}
	m.tell(fmt.Sprintf("waiting for clients to leave, %v at most", options.Maximum.Round(100*time.Millisecond)))
	if slices.ContainsFunc(m.Targets, func(t health.Target) bool { return t.Endpoint.Transport == naming.UDP }) {
		m.tell("clients over UDP cannot be observed; they get the time that a refresh of their lists takes")
	}
	m.group.Go(func() {
		defer cancel(nil)
		m.post(drained{waitForClients(ctx, m.Options, options)})
	})
}

// announcedAt is when the registry took deactivating, or the zero time.
func (m *machine) announcedAt() time.Time {
	if at := m.announced.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// waitForClients runs outside the machine's goroutine.
func waitForClients(ctx context.Context, o Options, options drain.Options) drain.Outcome {
	sampler, err := drain.NewSampler(listeners(o))
	if err != nil {
		options.Sample = func() ([]drain.Connection, error) { return nil, err }
		return drain.Wait(ctx, options)
	}
	defer func() { _ = sampler.Close() }() // nothing depends on it
	options.Sample = sampler.Sample
	return drain.Wait(ctx, options)
}

// listeners are where clients connect to. A host that is no address is left out
// of one: its port says enough.
func listeners(o Options) []netip.AddrPort {
	var list []netip.AddrPort
	for _, t := range o.Targets {
		if t.Endpoint.Transport != naming.UDP && t.Endpoint.Port > 0 && t.Endpoint.Port <= math.MaxUint16 {
			host, _ := netip.ParseAddr(strings.Trim(t.Endpoint.Host, "[]"))
			list = append(list, netip.AddrPortFrom(host, uint16(t.Endpoint.Port)))
		}
	}
	return list
}

// notifyPrestop lets the server know; most do not care.
func (m *machine) notifyPrestop() {
	if m.Admin == "" {
		return
	}
	ctx, cancel := context.WithTimeout(m.ctx, adminTimeout)
	defer cancel()
	answer, err := notify.Send(ctx, notify.Target{Endpoint: m.Admin}, PrestopCommand)
	if err != nil {
		m.log.Debug("the server does not take the command prestop", "error", err)
		return
	}
	m.log.Info("the server was told prestop", "answer", answer)
}

func (m *machine) onDrainSaid(p drain.Progress) {
	if m.phase == draining {
		m.tell(p.String())
	}
}

func (m *machine) stopDrain(why error) {
	if m.endDrain != nil {
		m.endDrain(why)
	}
}

func (m *machine) onDrained(outcome drain.Outcome) {
	if m.phase != draining {
		return
	}
	m.tell(outcome.Reason)
	m.remove()
}

// remove takes the instance out of the registry.
func (m *machine) remove() {
	m.stopTimer(announceTimer)
	m.phase = removing
	if err := atomicfile.Write(m.Paths.Prestop(), []byte(time.Now().UTC().Format(time.RFC3339)+"\n"), 0o644); err != nil {
		m.log.Warn("mark that prestop has run", "error", err)
	}
	m.reporter.Remove()
	m.after(min(forRegistry, max(0, time.Until(m.plan.end))), removeTimer)
}

func (m *machine) onRemoved() {
	m.removed = true
	if m.phase == removing {
		m.tell("removed from the registry")
		m.stopServer()
	}
}

func (m *machine) onRemoveWaitOver() {
	if m.phase == removing {
		m.tell("the registry does not answer, so this instance's lease will have to end by itself")
		m.stopServer()
	}
}

// stopServer ends the server.
func (m *machine) stopServer() {
	m.stopTimer(removeTimer)
	m.phase = stopping
	if m.server == nil {
		m.onServerStopped()
		return
	}
	left := max(0, time.Until(m.plan.end))
	limit := min(left, max(forServer, min(longestStop, left/2)))
	ctx, cancel := context.WithCancel(m.ctx)
	m.endStop = cancel
	s := stopper{owner: m.owner, server: m.server, command: m.StopCommand, admin: m.Admin, log: m.log}
	hurry := m.hurried
	m.group.Go(func() {
		defer cancel()
		s.run(ctx, limit, hurry)
		m.post(serverStopped{})
	})
}

// onServerStopped is the end, unless it was only prestop that asked for it: then
// the container lives until it is told to end.
func (m *machine) onServerStopped() {
	if m.phase != stopping {
		return
	}
	m.phase = gone
	m.stopTimer(deadlineTimer)
	if s := m.server; s != nil {
		m.last, m.server = s.status(), nil
	}
	if m.wasStarted && m.exitCode == 0 {
		m.exitCode = m.last.ExitCode()
	}
	m.tell("stopped: " + m.stoppedText())
	for _, r := range m.requests {
		r.done <- m.leaveResult()
	}
	m.requests = nil
	m.over = m.mayExit
}

func (m *machine) stoppedText() string {
	if !m.wasStarted {
		return "the server was never started"
	}
	return "the server ended with " + m.last.String()
}

// leaveResult is what prestop's exit code tells.
func (m *machine) leaveResult() error {
	switch {
	case m.ended != "" || m.removed:
		return nil
	case m.trouble != nil:
		return fmt.Errorf("drained and stopped, but the registry could not be told: %s", m.troubleText())
	}
	return errors.New("drained and stopped, but the registry did not confirm the removal in time")
}

// hurry skips what is left of waiting.
func (m *machine) hurry() {
	m.hurried = true
	m.tell("told to end a second time: not waiting any longer")
	switch m.phase {
	case announcing, draining:
		m.stopDrain(errors.New("told to end a second time"))
		m.remove()
	case removing:
		m.stopServer()
	case stopping:
		m.endStop()
	}
}

// onDeadline kills: the time that was given is over.
func (m *machine) onDeadline() {
	if m.phase == gone {
		return
	}
	m.tell("the time for leaving is over")
	m.hurried = true
	m.stopDrain(errors.New("the time for leaving is over"))
	if m.phase < stopping {
		m.stopServer()
	}
	if m.endStop != nil {
		m.endStop()
	}
}
