package transition

import (
	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Report takes a named keepAlive that memory could not answer (R5, R6, R8, R13):
// a change of state, a return after silence, or an instance that this replica
// did not know. keepAlive never touches setting_state (R4).
func (r Rules) Report(tx Tx, key naming.Key, state naming.State, caller Caller) Outcome {
	instance := tx.Instance(key).Clone()
	if !remembered(instance.Lease) {
		return r.adopt(tx, instance, state, caller)
	}
	if held(instance.Lease, caller) {
		return Outcome{Action: Superseded}
	}
	switch instance.Lease.State {
	case naming.LeaseLeft:
		return Outcome{Action: Left}
	case naming.LeaseLive, naming.LeaseExpired, naming.LeaseCleaned:
		return r.renew(tx, instance, state, caller)
	}
	return Outcome{Action: Register}
}

// adopt gives a lease to what a registry without leases left: a server row on a
// node that has no tarsnode (R2). Everything else is not known.
func (r Rules) adopt(tx Tx, instance *naming.Instance, state naming.State, caller Caller) Outcome {
	if instance.Server == nil || !podlike(tx.Node(instance.Node)) {
		return Outcome{Action: Register}
	}
	lease := &naming.Lease{
		State: naming.LeaseLive, Identity: caller.Identity, Reported: state,
		Sequence: caller.Sequence, WorkerID: NoWorker,
		Registration: registrationOf(instance),
	}
	if instance.Lease != nil {
		lease.ID, lease.Revision = instance.Lease.ID, instance.Lease.Revision
	}
	if instance.Server.FlowState == naming.Inactive {
		lease.FlowOffBy = naming.FlowOffByOperator
	}
	r.settleInterval(lease, caller)
	instance.Lease = lease
	instance.Server.PresentState = state
	tx.Put(instance, naming.Event{
		Kind: naming.EventAdopted, State: state, Actor: caller.Actor,
		Reason: "first heartbeat of an instance registered before there were leases",
	})
	settleNode(tx, instance.Node)
	return Outcome{Changed: true}
}

// renew takes a heartbeat of the lease's holder: a stale report changes nothing,
// the same state of a live instance needs no writing, all else is a transition.
func (r Rules) renew(tx Tx, instance *naming.Instance, state naming.State, caller Caller) Outcome {
	lease := instance.Lease
	if caller.Sequence != 0 && caller.Sequence < lease.Sequence {
		return Outcome{}
	}
	event := naming.Event{Kind: naming.EventState, State: state, Reason: "keepAlive", Actor: caller.Actor}
	if lease.State == naming.LeaseExpired {
		event.Kind, event.Reason = naming.EventRevived, "heartbeat after the lease had expired"
	}
	if restored := r.restore(tx, instance); restored != "" {
		event.Kind, event.Reason = naming.EventRestored, restored
	}
	if event.Kind == naming.EventState && lease.Reported == state && instance.Server.PresentState == state {
		return Outcome{}
	}
	if instance.Server == nil {
		return Outcome{Action: Register}
	}
	lease.State = naming.LeaseLive
	lease.Reported = state
	lease.Sequence = max(lease.Sequence, caller.Sequence)
	lease.HeartbeatAge = min(lease.HeartbeatAge, caller.Age) // a stamp never goes back
	if caller.Interval > 0 {
		r.settleInterval(lease, caller)
	}
	instance.Server.PresentState = state
	tx.Put(instance, event)
	settleNode(tx, instance.Node)
	return Outcome{Changed: true}
}

// restore makes the rows again that a lease's registration tells of and that are
// not there (R5, R13), and says why; "" where nothing was missing. Of rows that
// are there the edits of others hold until the next registration (R4). The node's
// row is made by settleNode.
func (r Rules) restore(tx Tx, instance *naming.Instance) (reason string) {
	lease := instance.Lease
	if lease.Registration == nil {
		return ""
	}
	switch {
	case instance.Server == nil:
		writeRows(instance, lease.Registration)
	case addMissing(instance, lease.Registration.Adapters):
	case lease.State == naming.LeaseLive && tx.Node(instance.Node) == nil:
	default:
		return ""
	}
	if lease.State == naming.LeaseCleaned {
		return "heartbeat after the instance had been cleaned"
	}
	return "rows of it had been deleted"
}

// addMissing adds the adapters that the instance does not have by name.
func addMissing(instance *naming.Instance, registered []naming.Adapter) bool {
	there := make(map[string]bool, len(instance.Adapters))
	for _, adapter := range instance.Adapters {
		there[naming.Fold(adapter.Name)] = true
	}
	before := len(instance.Adapters)
	for _, adapter := range registered {
		if !there[naming.Fold(adapter.Name)] {
			adapter.ID, adapter.Stamp = 0, ""
			instance.Adapters = append(instance.Adapters, adapter)
		}
	}
	return len(instance.Adapters) > before
}

// ReportNode takes a keepAlive for all of a node, as callers without identity
// send it (R7): the state goes to the node's live instances that have no
// identity either; expired ones come back only if nobody registered on the node
// since. An instance with an identity speaks for itself.
func (r Rules) ReportNode(tx Tx, node string, state naming.State, caller Caller) Outcome {
	var outcome Outcome
	known := false
	for _, found := range tx.LeasesOn(node) {
		if !active(found.Lease) || held(found.Lease, caller) {
			continue
		}
		known = true
		if found.Lease.State == naming.LeaseExpired && registeredSince(tx, node, found) {
			continue
		}
		if r.Report(tx, found.Key, state, caller).Changed {
			outcome.Changed = true
		}
	}
	if !known {
		outcome.Action = unknownNode(tx, node)
	}
	return outcome
}

func unknownNode(tx Tx, node string) Action {
	for _, found := range tx.LeasesOn(node) {
		if active(found.Lease) {
			return Superseded
		}
	}
	return Register
}

func registeredSince(tx Tx, node string, expired *naming.Instance) bool {
	for _, other := range tx.LeasesOn(node) {
		if other.Lease.State == naming.LeaseLive && other.Lease.StateAge < expired.Lease.StateAge {
			return true
		}
	}
	return false
}

// registrationOf says what onStartup would have said to make these rows.
func registrationOf(instance *naming.Instance) *naming.Registration {
	server := instance.Server
	return &naming.Registration{
		Key: instance.Key, SetID: server.SetID(), Adapters: instance.Adapters,
		DisableFlow: instance.FlowOff(), State: server.PresentState, Version: server.Version,
		TemplateName: server.TemplateName, ServerType: server.ServerType,
	}
}
