package health

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// checkUDP looks for a socket that is bound to the endpoint's port, on its
// address or on all.
func checkUDP(endpoint naming.Endpoint) error {
	for _, table := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		bound, err := boundInFile(table, endpoint)
		if err != nil {
			return fmt.Errorf("read the socket table: %w", err)
		}
		if bound {
			return nil
		}
	}
	return fmt.Errorf("no UDP socket is bound to port %d", endpoint.Port)
}

func boundInFile(path string, endpoint naming.Endpoint) (bool, error) {
	table, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // a kernel without IPv6
	}
	if err != nil {
		return false, err
	}
	return boundIn(bytes.NewReader(table), endpoint)
}

// boundIn reads a table as /proc/net/udp has it; lines that it cannot read are
// passed over.
func boundIn(table io.Reader, endpoint naming.Endpoint) (bool, error) {
	host, err := netip.ParseAddr(endpoint.Host)
	// A host name, or 0.0.0.0, is satisfied by any address.
	anywhere := err != nil || host.IsUnspecified()
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		local, ok := parseSocket(fields[1])
		if !ok || int32(local.Port()) != endpoint.Port {
			continue
		}
		if anywhere || local.Addr().IsUnspecified() || local.Addr() == host.Unmap() {
			return true, nil
		}
	}
	return false, lines.Err()
}

// parseSocket reads address:port in hex, the address in 32-bit words of the
// host's byte order (little-endian on every platform that we build for).
func parseSocket(text string) (netip.AddrPort, bool) {
	address, port, ok := strings.Cut(text, ":")
	if !ok {
		return netip.AddrPort{}, false
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	raw, err := hex.DecodeString(address)
	if err != nil {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	ip, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), ok
}
