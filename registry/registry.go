package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/clean"
	"github.com/tarsregistry/tarsregistry/registry/commit"
	"github.com/tarsregistry/tarsregistry/registry/follow"
	"github.com/tarsregistry/tarsregistry/registry/heartbeat"
	"github.com/tarsregistry/tarsregistry/registry/metrics"
	"github.com/tarsregistry/tarsregistry/registry/replicas"
	"github.com/tarsregistry/tarsregistry/registry/roster"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/sweep"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// Registry is one replica of the naming service. New makes it, Start brings it
// up, Stop ends it; each is called once.
type Registry struct {
	options Options
	logger  *slog.Logger
	replica string

	metrics   *metrics.Metrics
	store     *store.Store
	roster    *roster.Roster
	table     *routing.Table
	book      *heartbeat.Book
	rules     transition.Rules
	committer *commit.Committer
	follower  *follow.Follower
	targets   *targets
	sweeper   *sweep.Sweeper
	cleaner   *clean.Cleaner

	// announcing ends first when the registry stops, working goes on as long as
	// servants answer.
	announcing *jobs
	working    *jobs
	ready      chan struct{} // closed once the servants answer
	fatal      chan error    // what ended the registry by itself

	mu        sync.Mutex
	phase     phase
	addresses Addresses
	server    *rpc.Server
	flusher   *heartbeat.Flusher
	keeper    *replicas.Keeper

	pictureTaken time.Time // when the picture that came from disk was current
	pictureSaved uint64    // version of the one that was written last
}

// phase is how far a registry is in its life.
type phase int

const (
	starting phase = iota
	fromDisk       // serving the picture on disk; the database was not reached yet
	serving
	stopping
)

// New makes a registry and opens its database, which need not be reachable; an
// embedded one that another process has open is an error.
func New(options Options) (*Registry, error) {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Registry{
		options: options, logger: options.Logger, replica: replicaName(options),
		announcing: newJobs(), working: newJobs(),
		ready: make(chan struct{}), fatal: make(chan error, 4),
		rules:   transition.Rules{LeaseTTL: options.LeaseTTL},
		metrics: metrics.New(options.Version),
	}
	config := store.Config{
		DSN: options.DSN, Replica: r.replica, Tombstone: options.Tombstone, Logger: options.Logger,
		Observe: r.metrics.Statement,
	}
	if options.DSN == "" {
		config.Path = filepath.Join(options.DataDir, DatabaseFile)
	}
	var err error
	if r.store, err = store.Open(config); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	r.table = routing.NewTable(routing.Options{Tombstone: options.Tombstone, Logger: options.Logger})
	r.book = heartbeat.NewBook(options.LeaseTTL)
	r.targets = newTargets()
	r.roster = roster.New(tableFollower{r.table}, bookFollower{r.book}, r.targets)
	r.follower = follow.New(r.store, r.roster, r.table, follow.Options{Replica: r.replica, Logger: options.Logger})
	r.committer = commit.New(r.store, commit.Options{Publish: r.publish})
	r.sweeper = r.newSweeper()
	r.cleaner = r.newCleaner()
	r.metrics.Collect(metrics.State(r.samples))
	return r, nil
}

func (r *Registry) edge() edge { return edge{logger: r.logger, metrics: r.metrics} }

// replicaName tells the replicas on one database apart, in events and marks: by
// where they are, and for those on one machine by their start.
func replicaName(options Options) string {
	host := options.AdvertiseHost
	if host == "" {
		host = options.Host
	}
	return net.JoinHostPort(host, strconv.Itoa(max(0, int(options.Pod.Port)))) +
		"/" + strconv.FormatUint(uint64(rand.Uint32()), 36)
}

// publish puts what was committed into everything that answers from memory,
// before the commit is acknowledged (R24).
func (r *Registry) publish(done *store.Commit) {
	for _, event := range done.Events {
		r.metrics.Event(string(event.Kind))
		if event.Kind == naming.EventRestored { // R13: the operator who deleted them will wonder
			r.logger.Warn("rows of an instance came back with its heartbeat",
				slog.String("instance", event.Key.String()), slog.String("reason", event.Reason))
		}
	}
	r.roster.Committed(done.Instances, done.Tombstones)
}

// tableFollower and bookFollower pass the roster's changes on.
type (
	tableFollower struct{ table *routing.Table }
	bookFollower  struct{ book *heartbeat.Book }
)

func (f tableFollower) Follow(changed []*naming.Instance, tombstones []naming.Tombstone) {
	f.table.Apply(changed, tombstones)
}

func (f bookFollower) Follow(changed []*naming.Instance, _ []naming.Tombstone) {
	f.book.LearnAll(changed)
}

// Ready is closed once the servants answer.
func (r *Registry) Ready() <-chan struct{} { return r.ready }

// Err gives the error that ended the registry by itself, if one does; Stop must
// still be called.
func (r *Registry) Err() <-chan error { return r.fatal }

// Addresses are where the servants are, once Ready.
func (r *Registry) Addresses() Addresses {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addresses
}

// fail ends the registry: whoever watches Err stops it.
func (r *Registry) fail(err error) {
	select {
	case r.fatal <- err:
	default: // it is ending already
	}
}

func (r *Registry) enter(p phase) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase != stopping {
		r.phase = p
	}
}

func (r *Registry) current() phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.phase
}

// writable refuses what has to be committed while there is only the picture on
// disk (R26).
func (r *Registry) writable() error {
	if r.current() == fromDisk {
		return errStarting
	}
	return nil
}

// Stop ends the registry within ctx: its rows in t_registry_info become inactive
// first, it serves a moment longer (R28), finishes requests, flushes heartbeats,
// and closes the database. That the database is away is no failure of stopping: a
// warning says what could not be written. Stop may be called once, at any time
// after New.
func (r *Registry) Stop(ctx context.Context) error {
	r.mu.Lock()
	r.phase = stopping
	server, flusher, keeper := r.server, r.flusher, r.keeper
	r.mu.Unlock()
	r.announcing.end()
	var failures []error
	note := func(doing string, err error) {
		switch {
		case errors.Is(err, store.ErrUnavailable):
			r.logger.Warn("stopping without the database", slog.String("while", doing), slog.Any("error", err))
		case err != nil:
			failures = append(failures, fmt.Errorf("%s: %w", doing, err))
		}
	}
	if keeper != nil {
		note("leave t_registry_info", r.leave(ctx, keeper))
		note("stop cleaning", r.cleaner.Close(ctx))
		note("stop sweeping", r.sweeper.Close(ctx))
	}
	if server != nil {
		note("finish requests", server.Shutdown(ctx))
	}
	if flusher != nil {
		note("flush heartbeats", flusher.Close(ctx)) // some of them by the committer (R19)
	}
	r.committer.Close()
	r.working.end()
	r.savePicture()
	note("close the database", r.store.Close())
	return errors.Join(failures...)
}

// leaveTime is how long a replica that has left t_registry_info goes on serving,
// so that the others have noticed (R28).
const leaveTime = 2 * time.Second

func (r *Registry) leave(ctx context.Context, keeper *replicas.Keeper) error {
	if err := keeper.Leave(ctx); err != nil {
		return err
	}
	if r.options.DSN == "" {
		return nil // nobody else shares an embedded database
	}
	select {
	case <-time.After(leaveTime):
	case <-ctx.Done():
	}
	return nil
}
