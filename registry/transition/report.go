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
	if instance.Server == nil || !Podlike(tx.Node(instance.Node)) {
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
	if instance.Server == nil && lease.Registration != nil {
		event.Kind, event.Reason = naming.EventRestored, restoreReason(lease.State)
		restoreRows(instance)
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

func restoreReason(state naming.LeaseState) string {
	if state == naming.LeaseCleaned {
		return "heartbeat after the instance had been cleaned"
	}
	return "its rows had been deleted while it was alive"
}

// restoreRows makes the rows again from the registration that is kept with the
// lease (R5, R13).
func restoreRows(instance *naming.Instance) {
	writeRows(instance, instance.Lease.Registration)
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
