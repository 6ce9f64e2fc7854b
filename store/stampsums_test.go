package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest/schema"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/store/storetest"
)

// TestR23StampsReadByPartsAreThoseReadWhole: whatever happens between two
// readings, reading what differs from the one before comes to the same as reading
// everything.
func TestR23StampsReadByPartsAreThoseReadWhole(t *testing.T) {
	storetest.OnEvery(t, stampsByParts)
	for _, variant := range schema.Variants() {
		t.Run(variant.Name, func(t *testing.T) {
			d := storetest.MariaDB(t)
			if err := variant.Apply(t.Context(), d.SQL(t)); err != nil {
				t.Fatal(err)
			}
			stampsByParts(t, d)
		})
	}
}

func stampsByParts(t *testing.T, d *storetest.Database) {
	s := d.Open(t, "replica-1")
	random := rand.New(rand.NewPCG(1, uint64(len(t.Name()))))
	insert := func(id int, stamp string) {
		d.Exec(t, fmt.Sprintf("INSERT INTO t_server_conf (id, application, server_name, node_name, exe_path, registry_timestamp)"+
			" VALUES (%d, 'App', 'S%d', 'n', '', '%s')", id, id, stamp))
	}
	// Ids at both ends of ranges, and far apart.
	ids := []int{1, 2, 1022, 1023, 1024, 1025, 2047, 2048, 100000, 100001, 2000000000}
	for _, id := range ids {
		insert(id, "2020-01-01 00:00:00")
	}
	stamp := func() string { return fmt.Sprintf("2020-01-01 00:00:%02d", random.IntN(60)) }
	known := readStamps(t, s, nil)
	const rounds = 60
	for round := range rounds {
		id := ids[random.IntN(len(ids))]
		switch operation := random.IntN(5); {
		case round > rounds-10: // the on-update rule, last: what is young is read whatever the sums say
			d.Exec(t, "UPDATE t_server_conf SET bak_flag = 1 - bak_flag WHERE id = ?", id)
		case operation == 0: // several move to the same stamp
			at := stamp()
			for _, id := range ids[:1+random.IntN(len(ids))] {
				d.Exec(t, "UPDATE t_server_conf SET registry_timestamp = ? WHERE id = ?", at, id)
			}
		case operation == 1: // one moves, back or forth
			d.Exec(t, "UPDATE t_server_conf SET registry_timestamp = ? WHERE id = ?", stamp(), id)
		case operation == 2: // two change places
			d.Exec(t, "UPDATE t_server_conf SET registry_timestamp = '2020-01-01 00:00:01' WHERE id = ?", id)
			d.Exec(t, "UPDATE t_server_conf SET registry_timestamp = '2020-01-01 00:00:02' WHERE id = ?", ids[random.IntN(len(ids))])
		case operation == 3: // a whole range goes
			d.Exec(t, "DELETE FROM t_server_conf WHERE id BETWEEN 100000 AND 100001")
		default: // one goes, another comes
			d.Exec(t, "DELETE FROM t_server_conf WHERE id IN (100000, 2047)")
			insert(100000, stamp())
		}
		now := readStamps(t, s, known)
		if whole := readStamps(t, s, nil); !slices.EqualFunc(now.Servers, whole.Servers, sameStamp) {
			t.Fatalf("read by parts\n%+v\nread whole\n%+v", now.Servers, whole.Servers)
		}
		known = now
	}
}

// sameStamp leaves out whether the row is to be read again: time passes between
// two readings.
func sameStamp(a, b store.Stamp) bool { return a.ID == b.ID && a.Text == b.Text }

func readStamps(t *testing.T, s *store.Store, known *store.Stamps) *store.Stamps {
	t.Helper()
	stamps, err := s.Stamps(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	return stamps
}

func TestR23AWholeReadingHasTheStamps(t *testing.T) {
	storetest.OnEvery(t, func(t *testing.T, d *storetest.Database) {
		s := d.Open(t, "replica-1")
		register(t, s, registered(key("App", "Server", "10.0.0.1")))
		d.Exec(t, "INSERT INTO t_server_conf (id, application, server_name, node_name, registry_timestamp) VALUES"+
			" (5000, 'App', 'Old', 'n', '2020-01-01 00:00:00'), (4000, 'App', 'Ahead', 'n', '2037-01-01 00:00:00')")
		snapshot, err := s.LoadAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stamps := readStamps(t, s, nil)
		if !slices.EqualFunc(snapshot.Stamps.Servers, stamps.Servers, sameStamp) || !slices.EqualFunc(snapshot.Stamps.Adapters, stamps.Adapters, sameStamp) {
			t.Errorf("with the rows %+v, by themselves %+v", snapshot.Stamps, stamps)
		}
		if list := snapshot.Stamps.Servers; len(list) != 3 || !list[1].Again || list[2].Again {
			t.Errorf("to be read again: %+v", list)
		}
		eventually(t, "what was stamped just now is to be read again", func() bool {
			d.Exec(t, "UPDATE t_server_conf SET registry_timestamp = "+d.WallAgo(0)+" WHERE server_name = 'Server'")
			snapshot, err := s.LoadAll(t.Context())
			return err == nil && snapshot.Stamps.Servers[0].Again
		})
		if snapshot.Stamps.Server != stamps.Server {
			t.Errorf("server %q, then %q", snapshot.Stamps.Server, stamps.Server)
		}
	})
}
