// Command podserver is a small server for tests of pods. It reads a Tars
// configuration, answers on its adapters (echo, over the Tars protocol, or HTTP
// where the adapter is not tars) and on AdminObj, and misbehaves when told to by
// environment variables:
//
//	PODSERVER_CRASH_AFTER=2s    ends with PODSERVER_EXIT_CODE (1) after a while
//	PODSERVER_IGNORE_TERM=1     takes neither SIGTERM nor AdminObj's shutdown
//	PODSERVER_UDP=1             binds UDP ports too
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/TarsCloud/TarsGo/tars/protocol/res/adminf"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/internal/tarsconf"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "podserver:", err)
		os.Exit(1)
	}
}

func run() error {
	config := flag.String("config", "", "configuration file")
	flag.Parse()
	document, err := tarsconf.Load(*config)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	stop := make(chan struct{}, 1)
	server := rpc.NewServer(rpc.Options{})
	const base = "/tars/application/server"
	admin := rpc.Servant{Name: "AdminObj", Dispatch: rpc.Generated(adminf.NewAdminF(), adminObject{stop})}
	if err := listen(server, document.Get(base+"<local>", ""), admin); err != nil {
		return err
	}
	for _, name := range document.Domains(base) {
		adapter := base + "/" + name
		endpoint := document.Get(adapter+"<endpoint>", "")
		if document.Get(adapter+"<protocol>", "tars") != "tars" {
			err = serveHTTP(endpoint)
		} else {
			err = listen(server, endpoint, rpc.Servant{Name: document.Get(adapter+"<servant>", ""), Dispatch: echo})
		}
		if err != nil {
			return err
		}
	}
	fmt.Println("podserver is up, worker id", os.Getenv("TARS_WORKER_ID"))
	return wait(server, signals, stop)
}

func listen(server *rpc.Server, endpoint string, servant rpc.Servant) error {
	parsed, err := naming.ParseEndpoint(endpoint)
	if err != nil {
		return err
	}
	if parsed.Transport == naming.UDP {
		_, err := net.ListenPacket("udp", parsed.Address())
		return err
	}
	_, err = server.Listen(context.Background(), "tcp", parsed.Address(), rpc.ListenOptions{}, servant)
	return err
}

func serveHTTP(endpoint string) error {
	parsed, err := naming.ParseEndpoint(endpoint)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", parsed.Address())
	if err != nil {
		return err
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello\n") }))
	return nil
}

func echo(_ context.Context, request *requestf.RequestPacket, response *requestf.ResponsePacket) error {
	response.IVersion = request.IVersion
	response.IRequestId = request.IRequestId
	response.SBuffer = request.SBuffer
	return nil
}

// wait returns when the server is told to end, or pretends to crash.
func wait(server *rpc.Server, signals <-chan os.Signal, stop <-chan struct{}) error {
	var crash <-chan time.Time
	if after, err := time.ParseDuration(os.Getenv("PODSERVER_CRASH_AFTER")); err == nil {
		crash = time.After(after)
	}
	for {
		select {
		case s := <-signals:
			fmt.Println("podserver got", s)
			if s != syscall.SIGTERM || os.Getenv("PODSERVER_IGNORE_TERM") != "" {
				continue
			}
		case <-stop:
			fmt.Println("podserver got shutdown")
			if os.Getenv("PODSERVER_IGNORE_TERM") != "" {
				continue
			}
		case <-crash:
			code, err := strconv.Atoi(os.Getenv("PODSERVER_EXIT_CODE"))
			if err != nil {
				code = 1
			}
			fmt.Fprintln(os.Stderr, "podserver crashes")
			os.Exit(code)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		return server.Shutdown(ctx)
	}
}

// adminObject answers as TarsGo's does.
type adminObject struct{ stop chan<- struct{} }

func (a adminObject) Shutdown(context.Context) error {
	select {
	case a.stop <- struct{}{}:
	default:
	}
	return nil
}

func (a adminObject) Notify(_ context.Context, command string) (string, error) {
	fmt.Println("podserver got the command", command)
	if command == "prestop" {
		return "prestop succ", nil
	}
	return command + " not support now!", nil
}
