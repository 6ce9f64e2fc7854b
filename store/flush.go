package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Beat is one heartbeat that is to be written.
type Beat struct {
	LeaseID  int64
	Revision int64         // as the book knows it
	Age      time.Duration // how long before the call of Flush it arrived
	Interval time.Duration // see naming.Lease; written along where it differs
	Told     bool          // the client itself told the interval; else a longer one that is stored stays
	Duration time.Duration // lease time (R17)
}

// flushChunk is how many beats one statement writes (R19), and flushLook how many
// leases one reads before: a lock is held only by the writing.
const (
	flushChunk = 500
	flushLook  = 2 * flushChunk
)

// Flush writes heartbeats in chunks of 500 in id order (R19). A stamp is never
// newer than its beat and never replaces a newer one. Beats whose lease is gone,
// not live or of another revision are not written and returned. On an error the
// beats of some chunks are written (not on SQLite, where it is all or none);
// writing them again is harmless.
func (s *Store) Flush(ctx context.Context, beats []Beat) (unexpected []Beat, err error) {
	if len(beats) == 0 {
		return nil, nil
	}
	f := flush{store: s, arrived: time.Now(), beats: slices.Clone(beats)}
	slices.SortFunc(f.beats, func(a, b Beat) int { return int(min(max(a.LeaseID-b.LeaseID, -1), 1)) })
	if s.dialect.sqlite() {
		err = f.inOne(ctx)
	} else {
		err = f.inChunks(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("flush heartbeats: %w", err)
	}
	return f.unexpected, nil
}

type flush struct {
	store      *Store
	arrived    time.Time // when Flush was called: ages count from then
	beats      []Beat
	unexpected []Beat
}

// inOne writes all chunks in one transaction.
func (f *flush) inOne(ctx context.Context) error {
	return f.store.inWrite(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		f.unexpected = nil
		for part := range slices.Chunk(f.beats, flushLook) {
			if err := f.part(ctx, tx, part); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *flush) inChunks(ctx context.Context) error {
	for part := range slices.Chunk(f.beats, flushLook) {
		err := f.store.persistently(ctx, f.store.config.StatementTimeout, func(ctx context.Context) error {
			return f.part(ctx, f.store.write, part)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// leaseNow is what a flush reads of a lease before it writes.
type leaseNow struct {
	revision, interval, told, duration int64
	live                               bool
}

// part reads what the leases are and what time it is, and then writes the beats
// that are as expected. The time is that of the read: on the way from there to
// the write a beat only gets older, so that no stamp is newer than its beat.
func (f *flush) part(ctx context.Context, on runner, part []Beat) error {
	clock, found, err := f.look(ctx, on, part)
	if err != nil {
		return err
	}
	read := time.Since(f.arrived)
	var plain, whole []Beat
	var others []Beat
	for _, beat := range part {
		lease, ok := found[beat.LeaseID]
		beat.keep(lease)
		switch {
		case !ok || !lease.live || lease.revision != beat.Revision:
			others = append(others, beat)
		case lease.interval != beat.Interval.Milliseconds() || lease.told != int64(boolean(beat.Told)) ||
			lease.duration != beat.Duration.Milliseconds():
			whole = append(whole, beat)
		default:
			plain = append(plain, beat)
		}
	}
	for _, group := range []struct {
		beats []Beat
		whole bool
	}{{plain, false}, {whole, true}} {
		for chunk := range slices.Chunk(group.beats, flushChunk) {
			missed, err := f.write(ctx, on, chunk, group.whole, clock, read)
			if err != nil {
				return err
			}
			others = append(others, missed...)
		}
	}
	f.unexpected = append(f.unexpected, others...)
	return nil
}

// keep has what is stored stay where it is longer and the beat's client did not
// tell its interval: another replica may have been told it, or have watched for
// longer, and a lease time that shrinks by not knowing would expire who is well.
// Once the interval has been seen, the lease time goes by it (R17).
func (b *Beat) keep(lease leaseNow) {
	if b.Told {
		return
	}
	b.Told = lease.told != 0
	interval := time.Duration(lease.interval) * time.Millisecond
	if known := b.Interval > 0 && interval <= b.Interval && !b.Told; known {
		return
	}
	b.Interval = max(b.Interval, interval)
	b.Duration = max(b.Duration, time.Duration(lease.duration)*time.Millisecond)
}

// look reads the leases of beats and the database's time.
func (f *flush) look(ctx context.Context, on runner, beats []Beat) (clock string, found map[int64]leaseNow, err error) {
	ids := make([]int64, len(beats))
	for i, beat := range beats {
		ids[i] = beat.LeaseID
	}
	found = make(map[int64]leaseNow, len(beats))
	query := "SELECT id, revision, state, interval_ms, interval_told, lease_ms, " + f.store.dialect.now +
		" FROM t_registry_lease WHERE id IN (" + idList(ids) + ")"
	err = f.store.each(ctx, on, "flush_look", query, nil, func(row *scanner) {
		id := row.int()
		found[id] = leaseNow{
			revision: row.int(), live: naming.LeaseState(row.name()) == naming.LeaseLive,
			interval: row.int(), told: row.int(), duration: row.int(),
		}
		clock = row.name()
	})
	return clock, found, err
}

// write stamps the leases of beats in one statement and gives those that another
// transaction changed since the look.
func (f *flush) write(ctx context.Context, on runner, beats []Beat, whole bool, clock string, read time.Duration) ([]Beat, error) {
	count, err := f.store.exec(ctx, on, "flush", f.statement(beats, whole, read), clock)
	if err != nil || count == int64(len(beats)) {
		return nil, err
	}
	_, found, err := f.look(ctx, on, beats)
	if err != nil {
		return nil, err
	}
	var missed []Beat
	for _, beat := range beats {
		if lease, ok := found[beat.LeaseID]; !ok || !lease.live || lease.revision != beat.Revision {
			missed = append(missed, beat)
		}
	}
	return missed, nil
}

// statement writes only numbers into the SQL, so that it needs one argument: the
// time of the look.
func (f *flush) statement(beats []Beat, whole bool, read time.Duration) string {
	var b strings.Builder
	d := f.store.dialect
	if !d.sqlite() {
		b.WriteString("UPDATE t_registry_lease l JOIN (")
		f.derived(&b, beats, read, "SELECT ", " AS id,", " AS revision,", " AS age,", " AS gap,", " AS told,", " AS lease", " UNION ALL SELECT ")
		b.WriteString(") b ON l.id = b.id AND l.revision = b.revision SET l.last_heartbeat =" +
			" GREATEST(l.last_heartbeat, CAST(? AS DATETIME(6)) - INTERVAL b.age MICROSECOND)")
		if whole {
			b.WriteString(", l.interval_ms = b.gap, l.interval_told = b.told, l.lease_ms = b.lease")
		}
		b.WriteString(" WHERE l.state = 'live'")
		return b.String()
	}
	b.WriteString("WITH b(id, revision, age, gap, told, lease) AS (VALUES (")
	f.derived(&b, beats, read, "", ",", ",", ",", ",", ",", "", "),(")
	b.WriteString(")) UPDATE t_registry_lease AS l SET last_heartbeat =" +
		" MAX(l.last_heartbeat, strftime('%Y-%m-%d %H:%M:%f', ?, (-(b.age + 999) / 1000 / 1000.0) || ' seconds'))")
	if whole {
		b.WriteString(", interval_ms = b.gap, interval_told = b.told, lease_ms = b.lease")
	}
	b.WriteString(" FROM b WHERE l.id = b.id AND l.revision = b.revision AND l.state = 'live'")
	return b.String()
}

// derived writes the beats as rows. Only the first names its columns.
func (f *flush) derived(b *strings.Builder, beats []Beat, read time.Duration, start string, id, revision, age, gap, told, lease, next string) {
	number := make([]byte, 0, 20)
	write := func(value int64, after string) {
		number = strconv.AppendInt(number[:0], value, 10)
		b.Write(number)
		b.WriteString(after)
	}
	b.WriteString(start)
	for i, beat := range beats {
		if i == 1 {
			id, revision, age, gap, told, lease = ",", ",", ",", ",", ",", ""
		}
		if i > 0 {
			b.WriteString(next)
		}
		write(beat.LeaseID, id)
		write(beat.Revision, revision)
		write((beat.Age + read + time.Microsecond - 1).Microseconds(), age)
		write(beat.Interval.Milliseconds(), gap)
		write(int64(boolean(beat.Told)), told)
		write(beat.Duration.Milliseconds(), lease)
	}
}

// NodeBeat is a heartbeat of something on a pod's node.
type NodeBeat struct {
	Name string
	Age  time.Duration // how long before the call of TouchNodes it arrived
}

// TouchNodes writes t_node_info.last_heartbeat of nodes without tarsnode; a stamp
// there has whole seconds and is never newer than its beat.
func (s *Store) TouchNodes(ctx context.Context, beats []NodeBeat) error {
	arrived := time.Now()
	beats = slices.Clone(beats)
	slices.SortFunc(beats, func(a, b NodeBeat) int { return strings.Compare(naming.Fold(a.Name), naming.Fold(b.Name)) })
	for chunk := range slices.Chunk(beats, flushChunk) {
		if err := s.touchChunk(ctx, chunk, arrived); err != nil {
			return fmt.Errorf("write the heartbeats of nodes: %w", err)
		}
	}
	return nil
}

// touchChunk writes the nodes whose beats have the same age in seconds together.
func (s *Store) touchChunk(ctx context.Context, chunk []NodeBeat, arrived time.Time) error {
	bySecond := map[time.Duration][]string{}
	for _, beat := range chunk {
		age := (beat.Age + time.Since(arrived)).Truncate(time.Second) + time.Second
		bySecond[age] = append(bySecond[age], beat.Name)
	}
	if len(bySecond) == 1 { // as a rule: one statement is a transaction by itself
		return s.persistently(ctx, s.config.StatementTimeout, func(ctx context.Context) error {
			return s.touch(ctx, s.write, bySecond)
		})
	}
	return s.inWrite(ctx, func(ctx context.Context, tx *sqlx.Tx) error { return s.touch(ctx, tx, bySecond) })
}

func (s *Store) touch(ctx context.Context, on runner, bySecond map[time.Duration][]string) error {
	for _, age := range slices.Sorted(maps.Keys(bySecond)) {
		names := bySecond[age]
		stamp := s.dialect.wallAgo(age)
		these, args := s.dialect.in("node_name", allTrimmed(names))
		query := "UPDATE t_node_info SET last_heartbeat = " + stamp + " WHERE " + these +
			" AND " + s.dialect.podNode + " AND (last_heartbeat IS NULL OR last_heartbeat < " + stamp + ")"
		if _, err := s.exec(ctx, on, "touch_nodes", query, args...); err != nil {
			return err
		}
	}
	return nil
}
