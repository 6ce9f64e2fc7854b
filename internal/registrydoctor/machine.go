package registrydoctor

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/tarsregistry/tarsregistry/internal/doctor"
	"github.com/tarsregistry/tarsregistry/registry"
)

// wantedFiles is how many open files are enough for ten thousand pods that keep
// a connection, and as many clients.
const wantedFiles = 32_768

// ports tries to listen where the registry would.
func (e *examination) ports(ctx context.Context) {
	o := e.options
	for _, at := range []struct {
		flag     string
		listener registry.Listener
		running  string
	}{
		{"query-port", o.Query, e.running.Query},
		{"node-port", o.Node, e.running.Node},
		{"pod-port", o.Pod, e.running.Pod},
		{"http-port", o.HTTP, e.running.HTTP},
		{"admin-port", o.Admin, e.running.Admin},
	} {
		if at.listener.Port == registry.PortOff || at.listener.Port == 0 {
			continue
		}
		address := net.JoinHostPort(cmp.Or(at.listener.Host, o.Host), strconv.Itoa(int(at.listener.Port)))
		e.port(ctx, "--"+at.flag, address, at.running)
	}
}

func (e *examination) port(ctx context.Context, flag, address, running string) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err == nil {
		_ = listener.Close() // nobody was answered on it
		e.add(doctor.OK, flag, "", "%s is free", address)
		return
	}
	_, port, _ := net.SplitHostPort(address)
	if _, taken, splitErr := net.SplitHostPort(running); splitErr == nil && taken == port {
		e.add(doctor.OK, flag, "", "%s is served by the registry that runs here", address)
		return
	}
	e.add(doctor.Problem, flag, "stop what has it, or give another port, or off beside a C++ registry", "%s cannot be listened on: %v", address, err)
}

// files looks at the limit of open files: each connection is one.
func (e *examination) files() {
	limit, known := openFiles()
	switch {
	case !known:
	case limit < wantedFiles:
		e.add(doctor.Warning, "open files", "raise it for many pods: ulimit -n, LimitNOFILE=65536",
			"this user may have %d; each client's and each pod's connection is one", limit)
	default:
		e.add(doctor.OK, "open files", "", "%d", limit)
	}
}

// access says who may do what with these settings, where that is more than one
// might think.
func (e *examination) access() {
	const subject = "access"
	o := e.options
	address, err := netip.ParseAddr(o.Host)
	if err == nil && address.IsLoopback() {
		e.add(doctor.OK, subject, "", "it listens on loopback only")
		return
	}
	if !o.RequireToken {
		e.add(doctor.Note, subject, "--require-token once all pods have TARS_TOKEN; docs/security.md",
			"whoever reaches %s may register and end pods", o.Host)
	}
	if o.Node.Port != registry.PortOff && len(o.NodeAllow) == 0 {
		e.add(doctor.Note, subject, "--node-allow, or --node-port off where there is no tarsnode", "whoever reaches %s may speak for any machine with tarsnode", o.Host)
	}
	if o.Token == "" {
		e.add(doctor.Note, subject, "set TARS_TOKEN to use the API from elsewhere", "without a token the API answers loopback only")
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func number(n uint) string { return strconv.FormatUint(uint64(n), 10) }
