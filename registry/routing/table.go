package routing

import (
	"context"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Options of a Table. Zero values mean the default that stands beside them.
type Options struct {
	// Tombstone is how long a removed endpoint stays in inactive lists (R25).
	// 0: not at all.
	Tombstone time.Duration
	// MaxTombstones at one time; what comes above vanishes at once. 100,000.
	MaxTombstones int
	// MaxBodyBytes bounds the encoded replies that are kept. 64 MiB.
	MaxBodyBytes int64
	// Now is a monotonic clock, by which tombstones end. The process's.
	Now func() time.Duration
	// Logger; nil discards.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.MaxTombstones <= 0 {
		o.MaxTombstones = 100_000
	}
	if o.MaxBodyBytes <= 0 {
		o.MaxBodyBytes = 64 << 20
	}
	if o.Now == nil {
		start := time.Now()
		o.Now = func() time.Duration { return time.Since(start) }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Table holds the current picture and makes the next ones. All methods are safe
// for concurrent use; those that change it take turns. Nothing that is given to
// it may be changed afterwards.
//
// There is no picture before the first Replace, and until then Apply, SetGroups
// and SetRegistries do nothing: a picture that is not whole is never served.
//
// It is the caller's to apply an instance only with a greater revision (R22);
// the table itself takes what it is given. Giving it the same again changes
// nothing.
type Table struct {
	options Options
	seed    maphash.Seed
	current atomic.Pointer[Picture]

	mu         sync.Mutex
	tombstones map[tombstoneKey]*tombstone
	nextEnd    time.Duration // no tombstone ends before it
	crowded    bool          // MaxTombstones was reached and has been logged
	watchers   map[*watcher]struct{}
}

// NewTable makes a table without a picture.
func NewTable(options Options) *Table {
	return &Table{
		options:    options.withDefaults(),
		seed:       maphash.MakeSeed(),
		tombstones: make(map[tombstoneKey]*tombstone),
		watchers:   make(map[*watcher]struct{}),
	}
}

// Picture is the current picture, nil before the first Replace.
func (t *Table) Picture() *Picture { return t.current.Load() }

// Change says what a publication may have changed for clients.
type Change struct {
	All     bool     // anything: a new picture, or other groups
	Objects []string // else these
}

type watcher struct{ notify func(Change) }

// Watch has notify called after every publication that may change an answer,
// in order, until stop is called. It is called under the table's lock: it must
// return at once and not call the table's other methods than Picture.
func (t *Table) Watch(notify func(Change)) (stop func()) {
	w := &watcher{notify}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watchers[w] = struct{}{}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watchers, w)
	}
}

// Replace publishes a picture of nothing but these contents.
func (t *Table) Replace(contents Contents) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := make(map[BadRow]bool)
	version := uint64(0)
	if before := t.current.Load(); before != nil {
		version = before.version
		for _, b := range before.BadRows() {
			known[b] = true
		}
	}
	clear(t.tombstones)
	t.nextEnd = 0
	bodies := &budget{limit: t.options.MaxBodyBytes}
	c := t.begin(&Picture{
		version: version,
		seed:    t.seed,
		groups:  newGroups(contents.Rules, contents.Priorities),
		bodies:  bodies,
		nobody:  &lists{share: &budgetShare{budget: bodies}},
		refused: &lists{share: &budgetShare{budget: bodies}, code: -1},
	})
	c.all = true
	records := newRecords(contents.Instances, t.seed)
	c.instances.expect(records)
	for _, r := range records {
		c.putRecord(r)
	}
	c.setRegistries(contents.Registries)
	for _, tombstone := range contents.Tombstones {
		c.bury(tombstone)
	}
	c.bad = slices.DeleteFunc(c.bad, func(b BadRow) bool { return known[b] })
	c.publish()
}

// Apply puts the new whole state of instances into the picture, and the
// tombstones of what they lost. An instance whose Server is nil is removed. The
// next look-up sees it.
func (t *Table) Apply(instances []*naming.Instance, tombstones []naming.Tombstone) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.current.Load()
	if before == nil {
		return
	}
	c := t.begin(before)
	for _, instance := range instances {
		c.put(instance)
	}
	for _, tombstone := range tombstones {
		c.bury(tombstone)
	}
	c.publish()
}

// SetGroups puts other IP groups and priorities in place of those there are.
func (t *Table) SetGroups(rules []naming.GroupRule, priorities []naming.GroupPriority) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.current.Load()
	if before == nil {
		return
	}
	groups := newGroups(rules, priorities)
	if groups.same(before.groups) {
		return
	}
	c := t.begin(before)
	c.next.groups = groups
	c.all = true
	c.publish()
}

// SetRegistries puts other rows of t_registry_info in place of those there are.
func (t *Table) SetRegistries(entries []naming.RegistryEntry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.current.Load()
	if before == nil {
		return
	}
	c := t.begin(before)
	c.setRegistries(entries)
	c.publish()
}

// Expire ends the tombstones whose time is over.
func (t *Table) Expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.options.Now()
	if len(t.tombstones) == 0 || now < t.nextEnd {
		return
	}
	c := t.begin(t.current.Load())
	for _, stone := range t.tombstones {
		if stone.until <= now {
			c.exhume(stone)
		}
	}
	c.publish()
	t.nextEnd = t.earliestEnd(now)
}

// Run ends tombstones, at most a second late, until ctx is over.
func (t *Table) Run(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			t.Expire()
		}
	}
}

// Contents gives what the current picture is made of, and false before there
// is one.
func (t *Table) Contents() (Contents, bool) {
	p := t.current.Load()
	if p == nil {
		return Contents{}, false
	}
	c := Contents{
		Instances:  slices.AppendSeq(make([]*naming.Instance, 0, p.instances.size), p.Instances()),
		Rules:      p.groups.rules,
		Priorities: p.groups.backups,
		Registries: p.entries,
	}
	c.Tombstones = t.unexpired()
	return c, true
}
