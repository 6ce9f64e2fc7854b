package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/tars"
)

// contextNodeName is the key of the request's context by which Tars clients say
// who they are; where it is absent or empty the connection's address counts.
const contextNodeName = "node_name"

// textNoPicture refuses look-ups quickly: one that hangs delays the start of a
// Tars server by its whole timeout, and an empty list would be a lie.
const textNoPicture = "the registry has not loaded its picture yet; try another replica, or again"

// lookups is the servant QueryObj: it answers clients from the current picture.
// What they ask all the time is answered in line; generated code decodes the
// other functions and protocol versions, and says what is wrong with a request.
type lookups struct {
	table *routing.Table
	news  *news
	locks locks
}

// locks grants the lock of servers in master/standby mode (R34).
type locks interface {
	Lock(ctx context.Context, request store.LockRequest) (store.LockResult, error)
}

func newLookups(table *routing.Table, locks locks) *lookups {
	return &lookups{table: table, news: newNews(table), locks: locks}
}

// servant is QueryObj as it listens. It never asks for a token: clients cannot
// send one.
func (l *lookups) servant() rpc.Servant {
	return rpc.Servant{
		Name: queryServantName,
		Functions: []string{
			"findObjectById", "findObjectById4Any", "findObjectById4All",
			"findObjectByIdInSameGroup", "findObjectByIdInSameStation", "findObjectByIdInSameSet",
			"findObjectNodeName", "registerQuery", "registerChange", "getLocker",
		},
		Inline:    l.inline,
		Immediate: fromMemory,
		Dispatch:  rpc.Generated(new(tars.QueryF), l),
	}
}

// fromMemory says that a call needs no database, so that no look-up, in whatever
// version of the protocol, waits behind a registration.
func fromMemory(call *rpc.Call) bool { return string(call.Function) != "getLocker" }

// picture is the current one; without one nothing is answered.
func (l *lookups) picture() (*routing.Picture, error) {
	if p := l.table.Picture(); p != nil {
		return p, nil
	}
	return nil, rpc.Errorf(rpc.CodeFailed, "%s", textNoPicture)
}

// callerOfLookup is who asks, for the choice by IP group.
func callerOfLookup(ctx context.Context) routing.Caller {
	call, ok := rpc.CallFromContext(ctx)
	if !ok {
		return routing.Caller{}
	}
	return routing.Caller{Name: call.Context()[contextNodeName], Address: call.Peer().Addr()}
}

// answer gives an answer's lists to a generated dispatcher.
func answer(a routing.Answer, active, inactive *[]tars.EndpointF) (int32, error) {
	*active, *inactive = a.Active(), a.Inactive()
	return a.Code(), nil
}

// FindObjectById answers the active endpoints, without grouping.
func (l *lookups) FindObjectById(_ context.Context, id string) ([]tars.EndpointF, error) {
	p, err := l.picture()
	if err != nil {
		return nil, err
	}
	return p.ByID(id).Active(), nil
}

// FindObjectById4Any answers both lists, without grouping.
func (l *lookups) FindObjectById4Any(_ context.Context, id string, active, inactive *[]tars.EndpointF) (int32, error) {
	p, err := l.picture()
	if err != nil {
		return 0, err
	}
	return answer(p.Any(id), active, inactive)
}

// FindObjectById4All answers as FindObjectByIdInSameGroup does.
func (l *lookups) FindObjectById4All(ctx context.Context, id string, active, inactive *[]tars.EndpointF) (int32, error) {
	return l.FindObjectByIdInSameGroup(ctx, id, active, inactive)
}

// FindObjectByIdInSameGroup answers both lists, chosen by the caller's IP group.
func (l *lookups) FindObjectByIdInSameGroup(ctx context.Context, id string, active, inactive *[]tars.EndpointF) (int32, error) {
	p, err := l.picture()
	if err != nil {
		return 0, err
	}
	return answer(p.InSameGroup(id, callerOfLookup(ctx)), active, inactive)
}

// FindObjectByIdInSameStation answers both lists, of the groups of a station.
func (l *lookups) FindObjectByIdInSameStation(_ context.Context, id, station string, active, inactive *[]tars.EndpointF) (int32, error) {
	p, err := l.picture()
	if err != nil {
		return 0, err
	}
	return answer(p.InSameStation(id, station), active, inactive)
}

// FindObjectByIdInSameSet answers both lists, chosen by set.
func (l *lookups) FindObjectByIdInSameSet(ctx context.Context, id, setID string, active, inactive *[]tars.EndpointF) (int32, error) {
	p, err := l.picture()
	if err != nil {
		return 0, err
	}
	return answer(p.InSameSet(id, setID, callerOfLookup(ctx)), active, inactive)
}

// FindObjectNodeName answers the nodes an object is deployed on, in any state.
func (l *lookups) FindObjectNodeName(_ context.Context, id string, nodeName *[]string) (int32, error) {
	p, err := l.picture()
	if err != nil {
		return 0, err
	}
	*nodeName = p.NodeNames(id)
	return 0, nil
}

// RegisterQuery has the caller told when an object changes; 0 done, -1 refused. An
// object need not be there yet, but be one that could be.
func (l *lookups) RegisterQuery(ctx context.Context, id, _ string) (int32, error) {
	if id == anyObject {
		return -1, nil
	}
	return subscribed(ctx, func(c *rpc.Conn) bool { return l.news.subscribe(c, id) })
}

// RegisterChange has the caller told when anything changes; 0 done, -1 refused.
func (l *lookups) RegisterChange(ctx context.Context, _ map[string]string, _ string) (int32, error) {
	return subscribed(ctx, func(c *rpc.Conn) bool { return l.news.subscribe(c, anyObject) })
}

func subscribed(ctx context.Context, subscribe func(*rpc.Conn) bool) (int32, error) {
	call, ok := rpc.CallFromContext(ctx)
	if !ok || call.Conn() == nil || !subscribe(call.Conn()) {
		return -1, nil
	}
	return 0, nil
}

// newQueryServant is QueryObj.
func (r *Registry) newQueryServant() rpc.Servant {
	return newLookups(r.table, publishedLocks{r}).servant()
}

// publishedLocks puts what a lock changed (bak flags) into the picture.
type publishedLocks struct{ r *Registry }

// errNoInstance: a lock is a server's, and asked for by one of its instances.
var errNoInstance = errors.New("there is no such instance")

// Lock asks for a lock in the name of an instance that exists. Whoever reaches
// QueryObj could otherwise take locks of others and fill the table (R29).
func (p publishedLocks) Lock(ctx context.Context, request store.LockRequest) (store.LockResult, error) {
	key := naming.Key{Application: request.Application, Server: request.Server, Node: request.Node}
	if err := p.known(ctx, key); err != nil {
		return store.LockResult{}, err
	}
	result, err := p.r.store.Lock(ctx, request)
	if err == nil && result.Commit != nil {
		p.r.publish(result.Commit)
	}
	if err != nil {
		p.r.logger.Debug("getLocker failed", slog.String("server", request.Application+"."+request.Server),
			slog.Any("error", err))
	}
	return result, err
}

// known asks the database about who has registered at another replica just now.
func (p publishedLocks) known(ctx context.Context, key naming.Key) error {
	if known := p.r.roster.Get(key); known != nil && known.Server != nil {
		return nil
	}
	read, err := p.r.store.LoadInstances(ctx, []naming.Key{key})
	if err != nil {
		return fmt.Errorf("look for %s: %w", key, err)
	}
	if !slices.ContainsFunc(read.Instances, func(i *naming.Instance) bool { return i.Server != nil }) {
		return fmt.Errorf("%s: %w", key, errNoInstance)
	}
	return nil
}

// Return values of getLocker.
const (
	lockGranted int32 = 0
	lockHeld    int32 = 1
	lockBadData int32 = 2
	lockFailed  int32 = -1
)

// Bounds of a lock's timeout (R34), and the time within which a call that needs
// the database is answered (R27).
const (
	minLockTimeout = time.Second
	maxLockTimeout = 10 * time.Minute
	lockPatience   = 800 * time.Millisecond
)

// bakTypeSwitch is the bakType with which a new master's routes are switched as
// well: it gets bak_flag 0, the others 1.
const (
	bakTypeSwitch = 1
	maxBakType    = 2
)

// GetLocker elects the master of servers in master/standby mode (R34).
func (l *lookups) GetLocker(ctx context.Context, req *tars.GetMasterSlaveLock) (int32, error) {
	key := naming.Key{Application: req.Application, Server: req.Server_name, Node: req.Node_name}
	if naming.NormalizeKey(&key) != nil || req.BakType < 0 || req.BakType > maxBakType {
		return lockBadData, nil
	}
	timeout := time.Duration(req.Timeout) * time.Millisecond
	if timeout < minLockTimeout || timeout > maxLockTimeout {
		return lockBadData, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	result, err := l.locks.Lock(ctx, store.LockRequest{
		Application: key.Application, Server: key.Server, Node: key.Node,
		Master: req.IsMaster, LastError: req.LastErr, Timeout: timeout,
		SwitchRoutes: req.BakType == bakTypeSwitch,
	})
	switch {
	case errors.Is(err, errNoInstance):
		return lockBadData, nil
	case err != nil:
		return lockFailed, nil
	case result.Granted:
		return lockGranted, nil
	}
	return lockHeld, nil
}

var _ tars.QueryFServantWithContext = (*lookups)(nil)
