package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// SweepLease is who may sweep (R18), by the database's clock.
type SweepLease struct {
	Held    bool // by the asking replica
	Holder  string
	HeldFor time.Duration // how long the holder has had it without a gap
	// Release is how long ago an operator released the protection (R20), and
	// by whom; negative: never.
	Release   time.Duration
	ReleaseBy string
	// Protected is how long ago protection came on (R20), for whoever takes the
	// sweep lease over while it is; negative: it is off.
	Protected time.Duration
}

// HoldSweep takes the sweep lease for ttl, or renews it, where no other replica
// has it. It is decided by the row: two replicas never hold it at once.
func (s *Store) HoldSweep(ctx context.Context, ttl time.Duration) (SweepLease, error) {
	var lease SweepLease
	err := s.bounded(ctx, s.config.StatementTimeout, func(ctx context.Context) error {
		if err := s.takeSweep(ctx, ttl); err != nil {
			return err
		}
		return s.readSweepLease(ctx, &lease)
	})
	if err != nil {
		return SweepLease{}, fmt.Errorf("hold the sweep lease: %w", err)
	}
	lease.Held = lease.Held && lease.Holder == s.config.Replica
	return lease, nil
}

func (s *Store) takeSweep(ctx context.Context, ttl time.Duration) error {
	d := s.dialect
	until := d.ago(-ttl)
	// The order of the assignments counts on MySQL: held_since looks at the
	// holder and the end as they were.
	query := "UPDATE t_registry_sweep SET held_since = CASE WHEN holder = ? AND held_until >= " + d.now +
		" THEN held_since ELSE " + d.now + " END, holder = ?, held_until = " + until +
		" WHERE id = 1 AND (holder = ? OR held_until < " + d.now + ")"
	replica := s.config.Replica
	found, err := s.exec(ctx, s.write, "sweep_hold", query, replica, replica, replica)
	if err != nil || found > 0 {
		return err
	}
	rows := newInsert("t_registry_sweep", []string{"id", "holder", "held_since", "held_until"})
	rows.row(1, replica, expression(d.now), expression(until))
	query, args := rows.only("")
	_, err = s.exec(ctx, s.write, "sweep_hold", query, args...)
	if errors.Is(meaningOf(err), errDuplicate) {
		return nil // another replica has it
	}
	return err
}

func (s *Store) readSweepLease(ctx context.Context, lease *SweepLease) error {
	d := s.dialect
	query := "SELECT holder, " + d.age("held_since") + ", held_until >= " + d.now + ", released_by, " + d.age("released_at") + ", " + d.age("protected_since") +
		" FROM t_registry_sweep WHERE id = 1"
	return s.each(ctx, s.write, "sweep_lease", query, nil, func(row *scanner) {
		lease.Holder, lease.HeldFor, lease.Held, lease.ReleaseBy = row.text(), row.micros(), row.int() != 0, row.text()
		lease.Release = row.elapsed()
		lease.Protected = row.elapsed()
	})
}

// SetProtected notes that protection has come on, or has ended (R20), where this
// replica sweeps.
func (s *Store) SetProtected(ctx context.Context, on bool) error {
	since := "NULL"
	if on {
		since = s.dialect.now
	}
	_, err := s.change(ctx, "protection_set", "UPDATE t_registry_sweep SET protected_since = "+since+
		" WHERE id = 1 AND holder = ?", s.config.Replica)
	if err != nil {
		return fmt.Errorf("note the protection: %w", err)
	}
	return nil
}

// DropSweep gives the sweep lease back, when stopping.
func (s *Store) DropSweep(ctx context.Context) error {
	_, err := s.change(ctx, "sweep_drop", "UPDATE t_registry_sweep SET held_until = "+s.dialect.ago(time.Second)+
		" WHERE id = 1 AND holder = ?", s.config.Replica)
	if err != nil {
		return fmt.Errorf("drop the sweep lease: %w", err)
	}
	return nil
}

// ReleaseProtection notes that an operator lets the sweep go on (R20). The
// replica that sweeps finds it in its next HoldSweep.
func (s *Store) ReleaseProtection(ctx context.Context, actor string) error {
	d := s.dialect
	rows := newInsert("t_registry_sweep", []string{"id", "held_since", "held_until", "released_at", "released_by"})
	rows.row(1, expression(d.now), expression(d.ago(time.Second)), expression(d.now), cut(actor, maxActor))
	query, args := rows.only(d.onKey("id") + "released_at=" + d.offered("released_at") + ", released_by=" + d.offered("released_by"))
	if _, err := s.change(ctx, "protection_release", query, args...); err != nil {
		return fmt.Errorf("release the protection: %w", err)
	}
	return nil
}

// LeaseAge is a live lease as the sweep reads it.
type LeaseAge struct {
	ID        int64
	Key       naming.Key
	Revision  int64
	Heartbeat string        // stamp as text, to be compared for change
	Age       time.Duration // of the last heartbeat, by the database's clock
	Duration  time.Duration // lease time (R17)
	// Active says that the pod last reported itself as active: the last active
	// endpoint of an object goes last (R20).
	Active bool
}

// Overdue says that by the database's clock the lease has run out.
func (l LeaseAge) Overdue() bool { return l.Age > l.Duration }

// Sweep is the sweep's view of the leases, in one read.
type Sweep struct {
	// Clock is the database's clock: microseconds since 1970. Only differences
	// between two reads mean anything (R18).
	Clock time.Duration
	// Server is the identity of the database server, where it has one: clocks
	// of different servers are not compared.
	Server string
	// Overdue are the live leases that have run out, by id.
	Overdue []LeaseAge
	// Fresh are the live leases that were renewed within the last two lease
	// times, overdue ones included: what protection counts (R20).
	Fresh []LeaseAge
}

// ReadSweep reads what a sweep decides on, after all commits that the cluster has
// acknowledged.
func (s *Store) ReadSweep(ctx context.Context) (*Sweep, error) {
	// About as many as the last time: a list that has to grow is made many times over.
	size := s.sweepSize.Load()
	sweep := &Sweep{Fresh: make([]LeaseAge, 0, size+size/16)}
	err := s.bounded(ctx, longStatements*s.config.StatementTimeout, func(ctx context.Context) error {
		tables, err := s.tables(ctx)
		if err != nil {
			return err
		}
		return s.consistently(ctx, tables, true, func(tx *sqlx.Tx) error {
			if sweep.Clock, sweep.Server, err = s.readClock(ctx, tx); err != nil {
				return err
			}
			return s.readLeaseAges(ctx, tx, sweep)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the leases for a sweep: %w", err)
	}
	s.sweepSize.Store(int64(len(sweep.Fresh)))
	return sweep, nil
}

func (s *Store) readLeaseAges(ctx context.Context, on runner, sweep *Sweep) error {
	query := "SELECT id, application, server_name, node_name, revision, last_heartbeat, " + s.dialect.age("last_heartbeat") +
		", lease_ms, reported_state = 'active' FROM t_registry_lease WHERE state = 'live' ORDER BY id"
	return s.each(ctx, on, "sweep_leases", query, nil, func(row *scanner) {
		lease := LeaseAge{
			ID: row.int(), Key: scanKey(row), Revision: row.int(), Heartbeat: row.text(),
			Age: row.micros(), Duration: row.millis(), Active: row.int() != 0,
		}
		if lease.Overdue() {
			sweep.Overdue = append(sweep.Overdue, lease)
		}
		if lease.Age <= 2*lease.Duration {
			sweep.Fresh = append(sweep.Fresh, lease)
		}
	})
}
