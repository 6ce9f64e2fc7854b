package random

import (
	"sync"
	"time"
)

// evidence is what speaks for an instance being alive, and against those who
// expired it all the same.
type evidence struct {
	mu    sync.Mutex
	beats map[string][]beat // by key
	kills map[int][]time.Time
}

// beat is a heartbeat that was answered well.
type beat struct {
	sent     time.Time
	answered time.Time
	site     int
}

func (e *evidence) heard(key string, b beat) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.beats == nil {
		e.beats = map[string][]beat{}
	}
	e.beats[key] = append(e.beats[key], b)
}

// killed notes that what a replica had not flushed is lost.
func (e *evidence) killed(site int, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.kills == nil {
		e.kills = map[int][]time.Time{}
	}
	e.kills[site] = append(e.kills[site], at)
}

// alive gives a heartbeat because of which the instance may not have expired at
// that moment: it was answered before, it was sent less than a lease time before,
// and the replica that answered was not killed in between. A second is left for
// clocks and for what was under way.
func (e *evidence) alive(key string, at time.Time) (beat, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, b := range e.beats[key] {
		if b.sent.After(at.Add(-leaseTTL+time.Second)) && b.answered.Before(at.Add(-time.Second)) && !e.lost(b, at) {
			return b, true
		}
	}
	return beat{}, false
}

func (e *evidence) lost(b beat, at time.Time) bool {
	for _, kill := range e.kills[b.site] {
		if kill.After(b.sent) && kill.Before(at) {
			return true
		}
	}
	return false
}
