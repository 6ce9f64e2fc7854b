package doctor

import (
	"fmt"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/pod"
)

func (e *examination) variables(env *pod.Environment, err error) {
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
			e.add(Problem, name, text, "correct "+name+" in the manifest: tarscli does not start with it")
		}
	}
	for _, w := range env.Warnings {
		name, text, _ := strings.Cut(w, " ")
		e.add(Warning, name, text, "correct "+name+" in the manifest if that is not what you mean")
	}
	if err == nil && len(env.Warnings) == 0 {
		e.ok("variables", "all can be read")
	}
}

const podIPChange = `add to the container: env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]`

func (e *examination) address(env *pod.Environment) (string, bool) {
	address, err := env.LocalAddress()
	if err != nil {
		e.add(Problem, "address", err.Error(), podIPChange)
		return "", false
	}
	if env.PodIP == "" {
		e.add(Warning, "address", address+", guessed from the routes because POD_IP is not set", podIPChange)
	} else {
		e.ok("address", "%s (POD_IP)", address)
	}
	if strings.HasPrefix(address, "127.") || address == "::1" {
		e.add(Warning, "address", address+" is this machine only: clients elsewhere can't reach it", "set POD_IP to an address that clients reach, unless this is a trial on one machine")
	}
	if strings.Contains(address, ":") {
		e.add(Note, "address", "is IPv6: TarsGo joins host and port without brackets, so its clients reach only hosts written in brackets",
			"where callers are TarsGo programs, prefer an IPv4 pod address; TarsCpp callers need nothing")
	}
	return address, true
}

func (e *examination) identity(env *pod.Environment, address string) {
	// Identity keeps a random UID the first time; a look must not.
	const change = `add to the container: env: [{name: POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}]`
	identity, err := env.KnownIdentity(address)
	switch {
	case err != nil:
		e.add(Problem, "identity", err.Error(), change)
	case identity.IsZero():
		e.add(Warning, "identity", "this pod's UID is neither told nor found, so a random one under data stands for it and its address counts as shared: an old pod's late messages can't be told from this one's when the address is used again", change)
	case identity.Kind == naming.KindHost:
		e.ok("identity", "%s, on its machine's own address (TARS_HOST_IP)", identity.UID)
	default:
		e.ok("identity", "%s", identity.UID)
	}
	if env.WorkerID.Auto {
		e.ok("worker id", "leased from the registry; the server waits for it")
	} else if env.WorkerID.Set {
		e.add(Note, "worker id", fmt.Sprintf("%d, from TARS_WORKER_ID", env.WorkerID.Number), "make sure that no other pod of this server has the same, or set TARS_WORKER_ID=auto")
	}
}
