//go:build cluster

package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

// TestR30R33ReplicasOnDifferentNodesOfACluster starts replicas at once on an empty
// Galera cluster and lets them register the same instances: what one node took and
// another refuses at COMMIT must not reach the callers.
func TestR30R33ReplicasOnDifferentNodesOfACluster(t *testing.T) {
	cluster := mariadbtest.StartCluster(t, 3)
	var stores []*store.Store
	for i, dsn := range cluster.Database(t) {
		d := &storetest.Database{Kind: "mariadb", DSN: dsn}
		stores = append(stores, storetest.Open(t, d.Config(fmt.Sprint("replica-", i))))
	}
	ctx := context.WithoutCancel(t.Context())
	var work sync.WaitGroup
	for i, s := range stores {
		work.Go(func() {
			if err := s.Migrate(ctx); err != nil {
				t.Errorf("replica %d: %v", i, err)
			}
		})
	}
	work.Wait()
	for i, s := range stores {
		if status, err := s.Status(t.Context()); err != nil || !status.Current() {
			t.Fatalf("replica %d: %+v, %v", i, status, err)
		}
	}
	const rounds = 8
	for i, s := range stores {
		work.Go(func() {
			for round := range rounds {
				var scope store.Scope
				for n := range 10 {
					scope.Keys = append(scope.Keys, key("App", fmt.Sprint("Server", (n+i+round)%4), fmt.Sprint("node-", n%3)))
				}
				_, err := s.Update(ctx, scope, func(tx *store.Tx) error {
					for _, k := range scope.Keys {
						tx.Put(registered(k, fmt.Sprintf("tcp -h %s -p %d", k.Node, 1+i)), naming.Event{Kind: naming.EventRegistered})
						if tx.Node(k.Node) == nil {
							tx.PutNode(podNode(k.Node))
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("replica %d, round %d: %v", i, round, err)
				}
			}
		})
	}
	work.Wait()
	// A read after the writes sees them all on every node (wsrep_sync_wait).
	var revisions []string
	for _, s := range stores {
		snapshot, err := s.LoadAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, instance := range snapshot.Instances {
			sum += instance.Lease.Revision
		}
		revisions = append(revisions, fmt.Sprint(len(snapshot.Instances), " instances, revisions ", sum))
	}
	if revisions[0] != revisions[1] || revisions[1] != revisions[2] {
		t.Errorf("the nodes tell %q", revisions)
	}
	k := key("App", "Last", "node-9")
	register(t, stores[0], registered(k))
	if got, err := stores[2].LoadAll(t.Context()); err != nil || !hasInstance(got, k) {
		t.Errorf("an acknowledged registration does not show on another node, %v", err)
	}
}

func hasInstance(snapshot *store.Snapshot, k naming.Key) bool {
	for _, instance := range snapshot.Instances {
		if instance.Key == k {
			return true
		}
	}
	return false
}
