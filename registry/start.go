package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/heartbeat"
	"github.com/tarsregistry/tarsregistry/registry/replicas"
	"github.com/tarsregistry/tarsregistry/store"
)

// Names of the servants.
const (
	queryServantName = "tars.tarsregistry.QueryObj"
	nodeServantName  = "tars.tarsregistry.RegistryObj"
	podServantName   = "tars.tarsregistry.Registry"
	adminServantName = "AdminObj"
)

// patience is how long the first load may fail before the picture on disk is
// served instead (R26); retry is how often the database is tried.
const (
	patience = 3 * time.Second
	retry    = 500 * time.Millisecond
)

// Start brings the registry up: it returns at once, Ready tells when it serves,
// Err when it cannot. A database that is away is waited for; with a picture on
// disk that one is served meanwhile.
func (r *Registry) Start(ctx context.Context) error {
	if err := r.startHTTP(ctx); err != nil {
		return err
	}
	r.announcing.start(func(ctx context.Context) {
		if err := r.bringUp(ctx); err != nil && ctx.Err() == nil {
			r.fail(err)
		}
	})
	return nil
}

func (r *Registry) bringUp(ctx context.Context) error {
	err := r.firstLoad(ctx, patience)
	if errors.Is(err, store.ErrUnavailable) && r.loadPicture() {
		r.enter(fromDisk)
		if err := r.serve(ctx); err != nil {
			return err
		}
		close(r.ready)
	}
	for errors.Is(err, store.ErrUnavailable) {
		err = r.firstLoad(ctx, time.Hour)
	}
	if err != nil {
		return err
	}
	fresh := r.current() == starting
	if fresh {
		if err := r.serve(ctx); err != nil {
			return err
		}
	}
	r.enter(serving)
	r.startJobs(ctx)
	if fresh {
		close(r.ready)
	}
	return nil
}

// firstLoad prepares the tables and reads everything, trying for some time while
// the database is not available.
func (r *Registry) firstLoad(ctx context.Context, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	logged := false
	for {
		err := r.load(ctx)
		if !errors.Is(err, store.ErrUnavailable) || time.Now().After(deadline) {
			return err
		}
		if !logged {
			r.logger.Warn("the database is not available; waiting for it",
				slog.String("database", r.store.Target()), slog.Any("error", err))
			logged = true
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *Registry) load(ctx context.Context) error {
	if !r.options.NoMigrate {
		if err := r.store.Migrate(ctx); err != nil {
			return fmt.Errorf("prepare the tables: %w", err)
		}
	}
	before := r.roster.All() // of the picture on disk
	contents, err := r.follower.Load(ctx)
	if err != nil {
		return err
	}
	r.relearn(before)
	r.table.Replace(contents)
	return nil
}

// relearn makes the book forget what it has from the picture on disk where the
// tables are older: somebody has restored the database. A book goes forward only.
func (r *Registry) relearn(before []*naming.Instance) {
	for _, old := range before {
		if now := r.roster.Get(old.Key); now != nil && now.Revision() < old.Revision() {
			r.book.Forget(old.Key)
			r.book.Learn(now)
		}
	}
}

// serve opens the ports of the servants that are wanted.
func (r *Registry) serve(ctx context.Context) error {
	server := rpc.NewServer(rpc.Options{
		Logger: r.logger, Observer: r.metrics.Calls(),
		MaxConnections:           r.options.MaxConnections,
		MaxConnectionsPerAddress: r.options.MaxConnectionsPerAddress,
	})
	r.mu.Lock()
	r.server = server
	r.mu.Unlock()
	var addresses Addresses
	for _, servant := range r.servants() {
		if servant.listener.Port == PortOff {
			continue
		}
		address, err := r.listen(ctx, server, servant)
		if err != nil {
			return err
		}
		*servant.address(&addresses) = address
	}
	r.mu.Lock()
	addresses.HTTP = r.addresses.HTTP
	r.addresses = addresses
	r.mu.Unlock()
	return nil
}

// listened is a servant with where it listens.
type listened struct {
	listener Listener
	servant  rpc.Servant
	address  func(*Addresses) *string
}

func (r *Registry) servants() []listened {
	return []listened{
		{r.options.Query, r.newQueryServant(), func(a *Addresses) *string { return &a.Query }},
		{r.options.Node, r.newNodeServant(), func(a *Addresses) *string { return &a.Node }},
		{r.options.Pod, r.newPodServant(), func(a *Addresses) *string { return &a.Pod }},
		{r.options.Admin, r.newAdminServant(), func(a *Addresses) *string { return &a.Admin }},
	}
}

// listen opens one port and tells how others reach it.
func (r *Registry) listen(ctx context.Context, server *rpc.Server, servant listened) (string, error) {
	host := servant.listener.Host
	if host == "" {
		host = r.options.Host
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(servant.listener.Port)))
	bound, err := server.Listen(ctx, "tcp", address, rpc.ListenOptions{TLS: servant.listener.TLS}, servant.servant)
	if err != nil {
		return "", fmt.Errorf("listen for %s: %w", servant.servant.Name, err)
	}
	_, port, err := net.SplitHostPort(bound.String())
	if err != nil {
		return "", fmt.Errorf("read the address of %s: %w", servant.servant.Name, err)
	}
	if advertised := r.options.AdvertiseHost; advertised != "" && servant.servant.Name != adminServantName {
		host = advertised
	}
	return net.JoinHostPort(host, port), nil
}

// startJobs begins what needs the database: following it, flushing, sweeping.
func (r *Registry) startJobs(ctx context.Context) {
	flusher := heartbeat.NewFlusher(heartbeat.Options{ //nolint:contextcheck // it flushes until Close, whatever becomes of ctx
		Book: r.book, Store: r.store, WriteThrough: r.writeThrough,
		Replica: r.replica, Logger: r.logger, Chunk: r.flushChunk(),
	})
	keeper := replicas.NewKeeper(r.store, r.registryEntries(), r.logger)
	r.mu.Lock()
	r.flusher, r.keeper = flusher, keeper
	r.mu.Unlock()
	if err := keeper.Beat(ctx); err != nil && ctx.Err() == nil {
		r.logger.Warn("cannot enter t_registry_info yet", slog.Any("error", err))
	}
	if err := r.follower.Refresh(ctx); err != nil && ctx.Err() == nil {
		r.logger.Warn("cannot read t_registry_info yet", slog.Any("error", err))
	}
	r.sweeper.Start() //nolint:contextcheck // until Close
	r.cleaner.Start() //nolint:contextcheck // until Close
	r.announcing.start(keeper.Run)
	r.working.start(r.follower.Run)
	r.working.start(r.table.Run)
	r.working.start(r.keepPicture)
	r.working.start(r.findTorn)
}

// flushChunk is how many heartbeats are written at once, 0 for the flusher's own
// idea: on the embedded database it is a tenth of a second's work.
func (r *Registry) flushChunk() int {
	if r.store.Embedded() {
		return 2500
	}
	return 0
}

// registryEntries are this replica's rows of t_registry_info (R28).
func (r *Registry) registryEntries() []naming.RegistryEntry {
	addresses := r.Addresses()
	var entries []naming.RegistryEntry
	for _, servant := range []struct {
		name, address string
		listener      Listener
	}{
		{queryServantName, addresses.Query, r.options.Query},
		{nodeServantName, addresses.Node, r.options.Node},
		{podServantName, addresses.Pod, r.options.Pod},
	} {
		if servant.address == "" {
			continue
		}
		host, port, err := net.SplitHostPort(servant.address)
		if err != nil {
			continue // an address of our own making
		}
		transport := naming.TCP
		if servant.listener.TLS != nil {
			transport = naming.SSL
		}
		entries = append(entries, naming.RegistryEntry{
			Servant:  servant.name,
			Endpoint: fmt.Sprintf("%s -h %s -p %s -t 60000", transport, host, port),
			Version:  replicas.VersionPrefix + r.options.Version,
		})
	}
	locator := addresses.Query
	if locator == "" {
		locator = addresses.Pod
	}
	for i := range entries {
		entries[i].Locator = locator
	}
	return entries
}
