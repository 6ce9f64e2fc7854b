package random

import (
	"time"

	"github.com/tarsregistry/tarsregistry/tars"
)

// beat sends a slot's heartbeats until the end. The supervisor of a pod with an
// identity sends them beside everything else and numbers them; an old pod does one
// thing at a time.
func (h *house) beat(number int) {
	s := h.slots[number]
	r := h.world.random("beats", 2*h.number+number)
	for turn := 0; h.beats.Err() == nil; turn++ {
		time.Sleep(beatInterval - 50*time.Millisecond + time.Duration(r.IntN(100))*time.Millisecond)
		site := h.sites[(h.number+number)%len(h.sites)] // most stay with one replica
		if !site.serves() || r.IntN(5) == 0 {
			site = h.sites[r.IntN(len(h.sites))]
		}
		if h.kind == "" {
			h.beatOld(s, site, turn%4 == 3)
		} else {
			h.beatNumbered(s, site)
		}
	}
}

func (h *house) beatNumbered(s *slot, site *site) {
	h.mu.Lock()
	if !s.alive {
		h.mu.Unlock()
		return
	}
	s.sequence++
	copied, changes := *s, s.changes
	h.mu.Unlock()
	h.did("beat")
	answer := map[string]string{}
	sent := time.Now()
	err := site.pods.KeepAlive(&tars.KeepAliveReq{NodeName: s.node, Application: application, Server: s.server, State: copied.state}, copied.context(), answer)
	answered := time.Now()
	if err != nil {
		h.did("beat in vain")
		return
	}
	h.mu.Lock()
	undisturbed := changes == s.changes && changes%2 == 0 && copied.identity == s.identity
	h.mu.Unlock()
	switch action := answer["tars-action"]; {
	case action == "":
		h.evidence.heard(s.key(), beat{sent, answered, site.number})
	case undisturbed:
		h.wrong("replica %d told the rightful holder of %s (%s): %s", site.number, s.key(), copied.identity.uid, action)
	}
}

// beatOld is for one slot, or now and then for the whole node (R7) as the oldest
// pods do it, where both slots say the same.
func (h *house) beatOld(s *slot, site *site, whole bool) {
	if !h.mu.TryLock() {
		return // it is busy with something else
	}
	defer h.mu.Unlock()
	if !s.alive || s.changes%2 != 0 {
		return
	}
	h.did("old beat")
	request := &tars.KeepAliveReq{NodeName: s.node, Application: application, Server: s.server, State: s.state}
	if whole && h.slots[0].alive && h.slots[1].alive && h.slots[0].state == h.slots[1].state {
		request.Application, request.Server = "", ""
	}
	answer := map[string]string{}
	sent := time.Now()
	if err := site.pods.KeepAlive(request, s.context(), answer); err != nil {
		h.did("old beat in vain")
		return
	}
	if action := answer["tars-action"]; action != "" {
		h.wrong("replica %d told the rightful old pod %s: %s", site.number, s.key(), action)
		return
	}
	h.evidence.heard(s.key(), beat{sent, time.Now(), site.number})
}
