package store_test

import (
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

func TestRegistrationIsWrittenWhole(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		s := d.open(t)
		k := key("App", "Server", "10.0.0.1")
		commit := register(t, s, registered(k, "tcp -h 10.0.0.1 -p 1 -t 60000", "udp -h 10.0.0.1 -p 2 -t 60000"))
		if len(commit.Instances) != 1 || len(commit.Events) != 1 || len(commit.Nodes) != 1 {
			t.Fatalf("commit has %d instances, %d events, %d nodes", len(commit.Instances), len(commit.Events), len(commit.Nodes))
		}
		got := commit.Instances[0]
		if got.Server.ID == 0 || got.Lease.ID == 0 || got.Adapters[0].ID == 0 || got.Server.Stamp == "" || got.Adapters[1].Stamp == "" {
			t.Errorf("ids or stamps are missing: %+v %+v %+v", got.Server, got.Lease, got.Adapters)
		}
		if got.Lease.Revision != 1 || commit.Events[0].Revision != 1 {
			t.Errorf("revision is %d, of the event %d", got.Lease.Revision, commit.Events[0].Revision)
		}
		read := load(t, s, k)
		if len(read.Adapters) != 2 || read.Server.PresentState != naming.Active || read.Lease.State != naming.LeaseLive {
			t.Errorf("read back: %+v %+v %+v", read.Server, read.Adapters, read.Lease)
		}
		if read.Lease.Registration == nil || len(read.Lease.Registration.Adapters) != 2 {
			t.Errorf("registration read back: %+v", read.Lease.Registration)
		}
	})
}

func TestR4StateChangeTouchesNothingElse(t *testing.T) {
	onEvery(t, func(t *testing.T, d *database) {
		s := d.open(t)
		k := key("App", "Server", "10.0.0.1")
		register(t, s, registered(k))
		update(t, s, store.Scope{Keys: []naming.Key{k}}, func(tx *store.Tx) error {
			instance := tx.Instance(k).Clone()
			instance.Server.PresentState = naming.Deactivating
			instance.Lease.Reported = naming.Deactivating
			// What TarsWeb writes between our read and our write stays.
			if d.kind != "sqlite" {
				d.exec(t, "UPDATE t_server_conf SET setting_state='inactive', template_name='edited'")
			}
			tx.Put(instance, naming.Event{Kind: naming.EventState, State: naming.Deactivating})
			return nil
		})
		if got := d.text(t, "SELECT present_state FROM t_server_conf"); got != "deactivating" {
			t.Errorf("present_state is %s", got)
		}
		if d.kind == "sqlite" {
			return // one writer at a time: nobody comes between
		}
		if got := d.text(t, "SELECT CONCAT(setting_state, template_name) FROM t_server_conf"); got != "inactiveedited" {
			t.Errorf("TarsWeb's edit became %s", got)
		}
	})
}
