package pod

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// ports hands out ports of a range that are free now, none twice.
type ports struct {
	low, high int
	start     int // where to look first, counted from low
	taken     map[int]bool
	keep      bool // wanted ports are taken without looking
	free      func(transport naming.Transport, host string, port int) bool
}

// newPorts begins its search at a random place of the range, so that pods that
// share an address and start together seldom want the same port. Pods that are
// played on one machine's loopback addresses all listen on 127.0.0.1 for admin
// commands; there the addresses keep the places apart.
func newPorts(low, high int, address string) *ports {
	n := high - low + 1
	p := &ports{low: low, high: high, start: rand.IntN(n), taken: make(map[int]bool), free: isFree}
	if ip, err := netip.ParseAddr(address); err == nil && ip.Is4() && ip.IsLoopback() {
		const apart = 31 // more ports than a server has
		last := ip.As4()
		p.start = (int(last[1])<<16 | int(last[2])<<8 | int(last[3])) * apart % n
	}
	return p
}

// pick takes the wanted port where that is in the range and free, else any.
func (p *ports) pick(transport naming.Transport, host string, wanted int) (int, error) {
	if wanted >= p.low && wanted <= p.high {
		if p.keep && !p.taken[wanted] {
			p.taken[wanted] = true
			return wanted, nil
		}
		if p.take(transport, host, wanted) {
			return wanted, nil
		}
	}
	n := p.high - p.low + 1
	for i := range n {
		if port := p.low + (p.start+i)%n; p.take(transport, host, port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port between TARS_RAND_PORT_MIN %d and TARS_RAND_PORT_MAX %d on %s", p.low, p.high, host)
}

func (p *ports) take(transport naming.Transport, host string, port int) bool {
	if p.taken[port] || !p.free(transport, host, port) {
		return false
	}
	p.taken[port] = true
	return true
}

// isFree listens for a moment. A host that is not this machine's, such as a
// name, is tried as all addresses.
func isFree(transport naming.Transport, host string, port int) bool {
	err := tryListen(transport, host, port)
	if err != nil && !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
		err = tryListen(transport, "", port)
	}
	return err == nil
}

func tryListen(transport naming.Transport, host string, port int) error {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	if transport == naming.UDP {
		conn, err := net.ListenPacket("udp", address) //nolint:noctx // of an address or this machine's name: at once
		if err != nil {
			return err
		}
		return conn.Close()
	}
	listener, err := net.Listen("tcp", address) //nolint:noctx // as above
	if err != nil {
		return err
	}
	return listener.Close()
}
