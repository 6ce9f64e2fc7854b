package registryclient

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
	"github.com/tarsregistry/tarsregistry/tars"
)

// Kind is what an Event is about.
type Kind int

// The kinds of events.
const (
	// Registered: the registry knows the instance, in state State.
	Registered Kind = iota + 1
	// Reported: the registry has State; Err is nil.
	Reported
	// Failing: the first call of a series failed with Err, or the registry now
	// says no for another reason; calls go on.
	Failing
	// Recovered: calls succeed again after Failing.
	Recovered
	// Lost: the registry does not know the instance any more; it is about to
	// be registered again.
	Lost
	// Ended: the registry says that the instance was ended ("left") or its
	// name taken over ("superseded"), see Action. Nothing more is sent.
	Ended
	// Worker: the registry has leased WorkerID to the instance.
	Worker
	// Removed: the instance is not registered any more. The last event.
	Removed
)

// Event is something the reporter's owner has to know.
type Event struct {
	Kind     Kind
	State    naming.State
	Action   string
	WorkerID string
	Err      error
}

// Calls are the calls that a Reporter makes; *Client has them.
type Calls interface {
	Startup(context.Context, tars.OnStartupReq) (Answer, error)
	KeepAlive(context.Context, naming.State) (Answer, error)
	Prestop(context.Context) (Answer, error)
}

// Reporter keeps the registry told about one instance. It registers it, sends
// its state when it changes and at every beat, registers it again when it got
// lost, and removes it at the end. Of several states that were set while a call
// was under way the last one wins. Its methods never block.
type Reporter struct {
	calls        Calls
	registration tars.OnStartupReq
	beat         time.Duration
	events       chan Event
	wake         chan struct{}

	mu      sync.Mutex
	state   naming.State
	removed bool
	cancel  context.CancelFunc // of the call under way, nil without one
}

// NewReporter makes a reporter; Run does its work. Events must be received
// until Run's context is done.
func NewReporter(calls Calls, registration tars.OnStartupReq, beat time.Duration) *Reporter {
	return &Reporter{
		calls: calls, registration: registration, beat: beat,
		events: make(chan Event, 16), wake: make(chan struct{}, 1),
		state: naming.Activating,
	}
}

// Events are what happened, in order.
func (r *Reporter) Events() <-chan Event { return r.events }

// Set says what the instance's state is now.
func (r *Reporter) Set(state naming.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != state && !r.removed {
		r.state = state
		r.interrupt()
	}
}

// Remove says that the instance is to be removed from the registry.
func (r *Reporter) Remove() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.removed {
		r.removed = true
		r.interrupt()
	}
}

// interrupt ends a call that says what is not true any more; the sequence
// number of the next one makes the registry ignore it should it arrive late.
func (r *Reporter) interrupt() {
	if r.cancel != nil {
		r.cancel()
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// The pace of calls that failed.
const (
	firstRetry   = 500 * time.Millisecond
	longestRetry = 5 * time.Second
	// registerJitter spreads the pods that a registry has lost all at once.
	registerJitter = 2 * time.Second
)

// Run works until the instance is removed or ctx is done.
func (r *Reporter) Run(ctx context.Context) {
	s := session{Reporter: r, stopped: ctx.Done(), retry: firstRetry}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-r.wake:
		case <-ctx.Done():
			return
		}
		next, over := s.step(ctx)
		if over {
			return
		}
		timer.Reset(next)
	}
}

// session is what Run's goroutine knows.
type session struct {
	*Reporter
	stopped   <-chan struct{}
	known     bool         // the registry has the instance
	tried     bool         // it may have it
	told      naming.State // the state it has
	last      time.Time    // of the last call that succeeded
	notBefore time.Time    // of the next registration
	failing   bool
	refused   string // what the registry said no with
	ended     bool
	retry     time.Duration
	worker    string
}

// step makes the call that is due, if one is, and returns when to look again.
func (s *session) step(ctx context.Context) (next time.Duration, over bool) {
	state, removed, ctx, cancel := s.begin(ctx)
	defer cancel()
	switch {
	case removed:
		return s.remove(ctx)
	case s.ended:
		return s.beat, false
	case !s.known && state == naming.Deactivating:
		// Who is about to leave does not come.
		return s.beat, false
	case !s.known:
		return s.register(ctx, state), false
	case state != s.told || time.Since(s.last) >= s.beat:
		return s.keepAlive(ctx, state), false
	}
	return s.beat - time.Since(s.last), false
}

func (s *session) begin(ctx context.Context) (naming.State, bool, context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel = cancel
	return s.state, s.removed, ctx, cancel
}

func (s *session) register(ctx context.Context, state naming.State) time.Duration {
	if wait := time.Until(s.notBefore); wait > 0 {
		return wait
	}
	request := s.registration
	request.State = string(state)
	s.tried = true
	answer, err := s.calls.Startup(ctx, request)
	if err != nil {
		wait := s.failed(ctx, answer, err)
		if answer.RetryAfter > 0 {
			s.notBefore = time.Now().Add(wait) // whatever the state becomes meanwhile
		}
		return wait
	}
	s.succeeded(answer)
	s.known, s.told = true, state
	s.emit(Event{Kind: Registered, State: state})
	return s.beat
}

func (s *session) keepAlive(ctx context.Context, state naming.State) time.Duration {
	answer, err := s.calls.KeepAlive(ctx, state)
	if err != nil {
		return s.failed(ctx, answer, err)
	}
	s.succeeded(answer)
	switch answer.Action {
	case "register":
		s.known, s.told = false, ""
		if state == naming.Deactivating {
			// Who is not known is handed out to nobody, and need not come back.
			s.emit(Event{Kind: Reported, State: state})
			return s.beat
		}
		wait := answer.RetryAfter + rand.N(max(registerJitter, answer.RetryAfter/2))
		s.notBefore = time.Now().Add(wait)
		s.emit(Event{Kind: Lost})
		return wait
	case "left", "superseded":
		s.ended = true
		s.emit(Event{Kind: Ended, Action: answer.Action})
		return s.beat
	}
	if state != s.told {
		s.told = state
		s.emit(Event{Kind: Reported, State: state})
	}
	return s.beat
}

// remove is over when the registry has said yes, or has nothing to remove.
func (s *session) remove(ctx context.Context) (time.Duration, bool) {
	if s.tried && !s.ended {
		answer, err := s.calls.Prestop(ctx)
		if err != nil {
			return s.failed(ctx, answer, err), false
		}
	}
	s.emit(Event{Kind: Removed})
	return 0, true
}

func (s *session) succeeded(answer Answer) {
	s.last, s.retry = time.Now(), firstRetry
	if s.failing {
		s.failing, s.refused = false, ""
		s.emit(Event{Kind: Recovered})
	}
	if answer.WorkerID != "" && answer.WorkerID != s.worker {
		s.worker = answer.WorkerID
		s.emit(Event{Kind: Worker, WorkerID: s.worker})
	}
}

// failed returns when to try again: sooner after the first failures, spread so
// that pods do not call together, and not at all before what the registry said.
func (s *session) failed(ctx context.Context, answer Answer, err error) time.Duration {
	if ctx.Err() != nil {
		return 0 // interrupted: there is something newer to say
	}
	refused := refusal(err)
	if !s.failing || refused != "" && refused != s.refused {
		s.emit(Event{Kind: Failing, Err: err})
	}
	s.failing, s.refused = true, refused
	wait := s.retry/2 + rand.N(s.retry)
	s.retry = min(2*s.retry, longestRetry)
	return max(wait, answer.RetryAfter+rand.N(answer.RetryAfter/2+1))
}

// refusal is what the registry itself said no with, or empty: a registry that
// cannot be reached fails in many words, one a replica, that tell nothing new.
func refusal(err error) string {
	if no, ok := errors.AsType[*tarsclient.ServerError](err); ok {
		return no.Error()
	}
	return ""
}

func (s *session) emit(e Event) {
	select {
	case s.events <- e:
	case <-s.stopped:
	}
}
