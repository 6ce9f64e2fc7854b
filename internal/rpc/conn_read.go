package rpc

import "io"

// firstBytes is what a connection that cannot tell when it has something to
// read keeps for the first bytes.
const firstBytes = 16

// read waits for bytes and appends them to the scratch's buffer. While it waits
// with nothing there the connection has no scratch.
func (c *Conn) read() error {
	if c.socket == nil {
		return c.readStream()
	}
	if err := c.socket.Read(c.onReadable); err != nil {
		return err
	}
	if c.readError != nil {
		return c.readError
	}
	if c.readCount == 0 {
		return io.EOF
	}
	c.scratch.end += c.readCount
	return nil
}

// readStream reads by the stream's own method: its first bytes into a buffer of
// a few bytes, then what else is there.
func (c *Conn) readStream() error {
	if s := c.scratch; s != nil && s.end > 0 {
		n, err := c.stream.Read(s.in[s.end:])
		s.end += n
		return ignoreAfter(n, err)
	}
	c.returnScratch()
	first := make([]byte, firstBytes)
	n, err := c.stream.Read(first)
	if n == 0 {
		return err
	}
	c.scratch = c.server.memory.scratch()
	c.scratch.end = copy(c.scratch.in, first[:n])
	return nil
}

// ignoreAfter drops an error that came with bytes: the next read has it again.
func ignoreAfter(n int, err error) error {
	if n > 0 {
		return nil
	}
	return err
}
