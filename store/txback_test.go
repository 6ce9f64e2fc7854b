package store

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// TestNewRowsThatAreNotWhereTheyShouldBe: where the ids of one statement do not
// follow upon each other, new rows are found by their keys.
func TestNewRowsThatAreNotWhereTheyShouldBe(t *testing.T) {
	s := openMigrated(t, Config{Path: filepath.Join(t.TempDir(), "registry.db")})
	instance := &naming.Instance{
		Key:      naming.Key{Application: "App", Server: "Server", Node: "10.0.0.1"},
		Server:   &naming.Server{SettingState: naming.Active, PresentState: naming.Active},
		Adapters: []naming.Adapter{{Name: "App.Server.ObjAdapter", Servant: "App.Server.Obj", Endpoint: "tcp -h 10.0.0.1 -p 1"}},
		Lease:    &naming.Lease{State: naming.LeaseLive},
	}
	err := s.withSchema(t.Context(), func(tables *schema) error {
		return s.inTransaction(t.Context(), func(ctx context.Context, inner *transaction) error {
			tx := newTx(ctx, s, inner.Tx, tables)
			tx.Put(instance, naming.Event{Kind: naming.EventRegistered})
			rows, _ := tx.touched()
			w := &writing{Tx: tx, rows: rows, commit: &Commit{}}
			for _, step := range []func() error{w.leaseRows, w.serverRows, w.adapterRows} {
				if err := step(); err != nil {
					return err
				}
			}
			for _, table := range []*written{&w.leasesWritten, &w.serversWritten, &w.adaptersWritten} {
				table.first = math.MaxInt32
			}
			if err := w.readBack(); err != nil {
				return err
			}
			now := rows[0].now
			if now.Lease.ID == 0 || now.Lease.Heartbeat == "" || now.Server.ID == 0 || now.Server.Stamp == "" ||
				now.Adapters[0].ID == 0 || now.Adapters[0].Stamp == "" {
				t.Errorf("read back: %+v %+v %+v", now.Lease, now.Server, now.Adapters[0])
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// openMigrated opens a store for this test and makes its tables.
func openMigrated(t *testing.T, config Config) *Store {
	t.Helper()
	s, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}
