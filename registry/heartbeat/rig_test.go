package heartbeat

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/store"
)

// fakeStore remembers what was written, and when by the fake clock.
type fakeStore struct {
	mu         sync.Mutex
	calls      int
	beats      []store.Beat
	written    map[int64]time.Time // by lease: when its last beat arrived
	nodes      []string
	marks      []time.Time
	dropped    []string
	away       error
	nodesAway  error
	marksAway  error
	poisoned   int64                      // a lease that fails its chunk
	unexpected func(beat store.Beat) bool // nil: none is
	delay      time.Duration              // of one Flush
}

func (f *fakeStore) Flush(ctx context.Context, beats []store.Beat) ([]store.Beat, error) {
	now := time.Now()
	f.mu.Lock()
	delay := f.delay
	f.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.away != nil {
		return nil, f.away
	}
	if f.written == nil {
		f.written = make(map[int64]time.Time)
	}
	var unexpected []store.Beat
	for _, beat := range beats {
		if f.poisoned != 0 && beat.LeaseID == f.poisoned {
			return nil, errors.New("poisoned")
		}
	}
	for _, beat := range beats {
		if f.unexpected != nil && f.unexpected(beat) {
			unexpected = append(unexpected, beat)
			continue
		}
		f.beats = append(f.beats, beat)
		f.written[beat.LeaseID] = now.Add(-beat.Age)
	}
	return unexpected, nil
}

func (f *fakeStore) TouchNodes(_ context.Context, beats []store.NodeBeat) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.nodesAway != nil {
		return f.nodesAway
	}
	for _, beat := range beats {
		f.nodes = append(f.nodes, beat.Name)
	}
	return nil
}

func (f *fakeStore) WriteFlushMark(_ context.Context, age time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.marksAway != nil {
		return f.marksAway
	}
	f.marks = append(f.marks, time.Now().Add(-age))
	return nil
}

func (f *fakeStore) DropFlushMark(_ context.Context, replica string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped = append(f.dropped, replica)
	return nil
}

// set changes the fake while the flusher runs.
func (f *fakeStore) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

type through struct {
	mu    sync.Mutex
	beats []Unexpected
	err   error
}

func (w *through) write(_ context.Context, beat Unexpected) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beats = append(w.beats, beat)
	return w.err
}

type rig struct {
	book    *Book
	store   *fakeStore
	through *through
	flusher *Flusher
	log     *bytes.Buffer
}

// newRig starts a flusher inside a synctest bubble; it is closed at the end.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{book: NewBook(ttl), store: &fakeStore{}, through: &through{}, log: &bytes.Buffer{}}
	r.flusher = NewFlusher(Options{
		Book: r.book, Store: r.store, WriteThrough: r.through.write, Replica: "one",
		Logger: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	t.Cleanup(func() { _ = r.flusher.Close(t.Context()) })
	return r
}

// wait lets time pass until nothing moves any more. Taking the locks orders what
// the test has read before what the flusher writes next.
func (r *rig) wait(d time.Duration) {
	r.store.set(func() {})
	r.through.mu.Lock()
	r.through.mu.Unlock() //nolint:staticcheck // see above
	time.Sleep(d)
	synctest.Wait()
}

func (r *rig) learn(count int) {
	for n := range count {
		r.book.Learn(live(key(n), "", id(int64(n+1))))
	}
}

func (r *rig) beat(t *testing.T, n int) {
	t.Helper()
	wantVerdict(t, r.book.Beat(beat(key(n), "", naming.Active, 0)), Unchanged)
}
