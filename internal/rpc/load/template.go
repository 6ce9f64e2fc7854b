package load

import (
	"encoding/binary"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

// Request is what a Template is made of.
type Request struct {
	Servant  string
	Function string
	Body     []byte // the encoded arguments
	Context  map[string]string
	// Timeout is iTimeout in milliseconds. 0: not told.
	Timeout int32
	OneWay  bool
}

// Template is an encoded request of protocol version 1 whose id is filled in
// for each call. It is safe for concurrent use.
type Template struct {
	frame []byte
	id    int // where the id stands
}

// NewTemplate encodes a request.
func NewTemplate(r Request) Template {
	packetType := int64(0)
	if r.OneWay {
		packetType = 1
	}
	b := make([]byte, 4, 128+len(r.Body))
	b = wire.AppendInt(b, 1, 1)
	b = wire.AppendInt(b, 2, packetType)
	b = wire.AppendInt(b, 3, 0)
	b = wire.AppendHead(b, 4, wire.Int32) // of fixed size, whatever the id
	id := len(b)
	b = append(b, 0, 0, 0, 0)
	b = wire.AppendString(b, 5, r.Servant)
	b = wire.AppendString(b, 6, r.Function)
	b = wire.AppendBytes(b, 7, r.Body)
	b = wire.AppendInt(b, 8, int64(r.Timeout))
	b = wire.AppendMapHead(b, 9, len(r.Context))
	for key, value := range r.Context {
		b = wire.AppendString(wire.AppendString(b, 0, key), 1, value)
	}
	b = wire.AppendMapHead(b, 10, 0)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return Template{frame: b, id: id}
}

// Append appends the request with an id.
func (t Template) Append(dst []byte, id int32) []byte {
	start := len(dst)
	dst = append(dst, t.frame...)
	binary.BigEndian.PutUint32(dst[start+t.id:], uint32(id))
	return dst
}
