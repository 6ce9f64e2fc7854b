package store_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Run(m)) }

func key(application, server, node string) naming.Key {
	return naming.Key{Application: application, Server: server, Node: node}
}

// registered is an instance as onStartup makes it, with one adapter.
func registered(k naming.Key, endpoints ...string) *naming.Instance {
	if endpoints == nil {
		endpoints = []string{"tcp -h " + k.Node + " -p 10000 -t 60000"}
	}
	registration := &naming.Registration{Key: k, State: naming.Active, Version: "v1"}
	for i, endpoint := range endpoints {
		servant := k.ServerName() + ".Obj" + string(rune('A'+i))
		registration.Adapters = append(registration.Adapters, naming.Adapter{
			Name: servant + "Adapter", Servant: servant, Endpoint: endpoint, Protocol: "tars",
			ThreadNum: 5, MaxConnections: 200000, QueueCap: 10000, QueueTimeout: 60000,
		})
	}
	return &naming.Instance{
		Key: k,
		Server: &naming.Server{
			SettingState: naming.Active, PresentState: naming.Active, FlowState: naming.Active,
			ServerType: "tars_go", Version: "v1",
		},
		Adapters: registration.Adapters,
		Lease: &naming.Lease{
			Identity: naming.Identity{UID: "uid-" + k.Node, Kind: naming.KindPod}, State: naming.LeaseLive,
			Reported: naming.Active, Interval: 30 * time.Second, IntervalTold: true, Duration: 95 * time.Second,
			WorkerID: -1, Registration: registration,
		},
	}
}

func podNode(name string) naming.Node {
	return naming.Node{
		Name: name, Object: "tars.tarsnode.NodeObj@tcp -h " + name + " -p 0 -t 60000", EndpointIP: name,
		SettingState: naming.Active, PresentState: naming.Active,
	}
}

// register writes instances as onStartup does, in one transaction.
func register(t testing.TB, s *store.Store, instances ...*naming.Instance) *store.Commit {
	t.Helper()
	var scope store.Scope
	for _, instance := range instances {
		scope.Keys = append(scope.Keys, instance.Key)
	}
	return update(t, s, scope, func(tx *store.Tx) error {
		for _, instance := range instances {
			tx.Put(instance, naming.Event{Kind: naming.EventRegistered, State: naming.Active, Reason: "onStartup", Actor: "test"})
			if tx.Node(instance.Node) == nil {
				tx.PutNode(podNode(instance.Node))
			}
		}
		return nil
	})
}

func update(t testing.TB, s *store.Store, scope store.Scope, fn func(*store.Tx) error) *store.Commit {
	t.Helper()
	commit, err := s.Update(t.Context(), scope, fn)
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	return commit
}

func load(t testing.TB, s *store.Store, k naming.Key) *naming.Instance {
	t.Helper()
	instance, err := s.LoadWhole(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return instance
}

// end ends an instance as onPrestop does.
func end(t testing.TB, s *store.Store, k naming.Key) *store.Commit {
	t.Helper()
	return update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
		instance := tx.Instance(k).Clone()
		instance.Server, instance.Adapters = nil, nil
		if instance.Lease != nil {
			instance.Lease.State = naming.LeaseLeft
		}
		tx.Put(instance, naming.Event{Kind: naming.EventLeft, Reason: "onPrestop"})
		return nil
	})
}

func itoa(n int) string { return strconv.Itoa(n) }
