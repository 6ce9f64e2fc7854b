//go:build !race

package rpc

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/rpc/load"
)

// TestIdleConnectionsAreCheap opens 10,000 connections, or as many as the limit
// of open files allows, to a server in a process of its own, has each used
// once, and looks what they cost while nothing happens. It is not built for the
// race detector, whose shadow memory is many times that.
func TestIdleConnectionsAreCheap(t *testing.T) {
	const (
		most     = 10_000
		reserved = 500     // files that something else may need
		perIdle  = 6 << 10 // bytes: 60 MB for 10,000
	)
	server, err := load.Start("null")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	n := min(most, int(raiseFileLimit(t))-reserved)
	t.Logf("%d connections", n)

	before := settled(t, server)
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
	frame := ping(t, 1)
	answer := make([]byte, 256)
	for range n {
		conn, err := net.Dial("tcp", server.Address)
		if err != nil {
			t.Fatalf("connection %d: %v", len(conns), err)
		}
		conns = append(conns, conn)
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(answer); err != nil {
			t.Fatal(err)
		}
	}
	after := settled(t, server)
	tooMuch := func() bool { return after > most*perIdle || after-before > int64(n)*perIdle }
	for deadline := time.Now().Add(patience); tooMuch() && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond) // they go to rest after a second
		after = settled(t, server)
	}
	t.Logf("resident %d kB with none, %d kB with all: %d bytes each", before>>10, after>>10, (after-before)/int64(n))
	if before == 0 {
		t.Fatal("the server cannot tell its memory on this system")
	}
	if after-before > int64(n)*perIdle {
		t.Errorf("%d bytes for each idle connection, want at most %d", (after-before)/int64(n), perIdle)
	}
	if after > most*perIdle {
		t.Errorf("resident %d bytes", after)
	}
}

func settled(t *testing.T, server *load.Process) int64 {
	t.Helper()
	u, err := server.Settled()
	if err != nil {
		t.Fatal(err)
	}
	return u.Resident
}

// raiseFileLimit raises the limit of open files as far as it goes.
func raiseFileLimit(t *testing.T) uint64 {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return limit.Cur
}
