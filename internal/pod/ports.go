package pod

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// ports hands out ports of a range that are free now, none twice.
type ports struct {
	low, high int
	taken     map[int]bool
	free      func(transport naming.Transport, host string, port int) bool
}

func newPorts(low, high int) *ports {
	return &ports{low: low, high: high, taken: make(map[int]bool), free: isFree}
}

// pick takes the wanted port where that is in the range and free, else any.
func (p *ports) pick(transport naming.Transport, host string, wanted int) (int, error) {
	if wanted >= p.low && wanted <= p.high && p.take(transport, host, wanted) {
		return wanted, nil
	}
	// From a random place through the whole range: two pods on one machine
	// seldom meet, and the last free port is found as well.
	n := p.high - p.low + 1
	start := rand.IntN(n)
	for i := range n {
		if port := p.low + (start+i)%n; p.take(transport, host, port) {
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
		conn, err := net.ListenPacket("udp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return listener.Close()
}
