package drain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sampler reads connections from the kernel through sock_diag. It is not safe
// for concurrent use.
type Sampler struct {
	fd        int
	listeners []netip.AddrPort
	buf       []byte
}

// NewSampler watches the connections that were accepted on the TCP ports of the
// listeners, of this network namespace. A listener's address counts where it is a
// loopback one: pods that are played on one machine have the same port at several.
// Any other may be the zero Addr, for in a pod whatever comes to the port is a
// client, also by a proxy beside the server. The caller must Close it.
func NewSampler(listeners []netip.AddrPort) (*Sampler, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("open sock_diag: %w", err)
	}
	// The kernel answers at once or not at all; never hang on it.
	timeout := unix.Timeval{Sec: 2}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return nil, fmt.Errorf("open sock_diag: %w", errors.Join(err, unix.Close(fd)))
	}
	s := &Sampler{fd: fd, listeners: slices.Clone(listeners), buf: make([]byte, 64<<10)}
	if _, err := s.Sample(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close frees the socket.
func (s *Sampler) Close() error { return unix.Close(s.fd) }

// Sample lists the established connections to the listeners.
func (s *Sampler) Sample() ([]Connection, error) {
	var all []Connection
	for _, listener := range s.listeners {
		for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
			found, err := s.dump(family, listener.Port(), nil)
			if errors.Is(err, unix.ENOENT) {
				continue // a kernel without this family
			}
			if err != nil {
				return nil, fmt.Errorf("list connections to port %d: %w", listener.Port(), err)
			}
			all = append(all, slices.DeleteFunc(found, func(c Connection) bool { return elsewhere(c, listener.Addr()) })...)
		}
	}
	return all, nil
}

// elsewhere tells whether a connection belongs to another pod on this machine.
func elsewhere(c Connection, listener netip.Addr) bool {
	return listener.IsLoopback() && c.Local != listener
}

const (
	sizeofRequest = 56 // struct inet_diag_req_v2
	sizeofMessage = 72 // struct inet_diag_msg
	attributeInfo = 2  // INET_DIAG_INFO
	established   = 1  // TCP_ESTABLISHED
	closeWait     = 8  // TCP_CLOSE_WAIT: the client has said all, not heard all
)

func (s *Sampler) dump(family uint8, port uint16, into []Connection) ([]Connection, error) {
	if err := unix.Sendto(s.fd, dumpRequest(family, port), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	for {
		n, _, err := unix.Recvfrom(s.fd, s.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var done bool
		if into, done, err = parseAnswer(s.buf[:n], into); err != nil || done {
			return into, err
		}
	}
}

func dumpRequest(family uint8, port uint16) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN+sizeofRequest)
	binary.NativeEndian.PutUint32(b[0:], uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	r := b[unix.NLMSG_HDRLEN:]
	r[0], r[1], r[2] = family, unix.IPPROTO_TCP, 1<<(attributeInfo-1)
	binary.NativeEndian.PutUint32(r[4:], 1<<established|1<<closeWait)
	binary.BigEndian.PutUint16(r[8:], port)
	return b
}

var errShort = errors.New("sock_diag: message cut short")

// parseAnswer appends the connections of one datagram, and tells whether it was
// the last of the dump.
func parseAnswer(b []byte, into []Connection) (_ []Connection, done bool, _ error) {
	for len(b) >= unix.NLMSG_HDRLEN {
		length := int(binary.NativeEndian.Uint32(b))
		if length < unix.NLMSG_HDRLEN || length > len(b) {
			return into, false, errShort
		}
		body := b[unix.NLMSG_HDRLEN:length]
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.NLMSG_DONE:
			return into, true, nil
		case unix.NLMSG_ERROR:
			if len(body) < 4 {
				return into, false, errShort
			}
			return into, false, unix.Errno(-int32(binary.NativeEndian.Uint32(body)))
		case unix.SOCK_DIAG_BY_FAMILY:
			c, err := parseMessage(body)
			if err != nil {
				return into, false, err
			}
			into = append(into, c)
		}
		b = b[min(align(length), len(b)):]
	}
	return into, false, nil
}

// Offsets in struct tcp_info; older kernels end before some of them.
const (
	offsetBytesReceived = int(unsafe.Offsetof(unix.TCPInfo{}.Bytes_received))
	offsetDataSegsIn    = int(unsafe.Offsetof(unix.TCPInfo{}.Data_segs_in))
	offsetDataSegsOut   = int(unsafe.Offsetof(unix.TCPInfo{}.Data_segs_out))
)

func parseMessage(b []byte) (Connection, error) {
	if len(b) < sizeofMessage {
		return Connection{}, errShort
	}
	id := b[4:52] // struct inet_diag_sockid
	c := Connection{ID: binary.NativeEndian.Uint64(id[40:]), Remote: remote(b[0], id), Local: address(b[0], id[4:])}
	info := findAttribute(b[sizeofMessage:], attributeInfo)
	if len(info) < offsetDataSegsOut+4 {
		return Connection{}, errors.New("sock_diag: the kernel gives no counters of connections")
	}
	c.BytesIn = binary.NativeEndian.Uint64(info[offsetBytesReceived:])
	c.SegmentsIn = binary.NativeEndian.Uint32(info[offsetDataSegsIn:])
	c.SegmentsOut = binary.NativeEndian.Uint32(info[offsetDataSegsOut:])
	return c, nil
}

func remote(family uint8, id []byte) string {
	return netip.AddrPortFrom(address(family, id[20:]), binary.BigEndian.Uint16(id[2:])).String()
}

// address reads the 16 bytes that the kernel has for an address of either family.
func address(family uint8, b []byte) netip.Addr {
	if family == unix.AF_INET6 {
		return netip.AddrFrom16([16]byte(b)).Unmap()
	}
	return netip.AddrFrom4([4]byte(b))
}

func findAttribute(b []byte, kind uint16) []byte {
	for len(b) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(b))
		if length < unix.SizeofRtAttr || length > len(b) {
			return nil
		}
		if binary.NativeEndian.Uint16(b[2:]) == kind {
			return b[unix.SizeofRtAttr:length]
		}
		b = b[min(align(length), len(b)):]
	}
	return nil
}

func align(n int) int { return (n + 3) &^ 3 }
