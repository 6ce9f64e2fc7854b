package rpc

import "sync"

const (
	// inSize is the buffer that frames are read into: enough for tens of
	// ordinary requests. It grows for larger frames.
	inSize = 8 << 10
	// flushSize is how much is answered before it is written, even though more
	// requests are there.
	flushSize = 64 << 10
	// maxKept is the largest buffer that is kept for use again.
	maxKept = 128 << 10
)

// scratch is what a connection needs while there is something to read; it goes
// back while the connection is idle.
type scratch struct {
	small [inSize]byte
	in    []byte // small, or a larger one for a large frame
	start int    // in[start:end] is what was read and not yet handled
	end   int
	out   []byte // answers that were not yet written
	call  Call
	reply Reply
}

// buffers are those not in use.
type buffers struct {
	scratches sync.Pool
	frames    sync.Pool
}

func (b *buffers) scratch() *scratch {
	s, ok := b.scratches.Get().(*scratch)
	if !ok {
		s = new(scratch)
	}
	s.in = s.small[:]
	return s
}

func (b *buffers) putScratch(s *scratch) {
	if cap(s.out) > maxKept {
		s.out = nil
	}
	s.in, s.start, s.end, s.out = nil, 0, 0, s.out[:0]
	s.call = Call{}
	s.reply.reset()
	b.scratches.Put(s)
}

// frame is a buffer to encode an answer into.
func (b *buffers) frame() *[]byte {
	if f, ok := b.frames.Get().(*[]byte); ok {
		return f
	}
	return new([]byte)
}

func (b *buffers) putFrame(f *[]byte) {
	if cap(*f) <= maxKept {
		*f = (*f)[:0]
		b.frames.Put(f)
	}
}
