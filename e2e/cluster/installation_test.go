//go:build cluster

package cluster

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/tars"
)

const replicas = 3

// installation is three replicas and what they share.
type installation struct {
	t     *testing.T
	nodes []*mariadbtest.Server // the database's: one, or one a replica
	dsns  []string              // of each replica
	sites []*replica.Replica
	await func(nodes int) // until the nodes are one cluster again
}

// onBoth runs a test on one MariaDB and on a Galera cluster.
func onBoth(t *testing.T, test func(*testing.T, *installation)) {
	t.Run("one MariaDB", func(t *testing.T) {
		server := mariadbtest.Start(t)
		dsn := server.Database(t)
		test(t, install(&installation{
			t: t, nodes: []*mariadbtest.Server{server}, dsns: slices.Repeat([]string{dsn}, replicas), await: func(int) {},
		}))
	})
	t.Run("Galera", func(t *testing.T) {
		cluster := mariadbtest.StartCluster(t, replicas)
		cluster.AwaitSize(t, replicas)
		test(t, install(&installation{
			t: t, nodes: cluster.Nodes, dsns: cluster.Database(t), await: func(n int) { cluster.AwaitSize(t, n) },
		}))
	})
}

func install(i *installation) *installation {
	i.t.Helper()
	for _, dsn := range i.dsns {
		// No pod beats here, however long the test takes.
		i.sites = append(i.sites, replica.Start(i.t, "--dsn", dsn, "--lease-ttl", "30m"))
	}
	return i
}

// client calls some of the replicas, in turn.
type client struct {
	pods  *tars.Tarsregistry
	query *tars.QueryF
}

func newClient(t *testing.T, sites ...*replica.Replica) *client {
	t.Helper()
	var pods, queries []string
	for _, s := range sites {
		pods, queries = append(pods, s.Addresses.Pod), append(queries, s.Addresses.Query)
	}
	// Three seconds for a registration are more than a pod waits: what a cluster
	// takes to agree on who is left in it is not what is tested. Look-ups wait for
	// nobody but this machine, which may be busy.
	toPods, toQuery := replica.NewCaller(replica.PodServant, 3*time.Second, pods...), replica.NewCaller(replica.QueryServant, 30*time.Second, queries...)
	t.Cleanup(toPods.Close)
	t.Cleanup(toQuery.Close)
	c := &client{pods: new(tars.Tarsregistry), query: new(tars.QueryF)}
	c.pods.SetServant(toPods)
	c.query.SetServant(toQuery)
	return c
}

const object = "Cluster.Server.MainObj"

func node(number int) string { return fmt.Sprintf("10.9.%d.%d", number/200, number%200+1) }

func (c *client) register(number int) error {
	return c.pods.OnStartup(&tars.OnStartupReq{
		NodeName: node(number), Application: "Cluster", Server: "Server", State: "active",
		Adapters: []tars.AdapterConf{{Servant: object, Endpoint: fmt.Sprintf("tcp -h %s -p 9000 -t 60000", node(number)), Protocol: "tars"}},
	}, identity(number))
}

func (c *client) report(number int, state string) error {
	return c.pods.KeepAlive(&tars.KeepAliveReq{NodeName: node(number), Application: "Cluster", Server: "Server", State: state}, identity(number))
}

func (c *client) leave(number int) error {
	return c.pods.OnPrestop(&tars.OnPrestopReq{NodeName: node(number), Application: "Cluster", Server: "Server"}, identity(number))
}

func identity(number int) map[string]string {
	return map[string]string{"tars-pod-uid": "pod-" + node(number), "tars-pod-kind": "pod", "tars-beat-ms": "10000"}
}

// find gives the hosts of the active endpoints.
func (c *client) find() (hosts []string, err error) {
	var active, inactive []tars.EndpointF
	code, err := c.query.FindObjectByIdInSameGroup(object, &active, &inactive)
	if err == nil && code != 0 {
		err = fmt.Errorf("code %d", code)
	}
	for _, e := range active {
		hosts = append(hosts, e.Host)
	}
	return hosts, err
}

// lookUp is a look-up of a client that has all replicas in its locator: when one
// does not answer the next one is asked.
func (c *client) lookUp() (hosts []string, err error) {
	for range replicas {
		if hosts, err = c.find(); err == nil {
			return hosts, nil
		}
	}
	return nil, err
}
