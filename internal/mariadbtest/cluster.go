package mariadbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// A Cluster is a Galera cluster: servers with the same data, each of which
// takes writes. A write that is acknowledged by one is on its way to the
// others; a majority of the nodes must be up for any to be accepted.
type Cluster struct {
	// Nodes can be killed, frozen and started again one by one, as long as a
	// majority is left: a frozen node is thrown out by the others within
	// seconds and comes back by itself once thawed.
	Nodes []*Server
}

// StartCluster starts a cluster of n nodes for this test alone. It takes some
// seconds a node, so tests with it belong under the build tag "cluster"
// (make test-cluster).
func StartCluster(t testing.TB, n int, options ...Option) *Cluster {
	t.Helper()
	provider, err := galera()
	if err != nil {
		t.Fatalf("mariadbtest: %v", err)
	}
	cluster := &Cluster{}
	for i := range n {
		server, err := newServer(t.Context(), options...)
		if err != nil {
			t.Fatalf("mariadbtest: node %d: %v", i, err)
		}
		server.endWith(t)
		cluster.Nodes = append(cluster.Nodes, server)
		if server.node, err = newNode(t.Context(), server, provider); err != nil {
			t.Fatalf("mariadbtest: node %d: %v", i, err)
		}
	}
	members := make([]string, n)
	for i, server := range cluster.Nodes {
		members[i] = server.node.group
	}
	for i, server := range cluster.Nodes {
		server.arguments = append(server.arguments, server.node.settings(i, members)...)
		server.node.founds = i == 0
		if err := server.start(t.Context()); err != nil {
			t.Fatalf("mariadbtest: node %d: %v", i, err)
		}
	}
	return cluster
}

// Database makes an empty utf8mb4 database in the cluster and returns a DSN of
// it for each node. It is there on all of them on return.
func (c *Cluster) Database(t testing.TB) (dsns []string) {
	t.Helper()
	name := databaseName()
	c.Nodes[0].exec(t.Context(), t, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	for _, server := range c.Nodes {
		dsn := server.DSN(name)
		c.await(t, func(ctx context.Context) error {
			return ping(ctx, dsn)
		})
		dsns = append(dsns, dsn)
	}
	return dsns
}

// AwaitSize waits until the nodes that run, n of them, are one cluster in which
// each takes writes.
func (c *Cluster) AwaitSize(t testing.TB, n int) {
	t.Helper()
	pools := map[*Server]*sql.DB{}
	for _, server := range c.Nodes {
		if server.process != nil {
			pools[server] = Open(t, server.DSN(""))
		}
	}
	c.await(t, func(ctx context.Context) error {
		// A node that was cut off believes in the old membership for a while:
		// the number of the membership must be the same everywhere.
		numbers := map[string]bool{}
		for server, db := range pools {
			size, sizeErr := status(ctx, db, "wsrep_cluster_size")
			number, numberErr := status(ctx, db, "wsrep_cluster_conf_id")
			if err := errors.Join(sizeErr, numberErr, server.node.synced(ctx, db)); err != nil {
				return err
			}
			if size != strconv.Itoa(n) {
				return fmt.Errorf("node %s counts %s members, not %d", server.Addr(), size, n)
			}
			numbers[number] = true
		}
		if len(numbers) != 1 {
			return errors.New("the nodes do not agree on the membership")
		}
		return nil
	})
}

// await repeats a check until it passes.
func (c *Cluster) await(t testing.TB, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("mariadbtest: %v", err)
		case <-retry.C:
		}
	}
}

// galera finds the replication library.
func galera() (path string, err error) {
	for _, path := range []string{
		"/usr/lib/galera/libgalera_smm.so", "/usr/lib/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so",
	} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("libgalera_smm.so not found: `make test-cluster` as root installs Debian's galera-4")
}
