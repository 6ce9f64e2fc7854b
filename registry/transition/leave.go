package transition

import (
	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Leave takes a named onPrestop (R5, R6, R10): rows deleted, tombstones made,
// lease `left`. Saying good-bye twice is fine. Rows of a registry without leases
// go as well when the node has no tarsnode (R2).
func (r Rules) Leave(tx Tx, key naming.Key, caller Caller) Outcome {
	instance := tx.Instance(key)
	lease := instance.Lease
	if !remembered(lease) {
		if instance.Server == nil || !podlike(tx.Node(instance.Node)) {
			return Outcome{}
		}
		End(tx, instance, naming.EventLeft, "onPrestop", caller.Actor)
		return Outcome{Changed: true}
	}
	if held(lease, caller) {
		return Outcome{Action: Superseded}
	}
	if lease.State == naming.LeaseLeft && instance.Server == nil {
		return Outcome{}
	}
	End(tx, instance, naming.EventLeft, "onPrestop", caller.Actor)
	return Outcome{Changed: true}
}

// LeaveNode takes an onPrestop for all of a node, as callers without identity
// send it (R7): every instance there that has no identity either leaves. keys
// are instances on the node that may have no lease; they are in the scope.
func (r Rules) LeaveNode(tx Tx, node string, keys []naming.Key, caller Caller) Outcome {
	var outcome Outcome
	for _, found := range tx.LeasesOn(node) {
		if !active(found.Lease) || held(found.Lease, caller) {
			continue
		}
		outcome.Changed = r.Leave(tx, found.Key, caller).Changed || outcome.Changed
	}
	for _, key := range keys {
		if !remembered(tx.Instance(key).Lease) {
			outcome.Changed = r.Leave(tx, key, caller).Changed || outcome.Changed
		}
	}
	if !outcome.Changed && unknownNode(tx, node) == Superseded {
		outcome.Action = Superseded
	}
	return outcome
}

// End ends an instance (R10): its rows are deleted, its endpoints stay behind as
// tombstones, its lease has left, its worker id and an operator's "flow off" end
// with it. An instance without a lease gets none.
func End(tx Tx, instance *naming.Instance, kind naming.EventKind, reason, actor string) {
	ended := instance.Clone()
	ended.Server, ended.Adapters = nil, nil
	if ended.Lease != nil {
		ended.Lease.State = naming.LeaseLeft
		ended.Lease.Reported = naming.Inactive
		ended.Lease.FlowOffBy = ""
		ended.Lease.MetricsPort = 0
		ended.Lease.WorkerID = NoWorker
	}
	tx.Put(ended, naming.Event{Kind: kind, Reason: reason, Actor: actor})
	settleNode(tx, ended.Node)
}
