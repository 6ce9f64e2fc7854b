//go:build !race

package e2e

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
)

const (
	outageFleet = 2000
	outageLease = 4 * time.Second
)

// TestDatabaseKilledUnderHeartbeats kills MariaDB under as many heartbeats as
// there can be, keeps it away for longer than the leases last, and starts it
// again.
func TestDatabaseKilledUnderHeartbeats(t *testing.T) {
	server := mariadbtest.Start(t)
	d := database{dataDir: t.TempDir(), dsn: server.Database(t)}
	p := d.serve(t, "--lease-ttl", outageLease.String())
	f := newFleet(p.clients(t), outageFleet)
	f.patience = 0 // not one may fail: they are answered from memory
	f.every(t, everyone, f.register)
	db := mariadbtest.Open(t, d.dsn)
	registered := databaseTime(t, db)

	f.startBeating(t, 0)
	replica.Eventually(t, time.Minute, "heartbeats are written", func() error { return allBeatAfter(db, registered) })
	began, beats := time.Now(), f.beats.Load()
	server.Kill(t)
	if err := f.clients.pods.OnStartup(hello("10.200.0.1")); err == nil {
		t.Error("a registration was acknowledged while the database was dead")
	}
	<-time.After(2 * outageLease) // the passing of time is what is tested
	t.Logf("%.0f heartbeats/s while the database was away", float64(f.beats.Load()-beats)/time.Since(began).Seconds())
	f.mustHaveBeatenWell(t)
	if active, _, err := f.clients.find("Fleet.Server0.MainObj"); err != nil || len(active) == 0 {
		t.Errorf("while the database is away a look-up finds %q, %v", active, err)
	}

	server.Start(t)
	restarted, stamp := time.Now(), databaseTime(t, db)
	replica.Eventually(t, time.Minute, "heartbeats are written again", func() error { return allBeatAfter(db, stamp) })
	t.Logf("all heartbeats were written %.1f s after the restart", time.Since(restarted).Seconds())
	replica.Eventually(t, time.Minute, "registrations are taken again", func() error { return f.clients.pods.OnStartup(hello("10.200.0.1")) })
	<-time.After(3 * outageLease) // an expiry by mistake would come now
	if n := count(t, db, "SELECT COUNT(*) FROM t_server_conf WHERE application = 'Fleet' AND present_state = 'active'"); n != outageFleet {
		t.Errorf("%d of %d instances are active", n, outageFleet)
	}
	if n := count(t, db, "SELECT COUNT(*) FROM t_registry_event WHERE kind = 'expired' AND application = 'Fleet'"); n != 0 {
		t.Errorf("%d instances were expired by the outage", n)
	}
	f.stopBeating()
	f.mustHaveBeatenWell(t)
	p.stop(t)
}

// databaseTime is the database's clock, as leases are stamped by it.
func databaseTime(t *testing.T, db *sql.DB) (now string) {
	t.Helper()
	if err := db.QueryRow("SELECT UTC_TIMESTAMP(6)").Scan(&now); err != nil {
		t.Fatal(err)
	}
	return now
}

// allBeatAfter says whether every lease has a heartbeat later than the stamp.
func allBeatAfter(db *sql.DB, stamp string) error {
	var waiting int
	err := db.QueryRow("SELECT COUNT(*) FROM t_registry_lease WHERE application = 'Fleet' AND last_heartbeat <= ?", stamp).Scan(&waiting)
	if err == nil && waiting > 0 {
		err = fmt.Errorf("%d leases have no heartbeat later than %s", waiting, stamp)
	}
	return err
}
