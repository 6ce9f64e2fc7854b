package clients

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/tars"
)

// TestClientsFollow lets unmodified clients find servers by nothing but a locator,
// with and without a set, and follow them: one of three leaves as a pod does, one
// moves to another address, and no call is lost.
func TestClientsFollow(t *testing.T) {
	for _, l := range languages() {
		for _, set := range []string{"", "gray.sz.1"} {
			t.Run(strings.TrimSuffix(l.name+"/"+set, "/"), func(t *testing.T) {
				t.Parallel()
				follow(t, l, set)
			})
		}
	}
}

func follow(t *testing.T, l language, set string) {
	t.Helper()
	i := newInstallation(t, l)
	one, two, three := i.start("127.0.0.2", set), i.start("127.0.0.3", set), i.start("127.0.0.4", set)
	if set != "" {
		i.start("127.0.0.9", "gray.sz.2") // in another set: never called
	}
	c := client{l.client(t, configuration(t, replica.Locator(i.registry), "127.0.0.1", "", set))}
	c.awaitCalled(t, one.host, two.host, three.host)
	c.mustHaveLostNothing(t, "the first look-ups")

	i.report(three, "inactive")
	c.awaitCalled(t, one.host, two.host)
	i.leave(three)
	c.awaitCalled(t, one.host, two.host)
	three.process.Kill()
	c.awaitCalled(t, one.host, two.host)
	c.mustHaveLostNothing(t, "one of three servers left")

	moved := i.launch(two.node, "127.0.0.5", set)
	i.register(moved) // the same instance, elsewhere
	c.awaitCalled(t, one.host, moved.host)
	two.process.Kill()
	c.awaitCalled(t, one.host, moved.host)
	c.mustHaveLostNothing(t, "a server moved")
}

// TestServerWithoutTarsnode: a server whose configuration names a tarsnode that is
// not there starts, and answers.
func TestServerWithoutTarsnode(t *testing.T) {
	for _, l := range languages() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			i := newInstallation(t, l)
			s := i.start("127.0.0.6", "")
			if got, err := i.find(); err != nil || len(got) != 1 || got[0].Host != s.host {
				t.Errorf("look-ups find %+v, %v; want %s", got, err, s.host)
			}
			select {
			case <-s.process.Exited:
				t.Error("the server has ended")
			default:
			}
		})
	}
}

const (
	// long is how long an answer may take: a defect shows in what is answered.
	long = 30 * time.Second
	// patience is how long clients follow and pods try: a busy machine may not commit
	// in the time that the registry keeps them waiting.
	patience = 2 * time.Minute
)

// installation is a registry with servers of one language.
type installation struct {
	t        *testing.T
	language language
	registry *replica.Replica
	pods     *tars.Tarsregistry
	query    *tars.QueryF
}

func newInstallation(t *testing.T, l language) *installation {
	t.Helper()
	i := &installation{t: t, language: l, registry: replica.Start(t), pods: new(tars.Tarsregistry), query: new(tars.QueryF)}
	i.pods.SetServant(replica.NewCaller(replica.PodServant, long, i.registry.Addresses.Pod))
	i.query.SetServant(replica.NewCaller(replica.QueryServant, long, i.registry.Addresses.Query))
	return i
}

// server is one that runs.
type server struct {
	node, host, endpoint, set string
	process                   *replica.Process
}

// start launches a server on a node of the same name as its host, waits until it
// answers, and registers it.
func (i *installation) start(host, set string) server {
	i.t.Helper()
	s := i.launch(host, host, set)
	i.register(s)
	return s
}

func (i *installation) launch(node, host, set string) server {
	i.t.Helper()
	port := mariadbtest.Port(i.t) // nobody's on any address
	s := server{node: node, host: host, set: set, endpoint: fmt.Sprintf("tcp -h %s -p %d -t 60000", host, port)}
	s.process = i.language.server(i.t, configuration(i.t, replica.Locator(i.registry), host, s.endpoint, set))
	ping := replica.NewCaller(echoObject, time.Second, net.JoinHostPort(host, strconv.Itoa(port)))
	i.t.Cleanup(ping.Close)
	replica.Eventually(i.t, time.Minute, "the server answers", func() error { return tarsPing(ping) })
	return s
}

func (i *installation) register(s server) {
	i.t.Helper()
	replica.Eventually(i.t, patience, "register "+s.host, func() error {
		return i.pods.OnStartup(&tars.OnStartupReq{
			NodeName: s.node, Application: "Clients", Server: "EchoServer", SetID: s.set, State: "active",
			Adapters: []tars.AdapterConf{{
				Servant: echoObject, Endpoint: s.endpoint, Protocol: "tars",
				MaxConns: 1000, ThreadNum: 2, QueueCap: 10000, QueueTimeout: 60000,
			}},
		})
	})
}

func (i *installation) report(s server, state string) {
	i.t.Helper()
	replica.Eventually(i.t, patience, "report "+s.host+" "+state, func() error {
		return i.pods.KeepAlive(&tars.KeepAliveReq{NodeName: s.node, Application: "Clients", Server: "EchoServer", State: state})
	})
}

func (i *installation) leave(s server) {
	i.t.Helper()
	replica.Eventually(i.t, patience, "let "+s.host+" leave", func() error {
		return i.pods.OnPrestop(&tars.OnPrestopReq{NodeName: s.node, Application: "Clients", Server: "EchoServer"})
	})
}

func (i *installation) find() (active []tars.EndpointF, err error) {
	var inactive []tars.EndpointF
	_, err = i.query.FindObjectById4Any(echoObject, &active, &inactive)
	return active, err
}
