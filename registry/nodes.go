package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/tars"
)

// Return values of RegistryObj besides 0 (tarsnode.md).
const (
	nodeTaken    = 1  // registerNode: another live node has that name; keepAlive: register again
	nodeDatabase = 2  // registerNode: the database
	nodeOther    = 3  // registerNode: anything else
	nodeFailed   = -1 // the other methods
)

// Times within which tarsnode is answered whatever the database does: it waits a
// second for most of what it writes (R27), and three for what takes longer.
const (
	machineDeadline = writeDeadline
	machinePatience = 2500 * time.Millisecond
)

// defaultNodeTemplate is what tarsnode runs with where its row names none.
const defaultNodeTemplate = "tars.tarsnode"

// nodeServant is tars.tarsregistry.RegistryObj: what tarsnode on machines says
// and asks (tarsnode.md). Pods have no tarsnode; what they hold by a lease is
// not touched from here.
type nodeServant struct {
	store   *store.Store
	publish func(*store.Commit)
	edge    edge
	logger  *slog.Logger
}

func (r *Registry) newNodeServant() rpc.Servant {
	nodes := &nodeServant{store: r.store, publish: r.publish, edge: r.edge(), logger: r.logger}
	servant := rpc.Servant{
		Name: nodeServantName,
		Functions: []string{
			"reportNode", "registerNode", "keepAlive", "getServers", "updateServer", "updateServerBatch",
			"destroyNode", "reportVersion", "getNodeTemplate", "getClientIp", "updatePatchResult",
			"getDockerRegistry", "dockerPull", "getFrameworkKey",
		},
		Dispatch: rpc.Generated(new(tars.Registry), nodes),
	}
	if len(r.options.NodeAllow) > 0 {
		servant.Authorize = networkCheck(r.options.NodeAllow)
	}
	return servant
}

func networkCheck(allowed []netip.Prefix) func(*rpc.Call) error {
	return func(call *rpc.Call) error {
		peer := call.Peer().Addr().Unmap()
		for _, network := range allowed {
			if network.Contains(peer) {
				return nil
			}
		}
		return rpc.Errorf(rpc.CodeFailed, "%s is not in a network that may call this servant (--node-allow)", peer)
	}
}

// ReportNode announces a connection; the registry sends tarsnode nothing on it.
func (n *nodeServant) ReportNode(context.Context, *tars.ReportNode) (int32, error) { return 0, nil }

// RegisterNode enters a machine.
func (n *nodeServant) RegisterNode(ctx context.Context, name string, info *tars.NodeInfo, load *tars.LoadInfo) (int32, error) {
	err := naming.NormalizeNode(&name)
	if err == nil {
		err = checkMachine(info, load)
	}
	if err != nil {
		return nodeOther, n.edge.answer("registerNode", err)
	}
	ctx, cancel := answeredWithin(ctx, machineDeadline)
	defer cancel()
	outcome, err := n.store.RegisterNode(ctx, naming.Node{
		Name: name, Object: info.NodeObj, EndpointIP: info.EndpointIp,
		EndpointPort: info.EndpointPort, Version: info.Version,
	}, info.DataDir, loadOf(load))
	if err != nil {
		n.failed("registerNode", err)
		return nodeDatabase, nil
	}
	if outcome == store.NodeTaken {
		return nodeTaken, nil
	}
	return 0, nil
}

// KeepAlive takes a machine's heartbeat; not 0 makes tarsnode register again.
func (n *nodeServant) KeepAlive(ctx context.Context, name string, load *tars.LoadInfo) (int32, error) {
	err := naming.NormalizeNode(&name)
	if err == nil {
		err = checkLoad(load)
	}
	if err != nil {
		return nodeFailed, n.edge.answer("keepAlive", err)
	}
	ctx, cancel := answeredWithin(ctx, machineDeadline)
	defer cancel()
	known, err := n.store.BeatNode(ctx, name, loadOf(load))
	if err != nil {
		n.failed("keepAlive of "+name, err)
		return 0, nil // registering again would fail as well
	}
	if !known {
		return nodeTaken, nil
	}
	return 0, nil
}

func loadOf(load *tars.LoadInfo) store.LoadAverage {
	return store.LoadAverage{One: load.Avg1, Five: load.Avg5, Fifteen: load.Avg15}
}

// GetServers gives what a machine is to run. With the database away it fails:
// an empty success would have tarsnode stop everything.
func (n *nodeServant) GetServers(ctx context.Context, app, server, node string) ([]tars.ServerDescriptor, error) {
	if err := checkWanted(app, server, node); err != nil {
		return nil, n.edge.answer("getServers", err)
	}
	ctx, cancel := answeredWithin(ctx, machinePatience)
	defer cancel()
	rows, err := n.store.NodeServers(ctx, app, server, node)
	if err != nil {
		return nil, n.edge.answer("getServers of "+node, err)
	}
	profiles := profiles{store: n.store, logger: n.logger, known: map[string]string{}}
	descriptors := make([]tars.ServerDescriptor, 0, len(rows))
	for i := range rows {
		descriptor, err := profiles.describe(ctx, &rows[i])
		if err != nil {
			return nil, n.edge.answer("getServers of "+node, err)
		}
		descriptors = append(descriptors, descriptor)
	}
	return descriptors, nil
}

// UpdateServer takes the state of one server.
func (n *nodeServant) UpdateServer(ctx context.Context, node, app, server string, info *tars.ServerStateInfo) (int32, error) {
	one := *info
	one.NodeName, one.Application, one.ServerName = node, app, server
	return n.report(ctx, "updateServer", machineDeadline, []tars.ServerStateInfo{one})
}

// UpdateServerBatch takes the states of many servers. One that cannot be right
// spoils all.
func (n *nodeServant) UpdateServerBatch(ctx context.Context, infos []tars.ServerStateInfo) (int32, error) {
	if len(infos) > maxServerStates {
		return nodeFailed, n.edge.answer("updateServerBatch", &naming.InvalidError{
			Field: "serverStateInfos", Rule: fmt.Sprintf("are %d; a call takes %d at most", len(infos), maxServerStates),
		})
	}
	return n.report(ctx, "updateServerBatch", machinePatience, infos)
}

func (n *nodeServant) report(ctx context.Context, call string, patience time.Duration, infos []tars.ServerStateInfo) (int32, error) {
	states := make([]store.ServerState, len(infos))
	for i, info := range infos {
		key := naming.Key{Application: info.Application, Server: info.ServerName, Node: info.NodeName}
		present, err := presentState(info.ServerState)
		if err == nil {
			err = checkMachinesServer(key)
		}
		if err != nil {
			return nodeFailed, n.edge.answer(call, err)
		}
		states[i] = store.ServerState{Key: key, Present: present, ProcessID: info.ProcessId}
	}
	ctx, cancel := answeredWithin(ctx, patience)
	defer cancel()
	done, err := n.store.ReportServers(ctx, states, actorOf(ctx))
	return n.committed(call, done, err)
}

// DestroyNode makes a machine and its servers inactive.
func (n *nodeServant) DestroyNode(ctx context.Context, name string) (int32, error) {
	if err := naming.NormalizeNode(&name); err != nil {
		return nodeFailed, n.edge.answer("destroyNode", err)
	}
	ctx, cancel := answeredWithin(ctx, machinePatience)
	defer cancel()
	done, err := n.store.DestroyNode(ctx, name)
	return n.committed("destroyNode of "+name, done, err)
}

// ReportVersion notes the Tars version a server was built with.
func (n *nodeServant) ReportVersion(ctx context.Context, app, server, node, version string) (int32, error) {
	key := naming.Key{Application: app, Server: server, Node: node}
	err := checkMachinesServer(key)
	if err == nil {
		err = naming.CheckPrintable("version", version, maxNodeText)
	}
	if err != nil {
		return nodeFailed, n.edge.answer("reportVersion", err)
	}
	ctx, cancel := answeredWithin(ctx, machineDeadline)
	defer cancel()
	return n.committed("reportVersion", nil, n.store.ReportVersion(ctx, key, version))
}

// GetNodeTemplate gives a machine the configuration of its tarsnode.
func (n *nodeServant) GetNodeTemplate(ctx context.Context, name string, profile *string) (int32, error) {
	if err := naming.NormalizeNode(&name); err != nil {
		return nodeFailed, n.edge.answer("getNodeTemplate", err)
	}
	ctx, cancel := answeredWithin(ctx, machinePatience)
	defer cancel()
	template, err := n.store.NodeTemplate(ctx, name)
	if err != nil {
		return nodeFailed, n.edge.answer("getNodeTemplate of "+name, err)
	}
	if template == "" {
		template = defaultNodeTemplate
	}
	profiles := profiles{store: n.store, logger: n.logger, known: map[string]string{}}
	*profile, err = profiles.template(ctx, template)
	return 0, n.edge.answer("getNodeTemplate of "+name, err)
}

// GetClientIp gives the address the call comes from.
func (n *nodeServant) GetClientIp(ctx context.Context, address *string) (int32, error) {
	*address = actorOf(ctx)
	return 0, nil
}

// UpdatePatchResult notes that a server was patched.
func (n *nodeServant) UpdatePatchResult(ctx context.Context, result *tars.PatchResult) (int32, error) {
	key := naming.Key{Application: result.SApplication, Server: result.SServerName, Node: result.SNodeName}
	err := checkMachinesServer(key)
	if err == nil {
		err = naming.CheckPrintable("sVersion", result.SVersion, maxNodeText)
	}
	if err == nil {
		err = naming.CheckPrintable("sUserName", result.SUserName, maxNodeText)
	}
	if err != nil {
		return nodeFailed, n.edge.answer("updatePatchResult", err)
	}
	ctx, cancel := answeredWithin(ctx, machineDeadline)
	defer cancel()
	return n.committed("updatePatchResult", nil, n.store.ReportPatch(ctx, key, result.SVersion, result.SUserName))
}

// GetDockerRegistry answers that there are no image registries: pods get their
// images from Kubernetes. tarsnode asks every 10 s and must have an answer.
func (n *nodeServant) GetDockerRegistry(context.Context, *[]tars.DockerRegistry) (int32, error) {
	return 0, nil
}

// DockerPull has nothing to pull, see GetDockerRegistry.
func (n *nodeServant) DockerPull(context.Context, string) (int32, error) { return 0, nil }

// GetFrameworkKey answers that there is no key, see GetDockerRegistry.
func (n *nodeServant) GetFrameworkKey(context.Context, *tars.FrameworkKey) (int32, error) {
	return 0, nil
}

func (n *nodeServant) committed(what string, done *store.Commit, err error) (int32, error) {
	if err != nil {
		n.failed(what, err)
		return nodeFailed, nil
	}
	if done != nil {
		n.publish(done)
	}
	return 0, nil
}

// answeredWithin bounds a call from when it came.
func answeredWithin(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	came := time.Now()
	if call, ok := rpc.CallFromContext(ctx); ok {
		came = call.Received
	}
	return context.WithDeadline(ctx, came.Add(patience))
}

// failed logs what tarsnode is not told. That the database is away, or does not
// answer, is said once, by what follows it, and not for every call.
func (n *nodeServant) failed(what string, err error) {
	if errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		n.logger.Debug("a call of tarsnode failed", slog.String("call", what), slog.Any("error", err))
		return
	}
	n.logger.Warn("a call of tarsnode failed", slog.String("call", what), slog.Any("error", err))
}

func actorOf(ctx context.Context) string {
	call, ok := rpc.CallFromContext(ctx)
	if !ok {
		return ""
	}
	return call.Peer().Addr().Unmap().String()
}
