package random

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/tars"
)

const (
	houses  = 24
	servers = 6 // of different names, each in several houses
)

// house is a node with two slots. What happens in it, heartbeats apart, happens one
// after the other, and its goroutine does it; everything else is at the same time.
type house struct {
	*world
	node   string
	number int
	random *rand.Rand
	// kind is that of its pods: pod, host, or "" for old ones.
	kind   string
	births int
	slots  []*slot
}

func newHouse(w *world, number int) *house {
	h := &house{
		world: w, node: fmt.Sprintf("10.7.%d.1", number), number: number,
		random: w.random("house", number), kind: []string{"pod", "pod", "host", ""}[number%4],
	}
	for i := range 2 {
		h.slots = append(h.slots, &slot{server: fmt.Sprintf("S%d", (number+3*i)%servers), node: h.node})
	}
	return h
}

// born is an identity that never was.
func (h *house) born() identity {
	if h.kind == "" {
		return identity{}
	}
	h.births++
	return identity{fmt.Sprintf("%s-%d-%d", h.kind, h.number, h.births), h.kind}
}

// live does one thing after another until the world's time is up.
func (h *house) live() {
	for h.ctx.Err() == nil {
		time.Sleep(time.Duration(100+h.random.IntN(900)) * time.Millisecond)
		s := h.slots[h.random.IntN(len(h.slots))]
		s.mu.Lock()
		h.step(s)
		s.mu.Unlock()
	}
}

// step does one thing to a slot.
func (h *house) step(s *slot) {
	switch n := h.random.IntN(100); {
	case !s.registered:
		if h.random.IntN(2) == 0 {
			h.knock(s)
		}
		h.register(s, h.registration(s), h.born())
	case !s.alive:
		h.comeBack(s)
	case n < 25:
		h.report(s, []string{"active", "active", "inactive", "activating", "deactivating"}[h.random.IntN(5)])
	case n < 40:
		h.register(s, h.registration(s), s.identity)
	case n < 50:
		h.register(s, h.registration(s), h.born())
	case n < 58:
		h.move(s)
	case n < 68:
		h.leave(s)
	case n < 73:
		s.alive = false // without a word
		h.did("death")
	case n < 83:
		h.flow(s, h.random.IntN(2) == 0)
	case n < 86:
		h.deregister(s)
	case n < 92:
		h.edit(s)
	case n < 96:
		h.deleteRows(s)
	default:
		h.haunt(s)
	}
}

// registration makes one at random.
func (h *house) registration(s *slot) *tars.OnStartupReq {
	r := &tars.OnStartupReq{
		NodeName: s.node, Application: application, Server: s.server,
		State:       []string{"active", "active", "active", "activating", "inactive"}[h.random.IntN(5)],
		Version:     fmt.Sprintf("v%d", h.random.IntN(1000)),
		DisableFlow: h.random.IntN(8) == 0,
	}
	if h.random.IntN(2) == 0 {
		r.TemplateName, r.ServerType = fmt.Sprintf("tars.t%d", h.random.IntN(3)), "tars_go"
	}
	if h.random.IntN(4) == 0 {
		r.SetID = fmt.Sprintf("gray.sz.%d", h.random.IntN(3))
	}
	r.Adapters = append(r.Adapters, h.adapter(s, "MainObj"))
	if h.random.IntN(3) == 0 {
		r.Adapters = append(r.Adapters, h.adapter(s, "SideObj"))
	}
	return r
}

func (h *house) adapter(s *slot, object string) tars.AdapterConf {
	port := 10000 + 1000*(h.number%2) + h.random.IntN(400)
	if s == h.slots[1] {
		port += 20000 // so that the two never share one
	}
	if object == "SideObj" {
		port += 500
	}
	return tars.AdapterConf{
		Servant:  application + "." + s.server + "." + object,
		Endpoint: fmt.Sprintf("tcp -h %s -p %d -t 60000", s.node, port),
		Protocol: "tars", MaxConns: int32(100 + h.random.IntN(5)), ThreadNum: 5, QueueCap: 10000, QueueTimeout: 60000,
	}
}

// register is onStartup, tried until it is acknowledged. A pod that registers on a
// node ends whatever another pod had there (R9).
func (h *house) register(s *slot, r *tars.OnStartupReq, who identity) {
	s.sequence++
	others := h.others(s)
	others.doubt.Add(1)
	defer others.doubt.Add(1)
	at, done := h.change(h.random, "onStartup", func(site *site) error {
		return site.pods.OnStartup(clone(r), who.context(s.sequence))
	})
	if !done {
		return
	}
	s.onStartup(r, who)
	others.end(func() bool { return others.identity.kind == "pod" && who.kind == "pod" && others.identity != who })
	h.mustShow(at, s)
}

// others is the other slot of the house.
func (h *house) others(s *slot) *slot {
	if h.slots[0] == s {
		return h.slots[1]
	}
	return h.slots[0]
}

// end is what another slot's pod has done to this one's.
func (s *slot) end(really func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registered && really() {
		s.gone()
	}
}

// move registers again with the same words at another address.
func (h *house) move(s *slot) {
	r := clone(s.registration)
	for i := range r.Adapters {
		object := r.Adapters[i].Servant[strings.LastIndexByte(r.Adapters[i].Servant, '.')+1:]
		r.Adapters[i] = h.adapter(s, object)
	}
	r.State = s.state
	h.register(s, r, s.identity)
}

// report is a keepAlive with another state, tried until it is acknowledged.
func (h *house) report(s *slot, state string) {
	s.sequence++
	before, known := s.state, s.alive
	at, done := h.change(h.random, "keepAlive with a new state", func(site *site) error {
		return h.say(site, s, state)
	})
	if !done {
		return
	}
	s.state, s.alive = state, true
	if before != state || !known {
		h.mustCome(at, s)
	}
}

// say is one keepAlive of the slot's pod; an answer that asks for anything is
// wrong, since the model knows that the pod has its place.
func (h *house) say(site *site, s *slot, state string) error {
	return h.sayOf(site, s, &tars.KeepAliveReq{NodeName: s.node, Application: application, Server: s.server, State: state})
}

func (h *house) sayOf(site *site, s *slot, request *tars.KeepAliveReq) error {
	doubt, answer, sent := s.doubt.Load(), map[string]string{}, time.Now()
	if err := site.pods.KeepAlive(request, s.context(), answer); err != nil {
		return err
	}
	if action := answer["tars-action"]; action != "" {
		if doubt%2 == 0 && doubt == s.doubt.Load() {
			h.wrong("replica %d told the rightful holder of %s, %q: %s", site.number, s.key(), s.identity.uid, action)
		}
		return errors.New("the pod was told: " + action)
	}
	h.evidence.heard(s.key(), beat{sent, time.Now(), site.number})
	return nil
}

// leave is onPrestop. An old pod may say it for all of its node (R7).
func (h *house) leave(s *slot) {
	whole := s.identity.kind == "" && h.random.IntN(3) == 0
	request := &tars.OnPrestopReq{NodeName: s.node, Application: application, Server: s.server}
	if whole {
		request = &tars.OnPrestopReq{NodeName: s.node}
	}
	other := h.others(s)
	if whole {
		other.doubt.Add(1)
		defer other.doubt.Add(1)
	}
	at, done := h.change(h.random, "onPrestop", func(site *site) error { return site.pods.OnPrestop(request, s.context()) })
	if !done {
		return
	}
	s.gone()
	if whole {
		other.end(func() bool { return true })
	}
	h.mustShow(at, s)
}

// comeBack ends the silence of a pod: it beats again, or starts anew.
func (h *house) comeBack(s *slot) {
	switch h.random.IntN(4) {
	case 0: // not yet
	case 1:
		h.register(s, h.registration(s), h.born())
	default:
		h.report(s, s.state)
	}
}

// knock is a heartbeat of somebody who has no place any more. A replica that has
// not heard so yet takes it for granted; whatever it answers, nothing comes of it.
func (h *house) knock(s *slot) {
	via := h.sites[h.random.IntN(len(h.sites))]
	_ = via.ask(func(site *site) error {
		return site.pods.KeepAlive(&tars.KeepAliveReq{NodeName: s.node, Application: application, Server: s.server, State: "active"}, s.context())
	})
	h.did("knock")
}

// haunt is a heartbeat of an identity that is not the holder's: it has no effect.
func (h *house) haunt(s *slot) {
	ghost := identity{"ghost", "pod"}
	answer := map[string]string{}
	via, done := h.change(h.random, "haunting", func(site *site) error {
		clear(answer)
		return site.pods.KeepAlive(&tars.KeepAliveReq{NodeName: s.node, Application: application, Server: s.server, State: "inactive"}, ghost.context(1<<30), answer)
	})
	if done && answer["tars-action"] != "superseded" {
		h.wrong("a ghost of %s was told %q by replica %d", s.key(), answer["tars-action"], via.number)
	}
}
