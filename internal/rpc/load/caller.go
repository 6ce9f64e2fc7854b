package load

import (
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
)

// caller is one connection. An id tells which of its places a call has: place
// plus a multiple of the number of places.
type caller struct {
	index    int
	conn     net.Conn
	append   func(dst []byte, connection, n int, id int32) []byte
	begun    []time.Time // by place
	waiting  int         // calls that are not answered yet
	sent     int
	out      []byte
	in       []byte
	end      int // of what is in in
	calls    int64
	failed   int64
	latency  Histogram
	received time.Time
}

func newCaller(index int, conn net.Conn, options Options) *caller {
	return &caller{
		index:  index,
		conn:   conn,
		append: options.Append,
		begun:  make([]time.Time, options.Depth),
		in:     make([]byte, 64<<10),
	}
}

// run makes calls until the budget is used up and all are answered.
func (c *caller) run(b *budget) (err error) {
	defer func() {
		if closing := c.conn.Close(); err == nil {
			err = closing
		}
	}()
	c.received = time.Now()
	for place := range c.begun {
		// No id is 0: that is for pushes.
		if err := c.begin(b, int32(place+len(c.begun))); err != nil {
			return err
		}
	}
	for c.waiting > 0 {
		if err := c.receive(b); err != nil {
			return fmt.Errorf("connection %d: %w", c.index, err)
		}
	}
	return nil
}

// begin writes a call, each by itself, as callers that know nothing of one another
// write theirs.
func (c *caller) begin(b *budget, id int32) error {
	if !b.take() {
		return nil
	}
	c.begun[int(uint32(id))%len(c.begun)] = c.received
	c.out = c.append(c.out, c.index, c.sent, id)
	c.sent++
	c.waiting++
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	return err
}

// receive takes what answers there are and begins a call for each.
func (c *caller) receive(b *budget) error {
	n, err := c.conn.Read(c.in[c.end:])
	if err != nil {
		return err
	}
	c.end += n
	c.received = time.Now()
	start := 0
	for c.end-start >= 4 {
		size := int(binary.BigEndian.Uint32(c.in[start:]))
		if size > len(c.in) {
			c.in = append(c.in, make([]byte, size-len(c.in))...)
		}
		if c.end-start < size {
			break
		}
		if err := c.answered(b, c.in[start+4:start+size]); err != nil {
			return err
		}
		start += size
	}
	c.end = copy(c.in, c.in[start:c.end])
	return nil
}

func (c *caller) answered(b *budget, packet []byte) error {
	r := wire.NewReader(packet)
	r.Int32(1)
	id, code := r.Int32(3), r.Int32(5)
	if err := r.Err(); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if id == 0 {
		return nil // a push
	}
	c.calls++
	if code != 0 {
		c.failed++
	}
	c.latency.Add(c.received.Sub(c.begun[int(uint32(id))%len(c.begun)]))
	c.waiting--
	return c.begin(b, nextID(id, int32(len(c.begun))))
}

// nextID is the next id of the same place.
func nextID(id, places int32) int32 {
	if next := id + places; next > 0 && next < 1<<30 {
		return next
	}
	return id%places + places
}
