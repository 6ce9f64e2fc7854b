package mariadbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// sharedServer is the server that the tests of this process share. It belongs
// to the process as its standard output does; Go offers tests of one package no
// other place to meet.
var sharedServer struct {
	sync.Mutex
	server *Server
}

// Run runs the tests of a package and then ends the shared server, if one was
// started. It is what TestMain calls:
//
//	func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }
//
// Without it the server is killed at the end of the process all the same, but
// its files stay until the next run sweeps them.
func Run(m *testing.M) (code int) {
	code = m.Run()
	sharedServer.Lock()
	defer sharedServer.Unlock()
	if sharedServer.server == nil {
		return code
	}
	err := sharedServer.server.destroy()
	sharedServer.server = nil
	if err != nil {
		fmt.Fprintf(os.Stderr, "mariadbtest: %v\n", err)
		return max(code, 1)
	}
	return code
}

// Shared returns the server of this process, started at the first call, or the
// one of TARSREGISTRY_TEST_DSN. It may not be stopped or reconfigured.
func Shared(t testing.TB) *Server {
	t.Helper()
	sharedServer.Lock()
	defer sharedServer.Unlock()
	if sharedServer.server == nil {
		server, err := openShared(t.Context())
		if err != nil {
			t.Fatalf("mariadbtest: %v", err)
		}
		sharedServer.server = server
	}
	return sharedServer.server
}

func openShared(ctx context.Context) (*Server, error) {
	dsn := os.Getenv("TARSREGISTRY_TEST_DSN")
	if dsn == "" {
		server, err := newServer(ctx)
		if err != nil {
			return nil, err
		}
		if err := server.start(ctx); err != nil {
			return nil, errors.Join(err, server.destroy())
		}
		return server, nil
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		// The driver's message may quote the DSN, and that has a password.
		return nil, errors.New("TARSREGISTRY_TEST_DSN is not a DSN of the form user:password@tcp(host:port)/")
	}
	return &Server{config: config}, nil
}

// Database makes an empty database on the shared server and returns its DSN;
// see [Server.Database].
func Database(t testing.TB) (dsn string) {
	t.Helper()
	return Shared(t).Database(t)
}
