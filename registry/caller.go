package registry

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/registry/transition"
)

// Keys of the request's context and the answer's status by which our two
// programs say more than Tars' wire interface has fields for (extensions.md).
const (
	contextUID      = "tars-pod-uid"
	contextKind     = "tars-pod-kind"
	contextInterval = "tars-beat-ms"
	contextSequence = "tars-seq"
	contextToken    = rpc.TokenKey
	contextWorker   = "tars-worker"

	statusAction     = "tars-action"
	statusWorkerID   = "tars-worker-id"
	statusRetryAfter = "tars-retry-after-ms"
)

// contextValues is a request's context: of an inline call or of a pooled one.
type contextValues interface {
	ContextValue(key string) ([]byte, bool)
}

// callerOf reads who calls. A value that cannot be read is an error that names
// its key; unknown keys are nobody's business.
func callerOf(values contextValues, peer netip.AddrPort) (transition.Caller, error) {
	caller := transition.Caller{Actor: peer.Addr().Unmap().String()}
	if uid, ok := values.ContextValue(contextUID); ok {
		caller.Identity.UID = string(uid)
	}
	if kind, ok := values.ContextValue(contextKind); ok && caller.Identity.UID != "" {
		switch naming.Kind(kind) {
		case naming.KindPod, naming.KindHost, naming.KindNone:
			caller.Identity.Kind = naming.Kind(kind)
		default:
			return caller, &naming.InvalidError{Field: contextKind, Rule: "must be pod or host"}
		}
	}
	if err := naming.CheckIdentity(caller.Identity); err != nil {
		return caller, fmt.Errorf("context: %w", err)
	}
	interval, err := contextNumber(values, contextInterval, time.Hour.Milliseconds())
	if err != nil {
		return caller, err
	}
	caller.Interval = time.Duration(interval) * time.Millisecond
	caller.Sequence, err = contextNumber(values, contextSequence, 1<<62)
	return caller, err
}

func contextNumber(values contextValues, key string, most int64) (int64, error) {
	text, ok := values.ContextValue(key)
	if !ok || len(text) == 0 {
		return 0, nil
	}
	number, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || number < 0 || number > most {
		return 0, &naming.InvalidError{
			Field: key, Rule: fmt.Sprintf("must be a whole number between 0 and %d", most),
		}
	}
	return number, nil
}

// addressCheck holds a pod to its own address where the operator wants that: the
// node's name and every endpoint's host, where they are addresses, must be the
// one that the connection comes from.
func addressCheck(peer netip.Addr, node string, adapters []naming.Adapter) error {
	if err := ownAddress(peer, "nodeName", node); err != nil {
		return err
	}
	for i, adapter := range adapters {
		endpoint, err := naming.ParseEndpoint(adapter.Endpoint)
		if err != nil {
			continue // refused elsewhere, with the reason
		}
		if err := ownAddress(peer, fmt.Sprintf("adapters[%d].endpoint", i), endpoint.Host); err != nil {
			return err
		}
	}
	return nil
}

// addressCheck is the same, and leaves a line in the audit log.
func (p *podServant) addressCheck(call interface{ Peer() netip.AddrPort }, node string, adapters []naming.Adapter) error {
	err := addressCheck(call.Peer().Addr(), node, adapters)
	if err != nil {
		p.refused.note("speak for "+node, call.Peer(), err.Error())
	}
	return err
}

func ownAddress(peer netip.Addr, field, host string) error {
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if isAddress := err == nil; isAddress && address.Unmap() != peer.Unmap() {
		return &naming.InvalidError{
			Field: field,
			Rule:  fmt.Sprintf("is not the address that the call comes from (%s); a pod may only speak for its own", peer.Unmap()),
		}
	}
	return nil
}
