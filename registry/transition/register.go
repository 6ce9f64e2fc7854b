package transition

import (
	"fmt"
	"iter"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Register makes the instance what its registration says: node, server row,
// adapters and lease (onStartup; R3, R4, R8, R9, R11, R12). The lease becomes the
// caller's whoever held it. neighbours are instances, of whatever node, that hold
// one of the registration's endpoints as far as is known.
func (r Rules) Register(tx Tx, registration *naming.Registration, caller Caller, neighbours []naming.Key) (Outcome, error) {
	if err := tx.Load(neighbours...); err != nil {
		return Outcome{}, fmt.Errorf("load what holds the endpoints of %s: %w", registration.Key, err)
	}
	instance := tx.Instance(registration.Key).Clone()
	instance.Key = stored(instance, registration.Key)
	r.takeLease(instance, registration, caller)
	writeRows(instance, registration)
	tx.Put(instance, naming.Event{
		Kind: naming.EventRegistered, State: registration.State,
		Reason: "onStartup", Actor: caller.Actor,
	})
	outcome := Outcome{Changed: true}
	outcome.Ended = r.makeRoom(tx, instance, neighbours, caller)
	settleNode(tx, instance.Node)
	return outcome, nil
}

// stored keeps the spelling that the tables have: a key that differs in case
// only names the same rows (R15).
func stored(instance *naming.Instance, asked naming.Key) naming.Key {
	if instance.Server != nil || instance.Lease != nil {
		return instance.Key
	}
	return asked
}

func (r Rules) takeLease(instance *naming.Instance, registration *naming.Registration, caller Caller) {
	before := instance.Lease
	lease := &naming.Lease{WorkerID: NoWorker}
	if before != nil {
		lease.ID, lease.Revision = before.ID, before.Revision
	}
	sameLife := before != nil && !held(before, caller) &&
		(before.State == naming.LeaseLive || before.State == naming.LeaseExpired)
	if sameLife {
		lease.MetricsPort = before.MetricsPort
		lease.WorkerID = before.WorkerID
		lease.FlowOffBy = flowOffBy(instance)
	}
	lease.Identity = caller.Identity
	lease.State = naming.LeaseLive
	lease.Reported = registration.State
	lease.Sequence = caller.Sequence
	lease.FlowOffBy = flowAfter(lease.FlowOffBy, registration.DisableFlow)
	lease.Registration = registration
	r.settleInterval(lease, caller)
	instance.Lease = lease
}

// NoWorker is the worker id of a lease that has none.
const NoWorker = -1

// flowOffBy says who turned the flow off, believing the table where it has a
// column for it: another program may have written it (R12).
func flowOffBy(instance *naming.Instance) string {
	by := instance.Lease.FlowOffBy
	if instance.Server == nil || instance.Server.FlowState == "" {
		return by
	}
	off := instance.Server.FlowState == naming.Inactive
	switch {
	case off && by == "":
		return naming.FlowOffByOperator
	case !off:
		return ""
	}
	return by
}

func flowAfter(by string, disable bool) string {
	switch {
	case by == naming.FlowOffByOperator:
		return by
	case disable:
		return naming.FlowOffByPod
	default:
		return ""
	}
}

// writeRows lays the registration over the instance's rows. What pods do not
// speak of (groups, bak_flag, process id) stays as it is.
func writeRows(instance *naming.Instance, registration *naming.Registration) {
	server := naming.Server{ServerType: "tars_cpp"}
	if instance.Server != nil {
		server = *instance.Server
	}
	server.SettingState = naming.Active
	server.PresentState = registration.State
	server.Version = registration.Version
	if registration.TemplateName != "" {
		server.TemplateName = registration.TemplateName
	}
	if registration.ServerType != "" {
		server.ServerType = registration.ServerType
	}
	set, _ := naming.ParseSetID(registration.SetID) // checked by Normalize
	server.EnableSet = registration.SetID != ""
	server.SetName, server.SetArea, server.SetGroup = set.Name, set.Area, set.Group
	server.FlowState = flowState(instance.Lease)
	instance.Server = &server
	instance.Adapters = append([]naming.Adapter(nil), registration.Adapters...)
}

func flowState(lease *naming.Lease) naming.State {
	if lease.FlowOffBy != "" {
		return naming.Inactive
	}
	return naming.Active
}

// makeRoom ends what cannot be there any more when this registration is true
// (R9): on the same node the other instances, where both pods are known and
// differ; in every case the instances of another identity that hold one of the
// endpoints.
func (r Rules) makeRoom(tx Tx, instance *naming.Instance, neighbours []naming.Key, caller Caller) int {
	taken := addresses(instance)
	ended := 0
	end := func(other *naming.Instance, reason string) {
		End(tx, other, naming.EventEnded, reason, caller.Actor)
		ended++
	}
	seen := map[naming.Key]bool{instance.Fold(): true}
	consider := func(other *naming.Instance) {
		if seen[other.Fold()] || other.Lease == nil || !active(other.Lease) || !held(other.Lease, caller) {
			return
		}
		seen[other.Fold()] = true
		switch {
		case naming.Fold(other.Node) == naming.Fold(instance.Node) && bothPods(other.Lease.Identity, caller.Identity):
			end(other, "another pod registered on the node: "+instance.Key.String())
		case shares(other, taken):
			end(other, "its endpoint was registered by "+instance.Key.String())
		}
	}
	for _, other := range tx.LeasesOn(instance.Node) {
		consider(other)
	}
	for _, key := range neighbours {
		consider(tx.Instance(key))
	}
	return ended
}

func active(lease *naming.Lease) bool {
	return lease.State == naming.LeaseLive || lease.State == naming.LeaseExpired
}

func bothPods(a, b naming.Identity) bool {
	return a.Kind == naming.KindPod && b.Kind == naming.KindPod && a.UID != b.UID
}

// Address is where an endpoint listens; two servers cannot hold the same one.
type Address struct {
	Transport naming.Transport
	Host      string
	Port      int32
}

// Addresses are those of an instance's adapters; what does not parse has none.
func Addresses(adapters []naming.Adapter) iter.Seq[Address] {
	return func(yield func(Address) bool) {
		for i := range adapters {
			if address, ok := addressOf(adapters[i].Endpoint); ok && !yield(address) {
				return
			}
		}
	}
}

func addressOf(text string) (address Address, ok bool) {
	endpoint, err := naming.ParseEndpoint(text)
	if err != nil || endpoint.Port == 0 {
		return Address{}, false
	}
	transport := endpoint.Transport
	if transport == naming.SSL {
		transport = naming.TCP // the same port of the kernel
	}
	return Address{transport, naming.Fold(endpoint.Host), endpoint.Port}, true
}

func addresses(instance *naming.Instance) map[Address]bool {
	set := make(map[Address]bool, len(instance.Adapters))
	for address := range Addresses(instance.Adapters) {
		set[address] = true
	}
	return set
}

// shares says that one of the other's endpoints is taken. An instance that was
// loaded by its lease only is known by its registration.
func shares(other *naming.Instance, taken map[Address]bool) bool {
	adapters := other.Adapters
	if adapters == nil && other.Lease.Registration != nil {
		adapters = other.Lease.Registration.Adapters
	}
	for address := range Addresses(adapters) {
		if taken[address] {
			return true
		}
	}
	return false
}
