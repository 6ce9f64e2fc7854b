// Package control lets short commands, such as the stop hook, talk to the
// running supervisor over a unix socket: one command a connection, any number
// of lines of progress back, then the result.
package control

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// ErrNoSupervisor is returned by Ask when nobody listens.
var ErrNoSupervisor = errors.New("no supervisor is running")

// The one request and the lines of its answer, each one JSON object.
type (
	request struct {
		Command string `json:"command"`
	}
	line struct {
		Say   string `json:"say,omitempty"`
		End   bool   `json:"end,omitempty"`
		Error string `json:"error,omitempty"`
	}
)

// Handler carries a command out. It may call say with lines of progress, from
// its own goroutine only; ctx is done when the asker has gone or the server is
// closed, which need not end what was asked for.
type Handler func(ctx context.Context, command string, say func(string)) error

// Server answers on the socket.
type Server struct {
	listener net.Listener
	handler  Handler
	ctx      context.Context
	cancel   context.CancelFunc
	group    sync.WaitGroup
}

// Listen opens the socket at path, taking away one that an earlier life has
// left. The caller must Close the server.
func Listen(path string, handler Handler) (*Server, error) {
	listener, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	s := &Server{listener: listener, handler: handler}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.group.Go(s.accept)
	return s, nil
}

// listen tries the path, and a place that is short and local where the path is
// too long for a socket or its volume can hold none.
func listen(path string) (net.Listener, error) {
	var errs []error
	for _, at := range []string{path, elsewhere(path)} {
		if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		listener, err := new(net.ListenConfig).Listen(context.Background(), "unix", at)
		if err == nil {
			return listener, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func elsewhere(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(os.TempDir(), fmt.Sprintf("tarscli-%x.sock", sum[:8]))
}

// Close takes no more commands, gives those under way the time to tell their
// result, and removes the socket.
func (s *Server) Close() {
	s.listener.Close()
	done := make(chan struct{})
	go func() {
		s.group.Wait()
		close(done)
	}()
	const linger = 500 * time.Millisecond
	select {
	case <-done:
	case <-time.After(linger):
	}
	s.cancel()
	<-done
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return // closed: a unix socket has no other reason to fail for long
		}
		s.group.Go(func() { s.serve(conn) })
	}
}

func (s *Server) serve(conn net.Conn) {
	defer conn.Close()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { wake(conn) })
	defer stop()
	var asked request
	decoder := json.NewDecoder(io.LimitReader(conn, 1<<16))
	if err := decoder.Decode(&asked); err != nil {
		return
	}
	// The asker says nothing more; when this read ends it has gone.
	s.group.Go(func() {
		_, _ = io.Copy(io.Discard, conn)
		cancel()
	})
	encoder := json.NewEncoder(conn)
	// An asker that has gone needs no answer.
	answer := func(l line) { _ = encoder.Encode(l) } //nolint:errchkjson // see above
	err := s.handler(ctx, asked.Command, func(text string) { answer(line{Say: text}) })
	end := line{End: true}
	if err != nil {
		end.Error = err.Error()
	}
	answer(end)
}

// wake ends what waits on the connection. It fails where that is closed: as good.
func wake(conn net.Conn) { _ = conn.SetDeadline(time.Unix(1, 0)) }

// Ask sends a command to the supervisor at path and passes its progress to say.
// The error is ErrNoSupervisor when there is none, else what the supervisor said
// or why it went silent.
func Ask(ctx context.Context, path, command string, say func(string)) error {
	conn, err := dial(ctx, path)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { wake(conn) })
	defer stop()
	if err := json.NewEncoder(conn).Encode(request{Command: command}); err != nil {
		return fmt.Errorf("ask the supervisor: %w", err)
	}
	decoder := json.NewDecoder(conn)
	for {
		var l line
		if err := decoder.Decode(&l); err != nil {
			return fmt.Errorf("the supervisor went away before it was done: %w", errors.Join(err, ctx.Err()))
		}
		if l.Say != "" {
			say(l.Say)
		}
		if l.End && l.Error != "" {
			return errors.New(l.Error)
		}
		if l.End {
			return nil
		}
	}
}

// Running tells whether a supervisor answers at path, within a second. It sends
// no command.
func Running(ctx context.Context, path string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := dial(ctx, path)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func dial(ctx context.Context, path string) (net.Conn, error) {
	var dialer net.Dialer
	for _, at := range []string{path, elsewhere(path)} {
		conn, err := dialer.DialContext(ctx, "unix", at)
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("ask the supervisor: %w", ctx.Err())
		}
		if errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("ask the supervisor: %w", err)
		}
		// Not there, left over from an earlier life, or too long for a socket.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.EINVAL) {
			return nil, fmt.Errorf("ask the supervisor: %w", err)
		}
	}
	return nil, ErrNoSupervisor
}
