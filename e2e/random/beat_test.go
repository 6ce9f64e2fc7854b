package random

import (
	"time"

	"github.com/tarsregistry/tarsregistry/tars"
)

// beat sends a slot's heartbeats until the end, between the other calls of its pod.
func (h *house) beat(number int) {
	s, other := h.slots[number], h.slots[1-number]
	r := h.world.random("beats", 2*h.number+number)
	for turn := 0; h.beats.Err() == nil; turn++ {
		time.Sleep(beatInterval - 50*time.Millisecond + time.Duration(r.IntN(100))*time.Millisecond)
		site := h.sites[(h.number+number)%len(h.sites)] // most stay with one replica
		if !site.serves() || r.IntN(5) == 0 {
			site = h.sites[r.IntN(len(h.sites))]
		}
		if h.kind == "" && turn%4 == 3 {
			h.beatNode(site, s, other)
		} else {
			h.beatOnce(site, s)
		}
	}
}

func (h *house) beatOnce(site *site, s *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.alive {
		return
	}
	s.sequence++
	h.did("beat")
	if err := h.say(site, s, s.state); err != nil {
		h.did("beat in vain")
	}
}

// beatNode is for all of the node (R7), as the oldest pods do it, while both slots
// say the same.
func (h *house) beatNode(site *site, s, other *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !other.mu.TryLock() {
		return // it is busy with something else
	}
	defer other.mu.Unlock()
	if !s.alive || !other.alive || s.state != other.state {
		return
	}
	h.did("beat for a node")
	if err := h.sayOf(site, s, &tars.KeepAliveReq{NodeName: s.node, State: s.state}); err != nil {
		h.did("beat for a node in vain")
	}
}
