package rpc

import (
	"testing"
	"time"
)

// awaitRest waits until a connection that was last used at another time has read
// something and then got a new goroutine.
func awaitRest(t *testing.T, conn *Conn, used int64) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for conn.lastUsed.Load() == used || conn.worn.Load() || conn.resting.Load() {
		if time.Now().After(deadline) {
			t.Fatal("no rest")
		}
		if conn.resting.Load() {
			conn.wake() // where the goroutine was not idle it has undone the first
		}
		time.Sleep(time.Millisecond)
	}
}

// TestRest: a connection goes on as if nothing had been, in the middle of a frame too.
func TestRest(t *testing.T) {
	observed := newRecord()
	server := NewServer(Options{ReadTimeout: patience, Observer: observed})
	server.rest = 10 * time.Millisecond
	_, address := startListener(t, server, ListenOptions{}, accepting().servant())
	c := dial(t, address)
	observed.await(t, "opened", 1)
	conn := server.connections()[0]
	for id := range int32(5) {
		frame := ping(t, id+1)
		used := conn.lastUsed.Load()
		c.send(frame[:10])
		awaitRest(t, conn, used)
		used = conn.lastUsed.Load()
		c.send(frame[10:])
		if resp := c.receive(); resp.IRequestId != id+1 {
			t.Fatalf("answer to %d", resp.IRequestId)
		}
		awaitRest(t, conn, used)
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
