package registry

import (
	"unsafe"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/registry/routing"
)

// inline answers look-ups on the connection's goroutine, without allocation,
// with bodies encoded before. It gives up on whatever is out of the ordinary.
func (l *lookups) inline(call *rpc.Call, reply *rpc.Reply) bool {
	picture := l.table.Picture()
	if picture == nil {
		reply.Fail(rpc.CodeFailed, textNoPicture)
		return true
	}
	r := wire.NewReader(call.Body)
	id := view(r.String(1))
	var found routing.Answer
	switch string(call.Function) {
	case "findObjectByIdInSameGroup", "findObjectById4All":
		if r.Err() != nil {
			return false
		}
		found = picture.InSameGroup(id, callerOfCall(call))
	case "findObjectByIdInSameSet":
		setID := view(r.String(2))
		if r.Err() != nil {
			return false
		}
		found = picture.InSameSet(id, setID, callerOfCall(call))
	case "findObjectById4Any":
		found = picture.Any(id)
	case "findObjectById":
		found = picture.ById(id)
	case "findObjectByIdInSameStation":
		station := view(r.String(2))
		if r.Err() != nil {
			return false
		}
		found = picture.InSameStation(id, station)
	default:
		return false
	}
	if r.Err() != nil {
		return false
	}
	reply.SetBody(found.Body())
	return true
}

func callerOfCall(call *rpc.Call) routing.Caller {
	name, _ := call.ContextValue(contextNodeName)
	return routing.Caller{Name: view(name), Address: call.Peer().Addr()}
}

// view is a string on bytes of the call's buffer. It is valid as long as the
// call is: a picture keeps none of what it is asked.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
