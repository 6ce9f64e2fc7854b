package random

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/tarsregistry/tarsregistry/tars"
)

// find gives what a replica answers without grouping.
func (s *site) find(object string) (active, inactive []tars.EndpointF, err error) {
	code, err := s.query.FindObjectById4Any(object, &active, &inactive)
	if err == nil && code != 0 {
		err = fmt.Errorf("find %s: code %d", object, code)
	}
	return active, inactive, err
}

func addressesOf(endpoints []tars.EndpointF) []string {
	list := make([]string, 0, len(endpoints))
	for _, e := range endpoints {
		list = append(list, net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))))
	}
	return list
}

// mustShow holds a replica to what it has just committed: its look-ups show it at
// once (R24), and go on showing it.
func (h *house) mustShow(at acknowledged, s *slot) {
	if err := h.shown(at, s); err != nil {
		h.wrong("at once: %v", err)
	}
	if h.random.IntN(4) == 0 {
		time.Sleep(500 * time.Millisecond) // for whatever might undo it
		if err := h.shown(at, s); err != nil {
			h.wrong("half a second later: %v", err)
		}
	}
}

// mustCome is for a reported state. A replica that has not heard of a change by
// another one may take the report for a repetition; then the flush of the heartbeat
// finds out, and the next heartbeat of those who do not number them (R8, R19).
func (h *house) mustCome(at acknowledged, s *slot) {
	deadline := time.Now().Add(patience)
	for {
		err := h.shown(at, s)
		if err == nil {
			return
		}
		h.did("a report that took its time")
		if time.Now().After(deadline) {
			h.wrong("%s after it was reported: %v", patience, err)
			return
		}
		time.Sleep(beatInterval)
		s.sequence++
		_ = at.ask(func(site *site) error { return h.say(site, s, s.state) }) // faults are about
	}
}

// shown compares what the replica shows of the slot with the model; a replica that
// has ended meanwhile, and may have started from its disk, is not asked.
func (h *house) shown(at acknowledged, s *slot) error {
	if s.registration == nil {
		return nil
	}
	for _, a := range s.registration.Adapters {
		active, _, err := at.find(a.Servant)
		if err != nil || at.site.life.Load() != at.life || at.life%2 != 0 {
			return nil //nolint:nilerr // see above
		}
		if shown := slices.Contains(addressesOf(active), hostPort(a.Endpoint)); shown != s.serving() {
			return fmt.Errorf("replica %d, which acknowledged it, shows %s of %s as active: %v, want %v (state %s, setting %s, flow off by %q, bak %d, registered %v)",
				at.number, a.Endpoint, s.key(), shown, s.serving(), s.state, s.setting, s.flowOffBy, s.bak, s.registered)
		}
	}
	return nil
}

// watch looks the anchors up at one replica all the time. Whatever happens, while
// the replica runs it answers, and every answer has all of them.
func (w *world) watch(s *site) {
	for turn := 0; w.beats.Err() == nil; turn++ {
		time.Sleep(30 * time.Millisecond)
		life := s.life.Load()
		if life%2 != 0 || s.frozen.Load() {
			continue
		}
		object := anchorObject(turn % anchorServers)
		active, err := s.lookup(object, turn)
		if s.life.Load() != life || s.frozen.Load() {
			continue // it ended, or was frozen, meanwhile
		}
		w.did("look-up")
		if err != nil {
			w.wrong("replica %d did not answer a look-up of %s: %v", s.number, object, err)
			time.Sleep(time.Second)
			continue
		}
		if got := addressesOf(active); len(got) != anchorInstances {
			w.wrong("replica %d answered a look-up of %s with %v; there have been %d active endpoints all the time", s.number, object, got, anchorInstances)
			time.Sleep(time.Second)
		}
	}
}

// lookup asks in the different ways of clients.
func (s *site) lookup(object string, turn int) (active []tars.EndpointF, err error) {
	var inactive []tars.EndpointF
	var code int32
	switch turn % 4 {
	case 0:
		return s.query.FindObjectById(object)
	case 1:
		code, err = s.query.FindObjectById4Any(object, &active, &inactive)
	case 2:
		code, err = s.query.FindObjectByIdInSameGroup(object, &active, &inactive)
	default:
		code, err = s.query.FindObjectByIdInSameSet(object, "gray.sz.1", &active, &inactive)
	}
	if err == nil && code != 0 {
		err = fmt.Errorf("code %d", code)
	}
	return active, err
}
