package mariadbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// startTimeout bounds a start, crash recovery included.
const startTimeout = 90 * time.Second

// A Server is one MariaDB. Its methods are for one goroutine at a time; the
// databases it serves are for as many as like.
type Server struct {
	config *mysql.Config // address and account, no database

	// What follows is empty for a server that is not ours (TARSREGISTRY_TEST_DSN).
	program   string
	arguments []string
	log       string
	process   *process // nil while it is down
	release   []func() error

	private bool  // for one test alone
	node    *node // what a member of a cluster has besides, nil for others
}

// An Option changes how a server is started.
type Option func(*[]string)

// Setting sets a server variable, for example
// Setting("innodb-flush-log-at-trx-commit", "2").
func Setting(name, value string) Option {
	return func(arguments *[]string) { *arguments = append(*arguments, "--"+name+"="+value) }
}

// Start starts a server for this test alone; it ends with the test. Unless told
// otherwise an acknowledged commit is on disk, as in production.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	server, err := newServer(t.Context(), options...)
	if err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
	if err := server.start(t.Context()); err != nil {
		t.Fatalf("mariadbtest: %v", errors.Join(err, server.destroy()))
	}
	server.endWith(t)
	return server
}

// endWith binds a server to a test, which then has it alone.
func (s *Server) endWith(t testing.TB) {
	t.Helper()
	s.private = true
	t.Cleanup(func() {
		if t.Failed() && s.log != "" {
			t.Logf("mariadbtest: last lines of the log of %s:\n%s", s.Addr(), tail(s.log, 20))
		}
		if err := s.destroy(); err != nil {
			t.Errorf("mariadbtest: %v", err)
		}
	})
}

// newServer makes a server's folder and settings; it does not run yet.
func newServer(ctx context.Context, options ...Option) (server *Server, err error) {
	program, err := binary("mariadbd", "mysqld")
	if err != nil {
		return nil, err
	}
	space, err := openWorkspace()
	if err != nil {
		return nil, err
	}
	template, err := space.template(ctx, program)
	if err != nil {
		return nil, err
	}
	server = &Server{program: program}
	defer func() {
		if err != nil {
			err = errors.Join(err, server.destroy())
		}
	}()
	dir, release, err := space.newFolder()
	if err != nil {
		return nil, err
	}
	server.release = append(server.release, release)
	port, free, err := space.reservePort(ctx)
	if err != nil {
		return nil, err
	}
	server.release = append(server.release, func() error { free(); return nil })

	data := filepath.Join(dir, "data")
	if err := os.CopyFS(data, os.DirFS(template)); err != nil {
		return nil, fmt.Errorf("copy the template: %w", err)
	}
	password, err := os.ReadFile(filepath.Join(data, passwordFile))
	if err != nil {
		return nil, fmt.Errorf("read the account's password: %w", err)
	}
	temporary := filepath.Join(dir, "tmp")
	if err := os.Mkdir(temporary, 0o700); err != nil {
		return nil, fmt.Errorf("create a folder of temporary files: %w", err)
	}
	server.config = clientConfig(port, string(password))
	server.log = filepath.Join(dir, "server.log")
	server.arguments = append(arguments(data, port), "--tmpdir="+temporary)
	for _, option := range options {
		option(&server.arguments)
	}
	return server, nil
}

func clientConfig(port int, password string) *mysql.Config {
	config := mysql.NewConfig()
	config.Net = "tcp"
	config.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	config.User = account
	config.Passwd = password
	return config
}

// arguments are the settings of a server: nothing from the machine's own
// configuration, little memory, nothing done that tests do not need.
// Durability is left as it comes.
func arguments(data string, port int) []string {
	return append([]string{
		"--no-defaults",
		"--datadir=" + data,
		"--port=" + strconv.Itoa(port),
		"--bind-address=127.0.0.1",
		"--socket=mysqld.sock", // relative to the data folder: a long TMPDIR would not fit
		"--pid-file=mysqld.pid",
		"--secure-file-priv=" + data,
		"--skip-name-resolve",
		"--character-set-server=utf8mb4",
		"--max-connections=1000",
		"--performance-schema=OFF",
		"--key-buffer-size=1M",
		"--aria-pagecache-buffer-size=1M",
		"--innodb-buffer-pool-size=64M",
		logFileSize,
		"--innodb-temp-data-file-path=ibtmp1:1M:autoextend",
		"--innodb-buffer-pool-dump-at-shutdown=OFF",
		"--innodb-buffer-pool-load-at-startup=OFF",
	}, asRoot()...)
}

// Addr is where the server listens, "127.0.0.1:port".
func (s *Server) Addr() string { return s.config.Addr }

// DSN is the go-sql-driver DSN of a database of this server ("" for none),
// with no parameters but those of TARSREGISTRY_TEST_DSN.
func (s *Server) DSN(database string) string {
	config := s.config.Clone()
	config.DBName = database
	return config.FormatDSN()
}

// Start brings a stopped or killed server back, on the same data and port, and
// returns when it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if s.program == "" || s.process != nil {
		t.Fatal("mariadbtest: Start of a server that is running")
	}
	if err := s.start(t.Context()); err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
}

// Stop ends the server in good order: clients are disconnected, everything is
// written.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.end(t, (*process).terminate)
}

// Kill ends the server as kill -9 does and returns when it is gone.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.end(t, (*process).kill)
}

// Freeze stops the server in its tracks (SIGSTOP): connections stay open and
// new ones are accepted by the kernel, but nothing is answered. That is what a
// hanging disk or a network that swallows packets looks like.
func (s *Server) Freeze(t testing.TB) {
	t.Helper()
	s.signal(t, stopSignal)
	awaitStopped(s.running(t).command.Process.Pid)
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw(t testing.TB) {
	t.Helper()
	s.signal(t, continueSignal)
}

func (s *Server) end(t testing.TB, how func(*process) error) {
	t.Helper()
	running := s.running(t)
	s.process = nil
	if err := how(running); err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
}

func (s *Server) signal(t testing.TB, signal os.Signal) {
	t.Helper()
	if err := s.running(t).signal(signal); err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
}

func (s *Server) running(t testing.TB) *process {
	t.Helper()
	switch {
	case s.program == "":
		t.Fatal("mariadbtest: the server of TARSREGISTRY_TEST_DSN is not ours to stop; use mariadbtest.Start")
	case s.process == nil:
		t.Fatal("mariadbtest: the server is down")
	}
	return s.process
}

// start runs the program and waits until it answers.
func (s *Server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	output, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	defer func() { _ = output.Close() }() // the child has its own
	arguments, environment := s.arguments, os.Environ()
	if s.node != nil {
		joining, err := s.node.joining(ctx, s)
		if err != nil {
			return err
		}
		arguments = slices.Concat(arguments, joining)
		environment = append(environment, s.node.environment...)
	}
	//nolint:contextcheck // the server outlives its start; kill and terminate end it
	started, err := startProcess(s.program, arguments, environment, output)
	if err != nil {
		return err
	}
	if err := s.awaitAnswer(ctx, started); err != nil {
		return errors.Join(err, started.kill())
	}
	s.process = started
	return nil
}

func (s *Server) awaitAnswer(ctx context.Context, started *process) error {
	config := s.config.Clone()
	config.Logger = &mysql.NopLogger{} // failed attempts are expected
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return fmt.Errorf("make a connector: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()

	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		err := db.PingContext(ctx)
		if err == nil && s.node != nil {
			err = s.node.synced(ctx, db)
		}
		if err == nil {
			return nil
		}
		select {
		case <-started.exited:
			return fmt.Errorf("%s ended at its start: %w\n%s", s.program, started.err, tail(s.log, 30))
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w (%w)\n%s", s.program, err, ctx.Err(), tail(s.log, 30))
		case <-retry.C:
		}
	}
}

// destroy ends the server without ceremony and removes its data.
func (s *Server) destroy() error {
	var err error
	if s.process != nil {
		err = s.process.kill()
		s.process = nil
	}
	for _, release := range s.release {
		err = errors.Join(err, release())
	}
	s.release = nil
	return err
}
