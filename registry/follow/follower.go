package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/roster"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/store"
)

// Source is the reading side of the store.
type Source interface {
	LoadAll(ctx context.Context) (*store.Snapshot, error)
	LoadInstances(ctx context.Context, keys []naming.Key) (*store.Part, error)
	LoadByIDs(ctx context.Context, servers, adapters []int64) (*store.Part, error)
	Rows(ctx context.Context, servers, adapters []int64, visit store.RowVisitor) error
	Stamps(ctx context.Context, known *store.Stamps) (*store.Stamps, error)
	SmallTables(ctx context.Context) (*store.Small, error)
	NodeNames(ctx context.Context, known *store.NodeSum) ([]string, store.NodeSum, error)
	EventIDs(ctx context.Context, window time.Duration, exclude string) ([]int64, error)
	EventsByID(ctx context.Context, ids []int64) ([]naming.Event, error)
}

// Picture takes what look-ups need besides instances.
type Picture interface {
	SetGroups(rules []naming.GroupRule, priorities []naming.GroupPriority)
	SetRegistries(entries []naming.RegistryEntry)
}

// Options of a Follower. The zero value of a duration means its default.
type Options struct {
	Replica string // this one, whose own events are not read again
	Logger  *slog.Logger
	// Tail is how often the event log is read, 200 ms (R22).
	Tail time.Duration
	// Compare is how often stamps are compared, 3 s (R23).
	Compare time.Duration
	// Whole is how often everything is compared, 5 minutes (R23).
	Whole time.Duration
	// Doubt is how long a mass removal is doubted before it is looked at
	// again, 10 s (R21).
	Doubt time.Duration
}

// Window is how far back the event log is read each time: longer than any write
// transaction lasts, because events show in the order of their commits (R22).
const Window = 15 * time.Second

// Follower reads the tables for one replica. Load must have succeeded before Run.
type Follower struct {
	source  Source
	roster  *roster.Roster
	picture Picture
	options Options

	// Used by Run's goroutine only, and by Load before it.
	seen     map[int64]time.Time // events taken, and when
	previous *store.Stamps       // of the last comparison
	since    uint64              // the roster's version of then
	unsettled
	doubted  time.Time // when a mass removal was first seen, zero: none
	broken   bool      // the last reading failed
	lastFull time.Time

	nodes      *store.NodeSum // of the last comparison of nodes, nil: none yet
	nodesRead  time.Time
	lookedBack time.Time // when the whole Window of events was read last

	mu     sync.Mutex
	status Status
}

// Status is what operators see of the follower.
type Status struct {
	// Current is when everything that was to be read last had been read.
	Current time.Time
	// Broken is when reading began to fail; zero: it does not.
	Broken time.Time
	// Failure is the last error while Broken.
	Failure string
	// Doubting says that a mass removal is held back (R21).
	Doubting bool
	Events   uint64 // taken from other replicas
	Others   uint64 // changes of other programs found by comparison
}

// New makes a follower that feeds the roster and the picture.
func New(source Source, known *roster.Roster, picture Picture, options Options) *Follower {
	setDefault(&options.Tail, 200*time.Millisecond)
	setDefault(&options.Compare, 3*time.Second)
	setDefault(&options.Whole, 5*time.Minute)
	setDefault(&options.Doubt, 10*time.Second)
	return &Follower{
		source: source, roster: known, picture: picture, options: options,
		seen: map[int64]time.Time{},
	}
}

func setDefault(value *time.Duration, standard time.Duration) {
	if *value == 0 {
		*value = standard
	}
}

// Status may be called by any goroutine.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// Load reads everything for the first time. The roster has it when Load returns;
// the picture is to be replaced by the contents returned (R26).
func (f *Follower) Load(ctx context.Context) (routing.Contents, error) {
	if err := f.skipEvents(ctx); err != nil {
		return routing.Contents{}, err
	}
	snapshot, err := f.compareAll(ctx, true)
	if err != nil {
		return routing.Contents{}, err
	}
	return routing.Contents{
		Instances: snapshot.Instances, Tombstones: snapshot.Tombstones,
		Rules: snapshot.Rules, Priorities: snapshot.Priorities, Registries: snapshot.Registries,
	}, nil
}

// Refresh reads the small tables at once: this replica has just entered its own
// rows. It may be called between Load and Run.
func (f *Follower) Refresh(ctx context.Context) error { return f.compareSmall(ctx) }

// Run follows the tables until ctx ends. Failures are logged when they begin and
// end; after each everything is compared.
func (f *Follower) Run(ctx context.Context) {
	tail := time.NewTicker(f.options.Tail)
	defer tail.Stop()
	compare := time.NewTicker(f.options.Compare)
	defer compare.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-compare.C:
			err = f.compareStep(ctx)
		case <-tail.C:
			if f.broken {
				continue // the comparison finds out when the database is back
			}
			err = f.tailEvents(ctx)
		}
		if ctx.Err() == nil {
			f.note(err)
		}
	}
}

// compareStep compares stamps, or everything when it is time or when something
// may have been missed.
func (f *Follower) compareStep(ctx context.Context) error {
	if f.broken || time.Since(f.lastFull) >= f.options.Whole {
		if err := f.skipEvents(ctx); err != nil {
			return err
		}
		_, err := f.compareAll(ctx, false)
		return err
	}
	if err := f.compareSmall(ctx); err != nil {
		return err
	}
	if err := f.lookAtNodes(ctx); err != nil {
		return err
	}
	return f.compareStamps(ctx)
}

func (f *Follower) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.status.Doubting = !f.doubted.IsZero()
	interrupted := !f.status.Broken.IsZero()
	if err == nil {
		f.status.Current = now
		if interrupted {
			f.options.Logger.Info("following the database again",
				slog.Duration("interrupted", now.Sub(f.status.Broken)))
		}
		f.broken, f.status.Broken, f.status.Failure = false, time.Time{}, ""
		return
	}
	f.broken, f.status.Failure = true, err.Error()
	if !interrupted {
		f.status.Broken = now
		f.options.Logger.Warn("cannot follow the database; answering from memory", slog.Any("error", err))
	}
}

// compareSmall reads the small tables, groups and registries.
func (f *Follower) compareSmall(ctx context.Context) error {
	small, err := f.source.SmallTables(ctx)
	if err != nil {
		return fmt.Errorf("read groups and registries: %w", err)
	}
	f.picture.SetGroups(small.Rules, small.Priorities)
	f.picture.SetRegistries(small.Registries)
	return nil
}

// errMoved says that another database server answers than before.
var errMoved = errors.New("another database server answers than before")
