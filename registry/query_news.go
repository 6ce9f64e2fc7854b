package registry

import (
	"errors"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/routing"
)

// Bounds of subscriptions (R29) and the pace of pushes (extensions.md).
const (
	newsPace         = 100 * time.Millisecond
	maxSubscriptions = 1000 // of a connection
	maxAllTold       = 1_000_000
	maxObjectName    = 128 // characters; no servant name is longer
)

// anyObject is subscribed to for every change; its pushes have an empty body.
const anyObject = ""

// subscriber is a connection that pushes go to.
type subscriber interface {
	Push(requestID int32, body []byte) error
	OnClose(f func()) (stop func())
}

// news tells connections that objects they asked about have changed: a response
// packet with request id 0 and the object's name as its body, at most one for
// an object in 100 ms. It needs no goroutine: a change starts a timer, and only
// where somebody wants to know of it.
type news struct {
	mu         sync.Mutex
	readers    map[subscriber]*reader
	byObject   map[string]map[subscriber]*reader
	total      int
	due        map[subscriber]*reader // readers with something to be told
	allDue     bool                   // every reader has, everything
	scheduled  bool
	lastPushed time.Time
}

// reader is what one connection subscribed to; true: it is to be told.
type reader struct {
	objects map[string]bool
}

func newNews(table *routing.Table) *news {
	n := &news{
		readers:  make(map[subscriber]*reader),
		byObject: make(map[string]map[subscriber]*reader),
		due:      make(map[subscriber]*reader),
	}
	table.Watch(n.changed)
	return n
}

// subscribe has a connection told of an object's changes until it closes. It is
// false beyond the bounds, and for what is no object's name.
func (n *news) subscribe(to subscriber, object string) bool {
	if naming.CheckPrintable("id", object, maxObjectName) != nil {
		return false
	}
	known, ok := n.add(to, object)
	if ok && !known {
		to.OnClose(func() { n.forget(to) })
	}
	return ok
}

// add notes a subscription and says whether the connection had others.
func (n *news) add(to subscriber, object string) (known, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, known := n.readers[to]
	if !known {
		r = &reader{objects: make(map[string]bool)}
	}
	if _, again := r.objects[object]; again {
		return known, true
	}
	if len(r.objects) >= maxSubscriptions || n.total >= maxAllTold {
		return known, false
	}
	r.objects[object] = false
	n.readers[to] = r
	if n.byObject[object] == nil {
		n.byObject[object] = make(map[subscriber]*reader)
	}
	n.byObject[object][to] = r
	n.total++
	return known, true
}

// forget ends what a closed connection subscribed to.
func (n *news) forget(to subscriber) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.readers[to]
	if r == nil {
		return
	}
	for object := range r.objects {
		delete(n.byObject[object], to)
		if len(n.byObject[object]) == 0 {
			delete(n.byObject, object)
		}
	}
	n.total -= len(r.objects)
	delete(n.readers, to)
	delete(n.due, to)
}

// changed is called by the table after a publication.
func (n *news) changed(change routing.Change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.allDue = n.allDue || (change.All && len(n.readers) > 0)
	for _, object := range change.Objects {
		n.tellAll(object)
	}
	n.tellAll(anyObject)
	n.schedule()
}

// tellAll makes an object due for who subscribed to it. n.mu is held.
func (n *news) tellAll(object string) {
	for to, r := range n.byObject[object] {
		n.tell(to, r, object)
	}
}

func (n *news) tell(to subscriber, r *reader, object string) {
	r.objects[object] = true
	n.due[to] = r
}

// schedule starts the timer for what is due, no earlier than a pace after the
// pushes before. n.mu is held.
func (n *news) schedule() {
	if (len(n.due) == 0 && !n.allDue) || n.scheduled {
		return
	}
	n.scheduled = true
	time.AfterFunc(max(0, newsPace-time.Since(n.lastPushed)), n.push)
}

// push sends what is due. What a connection does not take now stays due.
func (n *news) push() {
	for to, objects := range n.takeDue() {
		for i, object := range objects {
			err := to.Push(0, []byte(object))
			if errors.Is(err, rpc.ErrUnsent) {
				n.putBack(to, objects[i:])
				break
			}
			if err != nil {
				break // it is closed, and will be forgotten
			}
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.scheduled = false
	n.lastPushed = time.Now()
	n.schedule()
}

func (n *news) takeDue() map[subscriber][]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.allDue {
		n.allDue = false
		for object := range n.byObject {
			n.tellAll(object)
		}
	}
	taken := make(map[subscriber][]string, len(n.due))
	for to, r := range n.due {
		for object, due := range r.objects {
			if due {
				taken[to] = append(taken[to], object)
				r.objects[object] = false
			}
		}
	}
	clear(n.due)
	return taken
}

func (n *news) putBack(to subscriber, objects []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.readers[to]
	if r == nil {
		return
	}
	for _, object := range objects {
		n.tell(to, r, object)
	}
}
