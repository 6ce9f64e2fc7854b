package transition

import (
	"errors"
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Errors of what operators ask for.
var (
	// ErrUnknown: there is no such instance.
	ErrUnknown = errors.New("no such instance")
	// ErrNotPod: the instance belongs to tarsnode or TarsWeb (R2).
	ErrNotPod = errors.New("the instance is not a pod's; tarsnode or TarsWeb manages it")
)

// Flow turns an instance's flow on or off in an operator's name (R12): off
// survives re-registration and ends with the instance.
func Flow(tx Tx, key naming.Key, on bool, reason, actor string) (Outcome, error) {
	instance := tx.Instance(key).Clone()
	if instance.Server == nil {
		return Outcome{}, fmt.Errorf("%s: %w", key, ErrUnknown)
	}
	by, state := naming.FlowOffByOperator, naming.Inactive
	if on {
		by, state = "", naming.Active
	}
	if instance.FlowOff() == !on && (instance.Lease == nil || instance.Lease.FlowOffBy == by) {
		return Outcome{}, nil
	}
	if instance.Lease != nil {
		instance.Lease.FlowOffBy = by
	} else if instance.Server.FlowState == "" {
		return Outcome{}, fmt.Errorf("%s: t_server_conf has no column flow_state, and %w", key, ErrNotPod)
	}
	instance.Server.FlowState = state
	tx.Put(instance, naming.Event{
		Kind: naming.EventFlow, State: instance.Server.PresentState, Reason: flowReason(on, reason), Actor: actor,
	})
	return Outcome{Changed: true}, nil
}

func flowReason(on bool, reason string) string {
	word := "off"
	if on {
		word = "on"
	}
	if reason == "" {
		return "flow " + word
	}
	return "flow " + word + ": " + reason
}

// Deregister ends a pod's instance in an operator's name; only onStartup brings
// it back (R13).
func Deregister(tx Tx, key naming.Key, reason, actor string) (Outcome, error) {
	instance := tx.Instance(key)
	if instance.Server == nil && (instance.Lease == nil || !active(instance.Lease)) {
		return Outcome{}, fmt.Errorf("%s: %w", key, ErrUnknown)
	}
	if instance.Lease == nil && !podlike(tx.Node(instance.Node)) {
		return Outcome{}, fmt.Errorf("%s: %w", key, ErrNotPod)
	}
	if reason == "" {
		reason = "deregistered by an operator"
	}
	End(tx, instance, naming.EventDeregistered, reason, actor)
	return Outcome{Changed: true}, nil
}

// Metrics notes the port on which the instance serves its metrics (R14).
func Metrics(tx Tx, key naming.Key, port int32, caller Caller) Outcome {
	instance := tx.Instance(key).Clone()
	switch {
	case !remembered(instance.Lease) || instance.Lease.State == naming.LeaseCleaned:
		return Outcome{Action: Register}
	case held(instance.Lease, caller):
		return Outcome{Action: Superseded}
	case instance.Lease.State == naming.LeaseLeft:
		return Outcome{Action: Left}
	}
	if port == 0 {
		port = DefaultMetricsPort
	}
	if instance.Lease.MetricsPort == port {
		return Outcome{}
	}
	instance.Lease.MetricsPort = port
	event := naming.Event{Kind: naming.EventMetrics, Reason: fmt.Sprintf("metrics port %d", port), Actor: caller.Actor}
	if instance.Server != nil {
		event.State = instance.Server.PresentState
	}
	tx.Put(instance, event)
	return Outcome{Changed: true}
}
