//go:build !race

package e2e

import (
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/tars"
)

const (
	// beatInterval is what the fleet tells the registry about its heartbeats.
	beatInterval = time.Second
	// leaseTTL is three of them and some air for a busy machine: nobody who
	// beats may expire.
	leaseTTL = 15 * time.Second
	callers  = 16
	// patience is how long pods try: on a busy machine a commit may take longer
	// than the registry keeps them waiting.
	patience = time.Minute
	// settle is for a heartbeat of before that was overtaken by a change of
	// state: the last arrival wins, until the next heartbeat.
	settle = time.Minute
)

// fleet is a number of pods of one registry. Its methods are for one goroutine;
// heartbeats come from others.
type fleet struct {
	clients *clients
	pods    []*pod
	// patience is how long a heartbeat is tried before it counts as failed.
	patience time.Duration
	beats    atomic.Int64
	wrong    sync.Map // what heartbeats met that they should not have, by text
	stop     chan struct{}
	beating  sync.WaitGroup
}

// pod is one instance and how it behaves.
type pod struct {
	identity map[string]string // what it says of itself in a call's context
	alive    atomic.Bool       // it beats

	// What its next calls say, while others may be on their way.
	registered atomic.Pointer[tars.OnStartupReq]
	state      atomic.Pointer[string]
}

func (p *pod) registration() *tars.OnStartupReq { return p.registered.Load() }

func (p *pod) report(state string) { p.state.Store(&state) }

// context is a new map for every call: the client writes the answer's into it.
func (p *pod) context() map[string]string {
	context := map[string]string{"tars-beat-ms": strconv.FormatInt(beatInterval.Milliseconds(), 10)}
	maps.Copy(context, p.identity)
	return context
}

// newFleet makes pods of all kinds: ten instances a server, with and without an
// identity, sets, flow and a second adapter; some share a node with another
// server.
func newFleet(c *clients, size int) *fleet {
	f := &fleet{clients: c, patience: patience, stop: make(chan struct{})}
	for i := range size {
		f.pods = append(f.pods, newPod(i))
	}
	return f
}

func newPod(i int) *pod {
	node := fmt.Sprintf("10.%d.%d.%d", i/10000, i/100%100, i%100+1)
	if i%20 == 18 { // shares its node with the pod before it, which is of another kind of server
		node = fmt.Sprintf("10.%d.%d.%d", i/10000, i/100%100, (i-1)%100+1)
	}
	server := fmt.Sprintf("Server%d", i/10)
	if i%20 == 18 {
		server += "Beside"
	}
	r := &tars.OnStartupReq{
		NodeName: node, Application: "Fleet", Server: server, State: "active", Version: "v1",
		TemplateName: "tars.default", ServerType: "tars_go", DisableFlow: i%10 == 6,
	}
	if i%10 == 9 {
		r.SetID = fmt.Sprintf("gray.sz.%d", i%3)
	}
	r.Adapters = append(r.Adapters, adapterOf(r, "MainObj", 10000+i%10000))
	if i%3 == 0 {
		r.Adapters = append(r.Adapters, adapterOf(r, "SideObj", 30000+i%10000))
	}
	p := new(pod)
	p.registered.Store(r)
	switch {
	case i%20 >= 17 && i%20 <= 18:
		p.identity = map[string]string{"tars-pod-uid": fmt.Sprintf("host-%d", i), "tars-pod-kind": "host"}
	case i/10%4 < 2:
		p.identity = map[string]string{"tars-pod-uid": fmt.Sprintf("pod-%d", i), "tars-pod-kind": "pod"}
	}
	p.report("active")
	return p
}

func adapterOf(r *tars.OnStartupReq, object string, port int) tars.AdapterConf {
	return tars.AdapterConf{
		Servant:  r.Application + "." + r.Server + "." + object,
		Endpoint: fmt.Sprintf("tcp -h %s -p %d -t 60000", r.NodeName, port),
		Protocol: "tars", MaxConns: 2000, ThreadNum: 5, QueueCap: 10000, QueueTimeout: 60000,
	}
}

// every runs an action for some pods, by many callers at once. An error is tried
// again for a while, as pods do.
func (f *fleet) every(t *testing.T, some func(i int) bool, action func(*pod) error) {
	t.Helper()
	work := make(chan *pod)
	failures := make(chan error, len(f.pods))
	var done sync.WaitGroup
	for range callers {
		done.Go(func() {
			for p := range work {
				if err := again(patience, func() error { return action(p) }); err != nil {
					failures <- fmt.Errorf("%s: %w", p.registration().NodeName, err)
				}
			}
		})
	}
	for i, p := range f.pods {
		if some(i) {
			work <- p
		}
	}
	close(work)
	done.Wait()
	close(failures)
	if err, failed := <-failures; failed {
		t.Fatalf("%v, and %d more", err, len(failures))
	}
}

// again runs an action until it succeeds or patience is at its end.
func again(patience time.Duration, action func() error) error {
	for began := time.Now(); ; {
		if err := action(); err == nil || time.Since(began) > patience {
			return err
		}
	}
}

func (f *fleet) register(p *pod) error {
	err := f.clients.pods.OnStartup(p.registration(), p.context())
	if err == nil {
		p.report(p.registration().State)
		p.alive.Store(true)
	}
	return err
}

// beat sends one heartbeat and gives the action of the answer.
func (f *fleet) beat(p *pod) (action string, err error) {
	answer := make(map[string]string)
	r := p.registration()
	err = f.clients.pods.KeepAlive(&tars.KeepAliveReq{
		NodeName: r.NodeName, Application: r.Application, Server: r.Server, State: *p.state.Load(),
	}, p.context(), answer)
	return answer["tars-action"], err
}

// beatOnce is beat for a pod that is known.
func (f *fleet) beatOnce(p *pod) error {
	action, err := f.beat(p)
	if err == nil && action != "" {
		err = fmt.Errorf("heartbeat answered with action %s", action)
	}
	return err
}

// beatAlive is beatOnce for a pod that may leave or die meanwhile: then it does not
// matter what the heartbeat came to, and there is nothing to try again.
func (f *fleet) beatAlive(p *pod) error {
	if err := f.beatOnce(p); err != nil && p.alive.Load() {
		return err
	}
	return nil
}

func (f *fleet) leave(p *pod) error {
	p.alive.Store(false)
	r := p.registration()
	return f.clients.pods.OnPrestop(&tars.OnPrestopReq{NodeName: r.NodeName, Application: r.Application, Server: r.Server}, p.context())
}

// startBeating lets every pod that is alive beat at its interval (0: as fast as
// can be) until the test ends or stopBeating.
func (f *fleet) startBeating(t *testing.T, interval time.Duration) {
	t.Helper()
	for caller := range callers {
		f.beating.Go(func() { f.beatFrom(caller, interval) })
	}
	t.Cleanup(f.stopBeating)
}

func (f *fleet) stopBeating() {
	select {
	case <-f.stop:
	default:
		close(f.stop)
	}
	f.beating.Wait()
}

func (f *fleet) beatFrom(caller int, interval time.Duration) {
	round := time.NewTicker(max(interval, time.Millisecond))
	defer round.Stop()
	for {
		for i := caller; i < len(f.pods); i += callers {
			p := f.pods[i]
			if !p.alive.Load() {
				continue
			}
			if err := again(f.patience, func() error { return f.beatAlive(p) }); err != nil {
				f.wrong.Store(err.Error(), p.registration().NodeName)
			}
			f.beats.Add(1)
		}
		select {
		case <-round.C:
		case <-f.stop:
			return
		}
	}
}

// mustHaveBeatenWell fails the test if any heartbeat failed.
func (f *fleet) mustHaveBeatenWell(t *testing.T) {
	t.Helper()
	f.wrong.Range(func(text, node any) bool {
		t.Errorf("a heartbeat of %v: %v", node, text)
		return true
	})
}

// TestFleet lets a thousand instances live all that a fleet lives through, and
// compares the tables row by row with a model of it after every step.
func TestFleet(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, d database) {
		p := d.serve(t, "--lease-ttl", leaseTTL.String())
		f := newFleet(p.clients(t), 1000)
		s := &story{fleet: f, model: newModel(), database: d}
		s.tell(t)
		f.stopBeating()
		f.mustHaveBeatenWell(t)
		p.stop(t)
		s.compareNow(t, "after the end")
	})
}

// story is what happens to a fleet.
type story struct {
	*fleet
	model    *model
	database database
}

// kind picks the pods with this last digit. Every server has one of each, so
// that what happens to a kind happens to a tenth of every object.
func kind(digit int) func(int) bool { return func(i int) bool { return i%10 == digit } }

func everyone(int) bool { return true }

func (s *story) tell(t *testing.T) {
	db := s.database.open(t)
	compare := func(after string, within time.Duration) {
		t.Helper()
		replica.Eventually(t, within, "the tables are as expected after "+after, func() error { return s.model.check(db) })
		replica.Eventually(t, settle, "look-ups are as expected after "+after, func() error { return s.model.checkLookups(s.clients) })
	}

	s.every(t, everyone, s.register)
	s.note(everyone, func(r *tars.OnStartupReq) { s.model.registered(r) })
	compare("all registered", 0)
	s.startBeating(t, beatInterval)

	s.changeState(t, kind(1), "inactive")
	s.changeState(t, kind(2), "deactivating")
	compare("some changed their state", settle)

	s.every(t, kind(3), s.leave)
	s.note(kind(3), func(r *tars.OnStartupReq) { s.model.left(r.NodeName, r.Application, r.Server) })
	compare("some left", settle)

	s.registerOtherwise(t, kind(4))
	compare("some registered again, otherwise", settle)

	dying := kind(5)
	for i, p := range s.pods {
		if dying(i) {
			p.alive.Store(false)
		}
	}
	s.note(dying, func(r *tars.OnStartupReq) { s.model.expired(r.NodeName, r.Application, r.Server) })
	compare("some died without a word", 5*leaseTTL+30*time.Second)

	s.comeBack(t)
	compare("some came back", settle)
}

// note writes into the model what happened to some pods.
func (s *story) note(some func(int) bool, what func(*tars.OnStartupReq)) {
	for i, p := range s.pods {
		if some(i) {
			what(p.registration())
		}
	}
}

func (s *story) changeState(t *testing.T, some func(int) bool, state string) {
	t.Helper()
	s.every(t, some, func(p *pod) error {
		p.report(state)
		return s.beatOnce(p)
	})
	s.note(some, func(r *tars.OnStartupReq) { s.model.reported(r.NodeName, r.Application, r.Server, state) })
}

// registerOtherwise registers with another version, one adapter at another port,
// and no word on template and type.
func (s *story) registerOtherwise(t *testing.T, some func(int) bool) {
	t.Helper()
	s.every(t, some, func(p *pod) error {
		r := *p.registration()
		r.Version, r.TemplateName, r.ServerType, r.State = "v2", "", "", "activating"
		r.Adapters = []tars.AdapterConf{adapterOf(&r, "MainObj", 50000)}
		p.registered.Store(&r)
		p.report(r.State)
		return s.register(p)
	})
	s.note(some, s.model.registered)
}

// comeBack: half of the dead beat again, half register again, half of those who
// left register again, and the other half beats in vain.
func (s *story) comeBack(t *testing.T) {
	t.Helper()
	half := func(some func(int) bool, which int) func(int) bool {
		return func(i int) bool { return some(i) && i/10%2 == which }
	}
	s.every(t, half(kind(5), 0), func(p *pod) error {
		p.alive.Store(true)
		return s.beatOnce(p)
	})
	s.note(half(kind(5), 0), func(r *tars.OnStartupReq) { s.model.reported(r.NodeName, r.Application, r.Server, "active") })
	for _, some := range []func(int) bool{half(kind(5), 1), half(kind(3), 0)} {
		s.every(t, some, s.register)
		s.note(some, s.model.registered)
	}
	s.every(t, half(kind(3), 1), func(p *pod) error {
		action, err := s.beat(p)
		if err == nil && action != "left" {
			err = fmt.Errorf("a heartbeat after leaving was answered with action %q", action)
		}
		return err
	})
}

func (s *story) compareNow(t *testing.T, when string) {
	t.Helper()
	if err := s.model.check(s.database.open(t)); err != nil {
		t.Errorf("%s: %v", when, err)
	}
}
