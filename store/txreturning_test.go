package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func TestWhoseInsertReturns(t *testing.T) {
	for version, want := range map[string]bool{
		"10.11.19-MariaDB-0+deb12u1": true, "10.5.0-MariaDB-log": true, "11.4.2-MariaDB": true,
		"10.4.34-MariaDB": false, "5.5.68-MariaDB": false, "8.0.40": false, "8.4.3-commercial": false,
		"8.0.11-TiDB-v8.5.0": false, "": false,
	} {
		if got := insertReturns(version); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

// TestReadBack: whether INSERT tells what it wrote, as MariaDB's does, or it is
// read afterwards, as from MySQL: what a transaction gives is what the tables hold.
func TestReadBack(t *testing.T) {
	for _, test := range []struct {
		returning bool
		instances int
	}{{true, 3}, {false, 3}, {true, manyRows + 1}, {false, manyRows + 1}} {
		returning, together := test.returning, test.instances >= manyRows
		t.Run(fmt.Sprintf("returning %v, %d instances", returning, test.instances), func(t *testing.T) {
			s, statements := openReading(t, returning)
			for _, step := range []struct {
				what   string
				change func(*naming.Instance)
			}{
				{"new", func(i *naming.Instance) {
					i.Server = &naming.Server{SettingState: naming.Active, PresentState: naming.Active}
					i.Adapters = []naming.Adapter{adapterOf(i.Key, "A"), adapterOf(i.Key, "B")}
					i.Lease = &naming.Lease{State: naming.LeaseLive, WorkerID: -1, HeartbeatAge: 3 * time.Second}
				}},
				{"again", func(i *naming.Instance) {
					i.Lease.HeartbeatAge = 0
					i.Adapters[1].Endpoint = "tcp -h " + i.Node + " -p 7000 -t 60000"
					i.Adapters = append(i.Adapters, adapterOf(i.Key, "C"))
				}},
				{"nothing new", func(i *naming.Instance) { i.Lease.HeartbeatAge = 0 }},
			} {
				*statements = nil
				commit := registerAll(t, s, test.instances, step.change)
				expectAsStored(t, s, step.what, commit)
				read := slices.ContainsFunc(*statements, func(name string) bool {
					return strings.HasSuffix(name, "_ids") || strings.HasSuffix(name, "_stamps") || name == "lease_heartbeats"
				})
				if want := !returning || together && step.what != "new"; read != want {
					t.Errorf("%s: the statements were %v", step.what, *statements)
				}
				if slices.Contains(*statements, "lease_update") != (together && step.what != "new") {
					t.Errorf("%s: the statements were %v", step.what, *statements)
				}
			}
		})
	}
}

// openReading opens a store whose statements' names are noted.
func openReading(t *testing.T, returning bool) (s *Store, statements *[]string) {
	t.Helper()
	statements = &[]string{}
	s = openMigrated(t, Config{DSN: mariadbtest.Database(t), Observe: func(name string, _ time.Duration, _ error) {
		*statements = append(*statements, name)
	}})
	tables, err := s.tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known := *tables
	known.returning = returning
	s.schema.Store(&known)
	return s, statements
}

func adapterOf(key naming.Key, object string) naming.Adapter {
	servant := key.ServerName() + "." + object
	return naming.Adapter{Name: servant + "Adapter", Servant: servant, Endpoint: "tcp -h " + key.Node + " -p 6000 -t 60000"}
}

// registerAll changes so many instances in one transaction, one of them in a way of
// its own.
func registerAll(t *testing.T, s *Store, count int, change func(*naming.Instance)) *Commit {
	t.Helper()
	var scope Scope
	for i := range count {
		scope.Keys = append(scope.Keys, naming.Key{Application: "App", Server: "Server", Node: fmt.Sprintf("10.0.0.%d", i)})
	}
	commit, err := s.Update(t.Context(), scope, func(tx *Tx) error {
		for _, key := range scope.Keys {
			instance := tx.Instance(key).Clone()
			change(instance)
			if key == scope.Keys[0] {
				instance.Server.Version, instance.Lease.Sequence = "1.1", instance.Lease.Sequence+1
			}
			tx.Put(instance, naming.Event{Kind: naming.EventRegistered})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(commit.Instances) != count {
		t.Errorf("%d instances were committed, want %d", len(commit.Instances), count)
	}
	return commit
}

func expectAsStored(t *testing.T, s *Store, what string, commit *Commit) {
	t.Helper()
	for _, got := range commit.Instances {
		want, err := s.LoadWhole(t.Context(), got.Key)
		if err != nil {
			t.Fatal(err)
		}
		if *got.Server != *want.Server || !slices.Equal(got.Adapters, want.Adapters) {
			t.Errorf("%s: the commit has\n%+v %+v, the tables\n%+v %+v", what, got.Server, got.Adapters, want.Server, want.Adapters)
		}
		if got.Lease.ID != want.Lease.ID || got.Lease.Heartbeat != want.Lease.Heartbeat || got.Lease.HeartbeatAge > want.Lease.HeartbeatAge {
			t.Errorf("%s: the commit has the lease %+v, the table %+v", what, got.Lease, want.Lease)
		}
		if got.Lease.Revision != want.Lease.Revision || got.Lease.Sequence != want.Lease.Sequence || got.Lease.WorkerID != want.Lease.WorkerID {
			t.Errorf("%s: the commit has the lease %+v, the table %+v", what, got.Lease, want.Lease)
		}
	}
}
