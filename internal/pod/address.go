package pod

import (
	"fmt"
	"net"
	"net/netip"
)

// LocalAddress is the pod's own address, which is also its node name: POD_IP,
// else the source address of the route to 10.0.0.1 (or of the IPv6 default
// route). No packet is sent. It never is 0.0.0.0: an instance under that name
// would be somebody else's too.
func (e *Environment) LocalAddress() (string, error) {
	if e.PodIP != "" {
		return checkAddress("POD_IP", e.PodIP)
	}
	for _, target := range []string{"10.0.0.1:80", "[2000::1]:80"} {
		if address, ok := routeSource(target); ok {
			return address, nil
		}
	}
	return "", fmt.Errorf("POD_IP is not set and there is no route to take this pod's address from; set POD_IP (in a manifest from fieldRef status.podIP)")
}

func checkAddress(name, text string) (string, error) {
	address, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s is %q, which is no IP address", name, text)
	case address.IsUnspecified():
		return "", fmt.Errorf("%s is %s, which is every address and so nobody's; set it to this pod's own", name, text)
	case address.IsMulticast():
		return "", fmt.Errorf("%s is %s, a multicast address; set it to this pod's own", name, text)
	}
	return address.Unmap().String(), nil
}

func routeSource(target string) (string, bool) {
	conn, err := net.Dial("udp", target) //nolint:noctx // sends nothing and returns at once
	if err != nil {
		return "", false
	}
	defer conn.Close()
	from, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil || from.Addr().IsUnspecified() {
		return "", false
	}
	return from.Addr().Unmap().String(), true
}
