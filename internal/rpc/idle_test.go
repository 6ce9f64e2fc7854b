package rpc

import (
	"testing"
	"time"
)

// awaitRest waits until the only connection of the server has a new goroutine.
func awaitRest(t *testing.T, server *Server) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		conns := server.connections()
		if len(conns) == 1 && !conns[0].worn.Load() && !conns[0].resting.Load() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no rest")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestRest: a connection goes on as if nothing had been, in the middle of a frame too.
func TestRest(t *testing.T) {
	server := NewServer(Options{ReadTimeout: patience})
	server.rest = 10 * time.Millisecond
	_, address := startListener(t, server, ListenOptions{}, accepting().servant())
	c := dial(t, address)
	for id := range int32(5) {
		frame := ping(t, id+1)
		c.send(frame[:10])
		awaitRest(t, server)
		c.send(frame[10:])
		if resp := c.receive(); resp.IRequestId != id+1 {
			t.Fatalf("answer to %d", resp.IRequestId)
		}
		awaitRest(t, server)
	}
}

// TestRestKeepsTheReadTimeout: half a frame is closed, rest or not.
func TestRestKeepsTheReadTimeout(t *testing.T) {
	observed := newRecord()
	server := NewServer(Options{ReadTimeout: 100 * time.Millisecond, Observer: observed})
	server.rest = 10 * time.Millisecond
	_, address := startListener(t, server, ListenOptions{}, accepting().servant())
	c := dial(t, address)
	c.send(ping(t, 1)[:10])
	c.closed()
	observed.await(t, "closed "+ReasonReadTimeout, 1)
}
