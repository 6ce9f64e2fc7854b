package rpc

import "github.com/tarsregistry/tarsregistry/internal/rpc/wire"

// Reply is what an inline handler answers. Its buffer is used again for the
// next call.
type Reply struct {
	// Body is the encoded answer: the return value with tag 0, out parameters
	// with theirs. Handlers append to it with package wire:
	//
	//	reply.Body = wire.AppendInt(reply.Body, 0, 0)
	Body []byte

	encoded []byte // set by SetBody
	code    int32
	message string
	status  []byte // entries as in a packet
	entries int
}

// SetBody answers with a body encoded before, in place of Body. It is copied
// after the handler has returned and must not be changed ever.
func (r *Reply) SetBody(encoded []byte) { r.encoded = encoded }

// SetStatus puts an entry into the answer's status.
func (r *Reply) SetStatus(key, value string) {
	r.status = wire.AppendString(wire.AppendString(r.status, 0, key), 1, value)
	r.entries++
}

// Fail answers with a return code and a text instead of a body.
func (r *Reply) Fail(code int32, message string) { r.code, r.message = code, message }

// reset makes the reply ready for the next call; a large buffer is not kept.
func (r *Reply) reset() {
	if cap(r.Body) > maxKept {
		r.Body = nil
	}
	*r = Reply{Body: r.Body[:0], status: r.status[:0]}
}

// answer is the reply as what goes into a packet.
func (r *Reply) answer() answer {
	a := answer{code: r.code, message: r.message, status: stringMap{entries: r.status, n: r.entries}}
	if r.code == CodeSuccess {
		a.body = r.Body
		if r.encoded != nil {
			a.body = r.encoded
		}
	}
	return a
}
