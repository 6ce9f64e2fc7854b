package transition

import (
	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Seen is a lease as the sweep read it: the transition holds only if it still
// stands so, so that a heartbeat that was written meanwhile wins (R18).
type Seen struct {
	Key       naming.Key
	Revision  int64
	Heartbeat string // stamp as text
}

// Expire marks an instance whose lease ran out: present_state inactive, lease
// expired. Its rows stay, and so does its worker id (R35). It does nothing when
// the lease is not as it was seen.
func Expire(tx Tx, seen Seen, reason string) Outcome {
	instance := tx.Instance(seen.Key).Clone()
	lease := instance.Lease
	if lease == nil || lease.State != naming.LeaseLive ||
		lease.Revision != seen.Revision || lease.Heartbeat != seen.Heartbeat {
		return Outcome{}
	}
	lease.State = naming.LeaseExpired
	if instance.Server != nil {
		instance.Server.PresentState = naming.Inactive
	}
	tx.Put(instance, naming.Event{
		Kind: naming.EventExpired, State: naming.Inactive, Reason: reason, Actor: "sweep",
	})
	settleNode(tx, instance.Node)
	return Outcome{Changed: true}
}

// ExpireUnleased marks a pod-like row without a lease inactive, or a row of a
// host whose node timed out (R2).
func ExpireUnleased(tx Tx, key naming.Key, reason string) Outcome {
	instance := tx.Instance(key).Clone()
	held := instance.Lease != nil && active(instance.Lease) // of one that has left, a row may have come from elsewhere
	if held || instance.Server == nil || instance.Server.PresentState == naming.Inactive {
		return Outcome{}
	}
	instance.Server.PresentState = naming.Inactive
	tx.Put(instance, naming.Event{
		Kind: naming.EventExpired, State: naming.Inactive, Reason: reason, Actor: "sweep",
	})
	if podlike(tx.Node(instance.Node)) {
		settleNode(tx, instance.Node)
	}
	return Outcome{Changed: true}
}

// Clean removes an instance that has been inactive for long: rows gone, the
// lease keeps the registration so that a returning pod is restored (R5). A live
// instance is left alone. An expired lease whose rows somebody else has deleted is
// cleaned as well.
func Clean(tx Tx, key naming.Key, reason, actor string) Outcome {
	instance := tx.Instance(key).Clone()
	expired := instance.Lease != nil && instance.Lease.State == naming.LeaseExpired
	if instance.Server == nil && len(instance.Adapters) == 0 && !expired {
		return Outcome{}
	}
	switch {
	case instance.Lease == nil && !podlike(tx.Node(instance.Node)):
		return Outcome{}
	case instance.Lease != nil && instance.Lease.State == naming.LeaseLive:
		return Outcome{}
	case expired:
		instance.Lease.State = naming.LeaseCleaned
		instance.Lease.WorkerID = NoWorker
	}
	instance.Server, instance.Adapters = nil, nil
	tx.Put(instance, naming.Event{Kind: naming.EventCleaned, Reason: reason, Actor: actor})
	settleNode(tx, instance.Node)
	return Outcome{Changed: true}
}

// RemoveNode removes the row of a pod's node on which nothing is registered any
// more. known are instances that may still be there; they are in the scope.
func RemoveNode(tx Tx, name string, known []naming.Key) Outcome {
	if !podlike(tx.Node(name)) || len(tx.LeasesOn(name)) > 0 {
		return Outcome{}
	}
	for _, key := range known {
		if tx.Instance(key).Server != nil {
			return Outcome{}
		}
	}
	tx.DeleteNode(name)
	return Outcome{Changed: true}
}
