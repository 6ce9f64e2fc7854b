package routing

import (
	"sync"
	"sync/atomic"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/tars"
)

// form is the shape of a reply's body.
type form int

const (
	formActive form = iota // the active list is the return value
	formPair               // the lists have tags 2 and 3: one argument
	formThird              // the lists have tags 3 and 4: two arguments
	forms
)

// lists are what a client gets. They are immutable but for the bodies encoded
// of them.
type lists struct {
	code     int32
	active   []entry
	inactive []entry
	bodies   [forms]atomic.Pointer[[]byte]
	share    *budgetShare
}

func (l *lists) add(e entry) {
	if e.owner.serving {
		l.active = append(l.active, e)
	} else {
		l.inactive = append(l.inactive, e)
	}
}

// body is the encoded reply. It must not be changed.
func (l *lists) body(f form) []byte {
	if body := l.bodies[f].Load(); body != nil {
		return *body
	}
	body := l.encode(f)
	l.share.keep(&l.bodies[f], &body)
	return body
}

func (l *lists) encode(f form) []byte {
	if f == formActive {
		body := make([]byte, 0, encodedSize(l.active)+8)
		return appendEntries(body, 0, l.active)
	}
	body := make([]byte, 0, encodedSize(l.active)+encodedSize(l.inactive)+16)
	body = wire.AppendInt(body, 0, int64(l.code))
	first := byte(2)
	if f == formThird {
		first = 3
	}
	body = appendEntries(body, first, l.active)
	return appendEntries(body, first+1, l.inactive)
}

// encodedSize is enough for a list, and not much more.
func encodedSize(list []entry) int {
	size := 0
	for _, e := range list {
		size += len(e.Host) + len(e.owner.key.Node) + len(e.owner.setID) + 40
	}
	return size
}

func appendEntries(dst []byte, tag byte, list []entry) []byte {
	dst = wire.AppendListHead(dst, tag, len(list))
	for _, e := range list {
		dst = appendEntry(dst, e)
	}
	return dst
}

// appendEntry encodes an EndpointF with tag 0, as its generated WriteBlock does.
func appendEntry(dst []byte, e entry) []byte {
	dst = wire.AppendStructBegin(dst, 0)
	dst = wire.AppendString(dst, 0, e.Host)
	dst = wire.AppendInt(dst, 1, int64(e.Port))
	dst = wire.AppendInt(dst, 2, int64(e.Timeout))
	dst = wire.AppendInt(dst, 3, int64(e.Transport))
	dst = wire.AppendInt(dst, 4, 0)
	dst = appendOptional(dst, 5, e.work())
	dst = appendOptional(dst, 6, e.real)
	if e.owner.setID != "" {
		dst = wire.AppendString(dst, 7, e.owner.setID)
	}
	dst = appendOptional(dst, 9, e.owner.bak)
	dst = appendOptional(dst, 11, e.Weight)
	dst = appendOptional(dst, 12, e.WeightType)
	dst = appendOptional(dst, 13, e.AuthType)
	if e.owner.key.Node != "" {
		dst = wire.AppendString(dst, 14, e.owner.key.Node)
	}
	return wire.AppendStructEnd(dst)
}

// appendOptional leaves an optional field out that has its default.
func appendOptional(dst []byte, tag byte, value int32) []byte {
	if value == 0 {
		return dst
	}
	return wire.AppendInt(dst, tag, int64(value))
}

func decoded(list []entry) []tars.EndpointF {
	result := make([]tars.EndpointF, len(list))
	for i, e := range list {
		result[i] = e.wire()
	}
	return result
}

// budget bounds the bytes of all encoded bodies that are kept (R29). Beyond it
// bodies are encoded for every reply.
type budget struct {
	limit int64
	used  atomic.Int64
}

// budgetShare is what one view holds of the budget.
type budgetShare struct {
	budget  *budget
	mu      sync.Mutex
	held    int64
	retired bool
}

// keep puts an encoded body into its slot, where there is budget for it.
func (s *budgetShare) keep(slot *atomic.Pointer[[]byte], body *[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired || slot.Load() != nil {
		return
	}
	size := int64(len(*body))
	if s.budget.used.Add(size) > s.budget.limit {
		s.budget.used.Add(-size)
		return
	}
	s.held += size
	slot.Store(body)
}

func (s *budgetShare) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	s.budget.used.Add(-s.held)
	s.held = 0
}
