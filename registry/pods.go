package registry

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/commit"
	"github.com/tarsregistry/tarsregistry/registry/heartbeat"
	"github.com/tarsregistry/tarsregistry/registry/roster"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/tars"
)

// writeDeadline is how long a pod waits for a commit: today's tarscli gives up
// after 1,000 ms and then stands still for 100 s, so an error comes earlier (R27).
const writeDeadline = 800 * time.Millisecond

// podServant is tars.tarsregistry.Registry: what pods say. Each method is one
// transition in a group commit; heartbeats that change nothing never get here.
type podServant struct {
	rules     transition.Rules
	committer *commit.Committer
	roster    *roster.Roster
	book      *heartbeat.Book
	targets   *targets
	// writable fails while only the picture on disk is there (R26).
	writable      func() error
	ownAddress    bool // pods may only speak for the address they call from
	registerAgain *rate.Limiter
	refused       refusals
	edge          edge
}

// OnStartup registers an instance with its adapters (R9, R11).
func (p *podServant) OnStartup(ctx context.Context, req *tars.OnStartupReq) error {
	return p.edge.answer("onStartup", p.onStartup(ctx, req))
}

func (p *podServant) onStartup(ctx context.Context, req *tars.OnStartupReq) error {
	call, caller, err := p.caller(ctx)
	if err != nil {
		return err
	}
	registration := registrationOf(req)
	if err := registration.Normalize(); err != nil {
		return err
	}
	if p.ownAddress {
		if err := p.addressCheck(call, registration.Key.Node, registration.Adapters); err != nil {
			return err
		}
	}
	neighbours := p.roster.Holding(registration.Adapters, registration.Key)
	worker, err := workerWish(call)
	if err != nil {
		return err
	}
	err = p.transact(ctx, call, p.scopeOf(registration.Key, neighbours), func(tx *store.Tx) (transition.Outcome, error) {
		kept := *registration // a transaction may run again
		outcome, err := p.rules.Register(tx, &kept, caller, neighbours)
		if err != nil {
			return outcome, err
		}
		return outcome, worker.lease(tx, registration.Key)
	})
	if err != nil {
		return err
	}
	worker.answer(call)
	return nil
}

// scopeOf is what a registration needs of the tables. Who comes to a node that
// nobody is known on is new, as a rule.
func (p *podServant) scopeOf(key naming.Key, neighbours []naming.Key) store.Scope {
	if len(p.roster.OnNode(key.Node)) == 0 {
		return store.Scope{Keys: neighbours, New: []naming.Key{key}}
	}
	return store.Scope{Keys: append([]naming.Key{key}, neighbours...)}
}

func registrationOf(req *tars.OnStartupReq) *naming.Registration {
	registration := &naming.Registration{
		Key:         naming.Key{Application: req.Application, Server: req.Server, Node: req.NodeName},
		SetID:       req.SetID,
		DisableFlow: req.DisableFlow,
		State:       naming.State(req.State),
		Version:     req.Version, TemplateName: req.TemplateName, ServerType: req.ServerType,
		Adapters: make([]naming.Adapter, len(req.Adapters)),
	}
	for i, adapter := range req.Adapters {
		registration.Adapters[i] = naming.Adapter{
			Servant: adapter.Servant, Endpoint: adapter.Endpoint, Protocol: adapter.Protocol,
			MaxConnections: adapter.MaxConns, ThreadNum: adapter.ThreadNum,
			QueueCap: adapter.QueueCap, QueueTimeout: adapter.QueueTimeout,
		}
	}
	return registration
}

// OnPrestop ends an instance, or all of a node where no server is named (R7, R10).
func (p *podServant) OnPrestop(ctx context.Context, req *tars.OnPrestopReq) error {
	return p.edge.answer("onPrestop", p.onPrestop(ctx, req))
}

func (p *podServant) onPrestop(ctx context.Context, req *tars.OnPrestopReq) error {
	call, caller, err := p.caller(ctx)
	if err != nil {
		return err
	}
	key, whole, err := p.named(call, req.NodeName, req.Application, req.Server)
	if err != nil {
		return err
	}
	scope := p.scope(key, whole)
	return p.transact(ctx, call, scope, func(tx *store.Tx) (transition.Outcome, error) {
		if whole {
			return p.rules.LeaveNode(tx, key.Node, scope.Keys, caller), nil
		}
		return p.rules.Leave(tx, key, caller), nil
	})
}

// KeepAlive takes a heartbeat that memory could not answer: a change of state, a
// return, an instance that this replica does not know (R5-R8).
func (p *podServant) KeepAlive(ctx context.Context, req *tars.KeepAliveReq) error {
	return p.edge.answer("keepAlive", p.keepAlive(ctx, req))
}

func (p *podServant) keepAlive(ctx context.Context, req *tars.KeepAliveReq) error {
	call, caller, err := p.caller(ctx)
	if err != nil {
		return err
	}
	state, err := naming.ParseReported("state", req.State)
	if err != nil {
		return err
	}
	key, whole, err := p.named(call, req.NodeName, req.Application, req.Server)
	if err != nil {
		return err
	}
	beat := beatOf(key, whole, state, caller)
	known := p.roster.Get(key)
	verdict := p.note(beat)
	if verdict == heartbeat.Unchanged {
		return nil
	}
	err = p.transact(ctx, call, p.scope(key, whole), func(tx *store.Tx) (transition.Outcome, error) {
		switch {
		case whole:
			return p.rules.ReportNode(tx, key.Node, state, caller), nil
		case verdict == heartbeat.Stale && sameLease(known, tx.Instance(key)):
			return transition.Outcome{}, nil
		}
		return p.rules.Report(tx, key, state, caller), nil
	})
	if err != nil {
		// Memory may say superseded or left, and be behind: a replica that cannot
		// reach the database does not know who registered meanwhile. Both words
		// are the end of a pod, so only the database says them (R27).
		return err
	}
	if whole {
		p.book.PassOver(key.Node)
	}
	p.note(beat) // a transition that changed nothing was still a heartbeat
	return nil
}

// sameLease says that nothing has happened to a lease since it was known so. Then
// memory is right about the number of the last report: a heartbeat that changed
// nothing is numbered too, and only memory has seen it (R8).
func sameLease(known, now *naming.Instance) bool {
	return known != nil && known.Lease != nil && now.Lease != nil &&
		known.Lease.ID == now.Lease.ID && known.Lease.Revision == now.Lease.Revision
}

// RegisterMetrics notes where an instance serves its metrics (R14).
func (p *podServant) RegisterMetrics(ctx context.Context, req *tars.RegisterMetricsReq) error {
	return p.edge.answer("registerMetrics", p.registerMetrics(ctx, req))
}

func (p *podServant) registerMetrics(ctx context.Context, req *tars.RegisterMetricsReq) error {
	call, caller, err := p.caller(ctx)
	if err != nil {
		return err
	}
	key := naming.Key{Application: req.Application, Server: req.Server, Node: req.NodeName}
	if err := naming.NormalizeKey(&key); err != nil {
		return err
	}
	if err := naming.CheckPort("metricsPort", req.MetricsPort); err != nil {
		return err
	}
	if p.ownAddress {
		if err := p.addressCheck(call, key.Node, nil); err != nil {
			return err
		}
	}
	return p.transact(ctx, call, store.Scope{Keys: []naming.Key{key}}, func(tx *store.Tx) (transition.Outcome, error) {
		return transition.Metrics(tx, key, req.MetricsPort, caller), nil
	})
}

// GetMetricsAdapters answers where the metrics of live, active instances are
// (R14).
func (p *podServant) GetMetricsAdapters(_ context.Context, req *tars.GetMetricsAdaptersReq, rsp *[]tars.MetricsAdapterInfo) error {
	for _, group := range p.targets.find(req.Filter) {
		*rsp = append(*rsp, tars.MetricsAdapterInfo{Targets: group.Targets, Labels: group.Labels})
	}
	return nil
}

func (p *podServant) caller(ctx context.Context) (*rpc.PooledCall, transition.Caller, error) {
	call, ok := rpc.CallFromContext(ctx)
	if !ok {
		return nil, transition.Caller{}, rpc.Errorf(rpc.CodeInternal, "a call without a connection")
	}
	caller, err := callerOf(call, call.Peer())
	return call, caller, err
}

// named reads which instance a call is about, or that it is about all of a
// node: both names empty (R7).
func (p *podServant) named(call *rpc.PooledCall, node, application, server string) (key naming.Key, whole bool, err error) {
	key = naming.Key{Application: application, Server: server, Node: node}
	if application == "" && server == "" {
		whole, err = true, naming.NormalizeNode(&key.Node)
	} else {
		err = naming.NormalizeKey(&key)
	}
	if err == nil && p.ownAddress {
		err = p.addressCheck(call, key.Node, nil)
	}
	return key, whole, err
}

func (p *podServant) scope(key naming.Key, whole bool) store.Scope {
	if whole {
		return store.Scope{Nodes: []string{key.Node}, Keys: p.roster.OnNode(key.Node)}
	}
	return store.Scope{Keys: []naming.Key{key}}
}

// transact commits a transition and puts into the answer what it asks of the
// pod.
func (p *podServant) transact(ctx context.Context, call *rpc.PooledCall, scope store.Scope, run func(*store.Tx) (transition.Outcome, error)) error {
	if err := p.writable(); err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, call.Received.Add(writeDeadline))
	defer cancel()
	var outcome transition.Outcome
	var seen []*naming.Instance
	err := p.committer.Do(ctx, commit.Op{Scope: scope, Run: func(tx *store.Tx) (err error) {
		if outcome, err = run(tx); err != nil {
			return err
		}
		seen = seen[:0]
		for _, key := range scope.Keys {
			seen = append(seen, tx.Instance(key))
		}
		return nil
	}})
	if err != nil {
		return err
	}
	if !outcome.Changed {
		p.roster.Committed(seen, nil) // what another replica wrote and this one did not know yet
	}
	p.answer(call, outcome.Action)
	return nil
}

func (p *podServant) answer(call *rpc.PooledCall, action transition.Action) {
	if action == transition.None {
		return
	}
	call.SetStatus(statusAction, string(action))
	if action == transition.Register {
		p.edge.metrics.RegisterAgain()
	}
	if action == transition.Register && !p.registerAgain.Allow() {
		call.SetStatus(statusRetryAfter, retryAfter())
	}
}
