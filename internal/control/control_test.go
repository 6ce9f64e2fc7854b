package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func serve(t *testing.T, path string, handler Handler) *Server {
	t.Helper()
	s, err := Listen(path, handler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestProgressAndResult(t *testing.T) {
	for _, result := range []error{nil, errors.New("the registry could not be told")} {
		path := filepath.Join(t.TempDir(), "s")
		serve(t, path, func(_ context.Context, command string, say func(string)) error {
			say("first of " + command)
			say("second")
			return result
		})
		var said []string
		err := Ask(t.Context(), path, "prestop", func(text string) { said = append(said, text) })
		if fmt.Sprint(err) != fmt.Sprint(result) {
			t.Errorf("result %v, want %v", err, result)
		}
		if !slices.Equal(said, []string{"first of prestop", "second"}) {
			t.Errorf("said %q", said)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "left")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: left})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
	for _, path := range []string{filepath.Join(dir, "none"), left, filepath.Join(dir, strings.Repeat("long", 40))} {
		if err := Ask(t.Context(), path, "prestop", nil); !errors.Is(err, ErrNoSupervisor) {
			t.Errorf("%s: %v", path, err)
		}
		if Running(t.Context(), path) {
			t.Errorf("%s: a supervisor is said to run", path)
		}
	}
	// What was left over does not keep the next life from listening.
	serve(t, left, func(context.Context, string, func(string)) error { return nil })
	if err := Ask(t.Context(), left, "prestop", nil); err != nil {
		t.Error(err)
	}
	if !Running(t.Context(), left) {
		t.Error("no supervisor is said to run")
	}
}

func TestPathThatIsTooLongForASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("long", 40), "s")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	serve(t, path, func(context.Context, string, func(string)) error { return nil })
	if err := Ask(t.Context(), path, "prestop", nil); err != nil {
		t.Error(err)
	}
}

func TestTheHandlerKnowsWhenTheAskerHasGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	begun, gone := make(chan struct{}), make(chan struct{})
	serve(t, path, func(ctx context.Context, _ string, _ func(string)) error {
		close(begun)
		<-ctx.Done()
		close(gone)
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if err := Ask(ctx, path, "prestop", nil); err == nil {
			t.Error("no error though given up")
		}
	})
	<-begun
	cancel()
	<-gone
	group.Wait()
}

func TestCloseLetsAResultOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	begun, finish := make(chan struct{}), make(chan struct{})
	s := serve(t, path, func(context.Context, string, func(string)) error {
		close(begun)
		<-finish
		return errors.New("the result")
	})
	result := make(chan error, 1)
	go func() { result <- Ask(t.Context(), path, "prestop", nil) }()
	<-begun
	var closing sync.WaitGroup
	closing.Go(s.Close)
	for { // it takes the socket away, and waits then
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	close(finish)
	closing.Wait()
	if err := <-result; err == nil || err.Error() != "the result" {
		t.Errorf("result %v", err)
	}
}

func TestGarbageIsNoCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	serve(t, path, func(context.Context, string, func(string)) error {
		t.Error("the handler was called")
		return nil
	})
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("prestop\n")); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes of an answer", n)
	}
}
