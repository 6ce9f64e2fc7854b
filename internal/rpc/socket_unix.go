//go:build unix

package rpc

import (
	"errors"
	"syscall"
)

// useSocket has the connection read and write its socket itself, so that a
// buffer is taken only once there is something to read, and a write can be
// tried without a deadline. Where the socket cannot be had the stream is used.
func (c *Conn) useSocket() {
	withSocket, ok := c.raw.(syscall.Conn)
	if !ok {
		return
	}
	socket, err := withSocket.SyscallConn()
	if err != nil {
		return
	}
	c.socket = socket
	// Made once: a closure for each read would be an allocation for each.
	c.onReadable = c.readSocket
	c.onWritable = c.writeSocket
}

// readSocket reads what is there; false asks to be called again when there is
// something.
func (c *Conn) readSocket(fd uintptr) bool {
	s := c.scratch
	if s == nil {
		s = c.server.memory.scratch()
		c.scratch = s
	}
	n, err := ignoringInterrupts(syscall.Read, int(fd), s.in[s.end:])
	if errors.Is(err, syscall.EAGAIN) {
		if s.end == 0 {
			c.returnScratch()
		}
		return false
	}
	c.readCount, c.readError = n, err
	return true
}

// writeSocket writes what the socket takes now.
func (c *Conn) writeSocket(fd uintptr) bool {
	n, err := ignoringInterrupts(syscall.Write, int(fd), c.toWrite)
	if errors.Is(err, syscall.EAGAIN) {
		n, err = 0, nil
	}
	c.writeCount, c.writeError = max(n, 0), err
	return true
}

func ignoringInterrupts(call func(int, []byte) (int, error), fd int, b []byte) (int, error) {
	for {
		n, err := call(fd, b)
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
