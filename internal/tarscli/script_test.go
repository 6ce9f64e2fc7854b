package tarscli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/adminf"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/readiness"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/tars"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tarscli": func() {
			os.Exit(Run(Process{Args: os.Args[1:], Lookup: os.LookupEnv, Stdout: os.Stdout, Stderr: os.Stderr}))
		},
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: false,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":           code,
			"adminserver":    adminServer,
			"registryserver": registryServer,
			"serverinfo":     serverInfo,
			"status":         status,
		},
	})
}

// code runs a command that must end with the code: code 2 tarscli foo.
func code(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var ended interface{ ExitCode() int }
	if !errors.As(err, &ended) || fmt.Sprint(ended.ExitCode()) != args[0] {
		ts.Fatalf("ended with %v, want code %s", err, args[0])
	}
}

// serve runs a server until the script ends and puts its endpoint in the
// variable.
func serve(ts *testscript.TestScript, variable string, servants ...rpc.Servant) net.Addr {
	server := rpc.NewServer(rpc.Options{})
	address, err := server.Listen(context.Background(), "tcp", "127.0.0.1:0", rpc.ListenOptions{}, servants...)
	ts.Check(err)
	ts.Defer(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // no lingering
		_ = server.Shutdown(ctx)
	})
	ts.Setenv(variable, fmt.Sprintf("tcp -h 127.0.0.1 -p %d -t 3000", address.(*net.TCPAddr).Port))
	return address
}

type admin struct{}

func (admin) Shutdown(context.Context) error { return nil }

func (admin) Notify(_ context.Context, command string) (string, error) {
	name, rest, _ := strings.Cut(command, " ")
	switch name {
	case "echo":
		return rest, nil
	case "refuse":
		return "", errors.New("refused as it is told to")
	}
	return command + " not support now!", nil
}

// adminServer VARIABLE TOKEN
func adminServer(ts *testscript.TestScript, _ bool, args []string) {
	serve(ts, args[0], rpc.Servant{
		Name:     "AdminObj",
		Dispatch: rpc.Generated(new(adminf.AdminF), admin{}),
		Authorize: func(c *rpc.Call) error {
			if token, _ := c.ContextValue("tars-token"); string(token) != args[1] {
				return errors.New("the token is missing or wrong")
			}
			return nil
		},
	})
}

// directory finds itself, and nothing else.
type directory struct {
	tars.QueryFServantWithContext
	port atomic.Int32
}

func (d *directory) FindObjectById(_ context.Context, id string) ([]tars.EndpointF, error) {
	if id != "tars.tarsregistry.Registry" {
		return nil, nil
	}
	return []tars.EndpointF{{Host: "127.0.0.1", Port: d.port.Load(), Timeout: 3000, Istcp: 1}}, nil
}

// registryServer VARIABLE
func registryServer(ts *testscript.TestScript, _ bool, args []string) {
	d := new(directory)
	address := serve(ts, args[0],
		rpc.Servant{Name: "tars.tarsregistry.QueryObj", Dispatch: rpc.Generated(new(tars.QueryF), d)},
		rpc.Servant{Name: "tars.tarsregistry.Registry", Dispatch: rpc.Generated(new(tars.Tarsregistry), nil)},
	)
	d.port.Store(int32(address.(*net.TCPAddr).Port))
}

// serverInfo ENDPOINT says where the pod's own server listens for commands.
func serverInfo(ts *testscript.TestScript, _ bool, args []string) {
	info := &pod.Info{Conf: pod.DefaultMeta(), TarsPath: ts.Getenv("TARS_PATH")}
	info.Conf.Local = args[0]
	ts.Check(info.Save())
}

// status STATE is what a supervisor writes.
func status(ts *testscript.TestScript, _ bool, args []string) {
	paths := pod.Paths{Root: ts.Getenv("TARS_PATH")}
	ts.Check(readiness.Write(paths, readiness.Status{State: naming.State(args[0])}))
}
