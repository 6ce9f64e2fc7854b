// Command register puts one instance into a registry, as a pod does, keeps it
// alive until Ctrl-C, and takes it out again.
//
//	go run ./examples/register --port 18081
//
// It only registers: nothing listens on the port.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	tarsgo "github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/util/rogger"

	"github.com/tarsregistry/tarsregistry/tars"
)

func main() {
	registry := flag.String("registry", "127.0.0.1:17892", "host:port of the registry's servant for pods")
	node := flag.String("node", "127.0.0.1", "the instance's node: its address")
	application := flag.String("application", "Demo", "the instance's application")
	server := flag.String("server", "HelloServer", "the instance's server")
	port := flag.Int("port", 18080, "the port of its servant HelloObj")
	interval := flag.Duration("interval", 10*time.Second, "time between heartbeats")
	flag.Parse()
	os.Args = os.Args[:1]       // TarsGo reads them too, and complains of flags it does not know
	rogger.SetLevel(rogger.OFF) // what it logs, its calls return too

	host, registryPort, err := net.SplitHostPort(*registry)
	if err != nil {
		log.Fatalf("--registry: %v", err)
	}
	pods := new(tars.Tarsregistry)
	tarsgo.NewCommunicator().StringToProxy(
		fmt.Sprintf("tars.tarsregistry.Registry@tcp -h %s -p %s -t 60000", host, registryPort), pods)

	i := &instance{pods: pods, node: *node, application: *application, server: *server, port: *port, interval: *interval}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := i.run(ctx); err != nil {
		log.Fatal(err)
	}
}

// instance is what a pod tells the registry about itself.
type instance struct {
	pods                      *tars.Tarsregistry
	node, application, server string
	port                      int
	interval                  time.Duration
}

func (i *instance) run(ctx context.Context) error {
	if err := i.register(); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	ticker := time.NewTicker(i.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := i.beat("active"); err != nil {
				log.Printf("heartbeat: %v", err) // the registry may be back for the next one
			}
		case <-ctx.Done():
			return i.leave()
		}
	}
}

func (i *instance) register() error {
	object := i.application + "." + i.server + ".HelloObj"
	endpoint := fmt.Sprintf("tcp -h %s -p %d -t 60000", i.node, i.port)
	err := i.pods.OnStartup(&tars.OnStartupReq{
		NodeName: i.node, Application: i.application, Server: i.server, State: "active", Version: "v1",
		ServerType: "tars_go",
		Adapters:   []tars.AdapterConf{{Servant: object, Endpoint: endpoint, Protocol: "tars", MaxConns: 1000, ThreadNum: 1}},
	}, i.beatContext())
	if err == nil {
		log.Printf("registered %s at %s; Ctrl-C takes it out", object, endpoint)
	}
	return err
}

// beat reports the state, and registers again when the registry asks for it.
func (i *instance) beat(state string) error {
	answer := map[string]string{}
	err := i.pods.KeepAlive(&tars.KeepAliveReq{
		NodeName: i.node, Application: i.application, Server: i.server, State: state,
	}, i.beatContext(), answer)
	if err == nil && answer["tars-action"] == "register" {
		return i.register()
	}
	return err
}

// leave says goodbye first, so that clients go elsewhere, and then goes.
func (i *instance) leave() error {
	if err := i.beat("deactivating"); err != nil {
		return fmt.Errorf("report deactivating: %w", err)
	}
	err := i.pods.OnPrestop(&tars.OnPrestopReq{NodeName: i.node, Application: i.application, Server: i.server})
	if err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	log.Printf("left")
	return nil
}

// beatContext is the request context that tells the registry how often to expect
// a heartbeat. Every call gets its own: the client writes the answer's into it.
func (i *instance) beatContext() map[string]string {
	return map[string]string{"tars-beat-ms": strconv.FormatInt(i.interval.Milliseconds(), 10)}
}
