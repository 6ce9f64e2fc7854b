package store

import (
	"context"
	"time"
)

// Beat is one heartbeat that is to be written.
type Beat struct {
	LeaseID  int64
	Revision int64         // as the book knows it
	Age      time.Duration // how long before the call of Flush it arrived
	Interval time.Duration // see naming.Lease; written along where it differs
	Told     bool          // the client itself told the interval
	Duration time.Duration // lease time (R17)
}

// Flush writes heartbeats in chunks of 500 in id order (R19). A stamp is never
// newer than its beat and never replaces a newer one. Beats whose lease is gone,
// not live or of another revision are not written and returned. On an error the
// beats of earlier chunks are written (not on SQLite, where it is all or none);
// writing them again is harmless.
func (s *Store) Flush(ctx context.Context, beats []Beat) (unexpected []Beat, err error) {
	return nil, errNotYet
}

// NodeBeat is a heartbeat of something on a pod's node.
type NodeBeat struct {
	Name string
	Age  time.Duration // how long before the call of TouchNodes it arrived
}

// TouchNodes writes t_node_info.last_heartbeat of nodes without tarsnode.
func (s *Store) TouchNodes(ctx context.Context, beats []NodeBeat) error { return errNotYet }

// FlushMark says when a replica last flushed its heartbeats (R18).
type FlushMark struct {
	Replica string
	Age     time.Duration // by the database's clock
}

// WriteFlushMark notes that this replica has flushed all heartbeats that arrived
// up to age ago.
func (s *Store) WriteFlushMark(ctx context.Context, age time.Duration) error { return errNotYet }

// FlushMarks gives the marks of all replicas, this one's included.
func (s *Store) FlushMarks(ctx context.Context) ([]FlushMark, error) { return nil, errNotYet }

// DropFlushMark removes a replica's mark: its own when it has stopped cleanly, or
// one that has been silent for so long that it holds nothing any more.
func (s *Store) DropFlushMark(ctx context.Context, replica string) error { return errNotYet }
