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
			conn.wake() // a goroutine that was not idle has undone the watch's
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

// TestOnlyAFramesDeadlineIsATimeout: one that was left over closes nothing.
func TestOnlyAFramesDeadlineIsATimeout(t *testing.T) {
	observed := newRecord()
	server := NewServer(Options{ReadTimeout: patience, Observer: observed})
	_, address := startListener(t, server, ListenOptions{}, accepting().servant())
	c := dial(t, address)
	observed.await(t, "opened", 1)
	conn := server.connections()[0]
	for _, size := range []int{0, 10} { // before a frame and within one
		frame := ping(t, 1)
		used := conn.lastUsed.Load()
		c.send(frame[:size])
		for size > 0 && conn.lastUsed.Load() == used {
			time.Sleep(time.Millisecond)
		}
		if err := conn.raw.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		c.send(frame[size:])
		if resp := c.receive(); resp.IRequestId != 1 {
			t.Errorf("answer to %d", resp.IRequestId)
		}
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
