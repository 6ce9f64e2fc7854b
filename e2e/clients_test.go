//go:build !race

package e2e

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"

	tarsgo "github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/adminf"

	"github.com/tarsregistry/tarsregistry/tars"
)

// clients are TarsGo's clients of one registry.
type clients struct {
	pods  *tars.Tarsregistry
	query *tars.QueryF
	admin *adminf.AdminF
}

func (p *process) clients(t *testing.T) *clients {
	t.Helper()
	c := &clients{pods: new(tars.Tarsregistry), query: new(tars.QueryF), admin: new(adminf.AdminF)}
	connect(t, "tars.tarsregistry.Registry", p.addresses.Pod, c.pods)
	connect(t, "tars.tarsregistry.QueryObj", p.addresses.Query, c.query)
	connect(t, "AdminObj", p.addresses.Admin, c.admin)
	const long = 30_000 // ms; the machine may be busy
	c.pods.TarsSetTimeout(long)
	c.query.TarsSetTimeout(long)
	c.admin.TarsSetTimeout(long)
	return c
}

func connect(t *testing.T, servant, address string, proxy tarsgo.ProxyPrx) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("the address of %s: %v", servant, err)
	}
	tarsgo.NewCommunicator().StringToProxy(fmt.Sprintf("%s@tcp -h %s -p %s -t 60000", servant, host, port), proxy)
}

// hello is a registration of Demo.HelloServer with one adapter.
func hello(node string) *tars.OnStartupReq {
	return &tars.OnStartupReq{
		NodeName: node, Application: "Demo", Server: "HelloServer", State: "active",
		Adapters: []tars.AdapterConf{{
			Servant: "Demo.HelloServer.HelloObj", Endpoint: "tcp -h " + node + " -p 18080 -t 60000", Protocol: "tars",
			MaxConns: 1000, ThreadNum: 1, QueueCap: 10000, QueueTimeout: 60000,
		}},
	}
}

// find gives the active and inactive endpoints of an object as host:port,
// sorted.
func (c *clients) find(object string) (active, inactive []string, err error) {
	var on, off []tars.EndpointF
	code, err := c.query.FindObjectById4Any(object, &on, &off)
	if err == nil && code != 0 {
		err = fmt.Errorf("find %s: code %d", object, code)
	}
	return addressesOf(on), addressesOf(off), err
}

func addressesOf(endpoints []tars.EndpointF) []string {
	list := make([]string, 0, len(endpoints))
	for _, e := range endpoints {
		list = append(list, net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))))
	}
	slices.Sort(list)
	return list
}
