package registry

import (
	"unsafe"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/registry/routing"
)

// inline answers look-ups on the connection's goroutine, without allocation,
// with bodies encoded before.
func (l *lookups) inline(call *rpc.Call, reply *rpc.Reply) bool {
	picture := l.table.Picture()
	if picture == nil {
		reply.Fail(rpc.CodeFailed, textNoPicture)
		return true
	}
	found, ok := look(picture, call)
	if ok {
		reply.SetBody(found.Body())
	}
	return ok
}

// look answers a look-up whose arguments can be read, and gives up on whatever
// is out of the ordinary.
func look(picture *routing.Picture, call *rpc.Call) (routing.Answer, bool) {
	r := wire.NewReader(call.Body)
	switch string(call.Function) {
	case "findObjectByIdInSameGroup", "findObjectById4All":
		if id := r.String(1); r.Err() == nil {
			return picture.InSameGroup(view(id), callerOfCall(call)), true
		}
	case "findObjectByIdInSameSet":
		if id, set := r.String(1), r.String(2); r.Err() == nil {
			return picture.InSameSet(view(id), view(set), callerOfCall(call)), true
		}
	case "findObjectById4Any":
		if id := r.String(1); r.Err() == nil {
			return picture.Any(view(id)), true
		}
	case "findObjectById":
		if id := r.String(1); r.Err() == nil {
			return picture.ByID(view(id)), true
		}
	case "findObjectByIdInSameStation":
		if id, station := r.String(1), r.String(2); r.Err() == nil {
			return picture.InSameStation(view(id), view(station)), true
		}
	}
	return routing.Answer{}, false
}

func callerOfCall(call *rpc.Call) routing.Caller {
	name, _ := call.ContextValue(contextNodeName)
	return routing.Caller{Name: view(name), Address: call.Peer().Addr()}
}

// view is a string on bytes of the call's buffer. It is valid as long as the
// call is: a picture keeps none of what it is asked.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // never outlives the call, see above
}
