package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Target is one adapter to look at.
type Target struct {
	Adapter  string
	Servant  string
	Protocol string // "tars" or empty is pinged, anything else only connected to
	Endpoint naming.Endpoint
}

// Check looks at all targets at once and returns nil when every one is well;
// otherwise an error that names each adapter that is not, in the order of
// targets. Each target gets the given time at most.
func Check(ctx context.Context, targets []Target, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	failures := make([]error, len(targets))
	var group sync.WaitGroup
	for i, target := range targets {
		group.Go(func() {
			if err := target.check(ctx); err != nil {
				failures[i] = fmt.Errorf("adapter %s: %w", target.Adapter, err)
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

// Connect is Check with connections only, no ping: what a probe that must be
// quick and without RPC can do.
func Connect(ctx context.Context, targets []Target, timeout time.Duration) error {
	plain := make([]Target, len(targets))
	for i, target := range targets {
		plain[i] = target
		plain[i].Protocol = "not_tars"
	}
	return Check(ctx, plain, timeout)
}

func (t Target) check(ctx context.Context) error {
	if t.Endpoint.Transport == naming.UDP {
		return checkUDP(t.Endpoint)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", t.address())
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	if !t.pingable() {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("tars_ping: %w", err)
		}
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	err = ping(conn, t.Servant)
	if errors.Is(err, os.ErrDeadlineExceeded) || err != nil && ctx.Err() != nil {
		return fmt.Errorf("tars_ping to %s: no answer in time", t.address())
	}
	if err != nil {
		return fmt.Errorf("tars_ping to %s: %w", t.address(), err)
	}
	return nil
}

// pingable leaves out TLS: the server may want a certificate that only its
// clients have.
func (t Target) pingable() bool {
	return t.Endpoint.Transport == naming.TCP && (t.Protocol == "" || strings.EqualFold(t.Protocol, "tars"))
}

// address replaces the unspecified address, which is to listen on, by loopback.
func (t Target) address() string {
	host := t.Endpoint.Host
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(int(t.Endpoint.Port)))
}
