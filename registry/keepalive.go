package registry

import (
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/registry/heartbeat"
	"github.com/tarsregistry/tarsregistry/registry/transition"
)

// inline answers keepAlive calls that change nothing, from memory and without
// allocation. Everything else, bad input included, is left to KeepAlive, which
// says what is wrong with it.
func (p *podServant) inline(call *rpc.Call, _ *rpc.Reply) bool {
	if string(call.Function) != "keepAlive" || p.ownAddress {
		return false
	}
	beat, ok := decodeKeepAlive(call)
	if !ok {
		return false
	}
	return p.note(&beat) == heartbeat.Unchanged
}

func (p *podServant) note(beat *heartbeat.Beat) heartbeat.Verdict {
	if len(beat.Application) == 0 && len(beat.Server) == 0 {
		return p.book.BeatNode(beat)
	}
	return p.book.Beat(beat)
}

// decodeKeepAlive reads keepAliveReq (tars/pod.tars) and the heartbeat's context
// keys in place. It gives up on whatever is out of the ordinary.
func decodeKeepAlive(call *rpc.Call) (heartbeat.Beat, bool) {
	r := wire.NewReader(call.Body)
	r.BeginStruct(1)
	beat := heartbeat.Beat{Node: r.String(0)}
	state, known := knownState(r.String(1))
	beat.State = state
	beat.Application, _ = r.OptionalString(2)
	beat.Server, _ = r.OptionalString(3)
	r.EndStruct() // a request that is cut off before its names would be one for all of the node
	if r.Err() != nil || !known || len(beat.Node) == 0 {
		return beat, false
	}
	if (len(beat.Application) == 0) != (len(beat.Server) == 0) {
		return beat, false
	}
	beat.UID, _ = call.ContextValue(contextUID)
	interval, ok := smallNumber(call, contextInterval)
	if !ok {
		return beat, false
	}
	beat.Interval = time.Duration(interval) * time.Millisecond
	beat.Sequence, ok = smallNumber(call, contextSequence)
	return beat, ok
}

func knownState(text []byte) (naming.State, bool) {
	switch string(text) {
	case "", "active":
		return naming.Active, true
	case "inactive":
		return naming.Inactive, true
	case "activating":
		return naming.Activating, true
	case "deactivating":
		return naming.Deactivating, true
	}
	return "", false
}

// smallNumber reads a decimal number of the context without allocating; 0 where
// the key is absent.
func smallNumber(call *rpc.Call, key string) (int64, bool) {
	text, present := call.ContextValue(key)
	if !present {
		return 0, true
	}
	const digits = 15 // no overflow
	if len(text) > digits {
		return 0, false
	}
	var number int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		number = number*10 + int64(c-'0')
	}
	return number, true
}

// beatOf is the heartbeat of a pooled call.
func beatOf(key naming.Key, whole bool, state naming.State, caller transition.Caller) *heartbeat.Beat {
	beat := &heartbeat.Beat{
		Node: []byte(key.Node), UID: []byte(caller.Identity.UID),
		State: state, Interval: caller.Interval, Sequence: caller.Sequence,
	}
	if !whole {
		beat.Application, beat.Server = []byte(key.Application), []byte(key.Server)
	}
	return beat
}
