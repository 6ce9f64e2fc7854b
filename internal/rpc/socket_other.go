//go:build !unix

package rpc

// useSocket leaves reading and writing to the stream's own methods.
func (c *Conn) useSocket() {}
