package registryclient

import (
	"fmt"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Locator is where look-ups go: an object and the endpoints it is known at.
type Locator struct {
	Object    string
	Endpoints []naming.Endpoint
}

// ParseLocator reads a locator such as
//
//	tars.tarsregistry.QueryObj@tcp -h registry -p 17890:tcp -h 10.0.0.2 -p 17890
//
// A colon separates endpoints only before a transport, so that IPv6 addresses
// need no brackets.
func ParseLocator(text string) (Locator, error) {
	object, list, ok := strings.Cut(strings.TrimSpace(text), "@")
	if !ok || object == "" {
		return Locator{}, fmt.Errorf("locator %q must be object@endpoint", text)
	}
	locator := Locator{Object: object}
	for _, part := range splitEndpoints(list) {
		endpoint, err := naming.ParseEndpoint(part)
		if err != nil {
			return Locator{}, fmt.Errorf("locator: %w", err)
		}
		if endpoint.Port == 0 {
			return Locator{}, fmt.Errorf("locator: endpoint %q has no port", part)
		}
		locator.Endpoints = append(locator.Endpoints, endpoint)
	}
	return locator, nil
}

func splitEndpoints(list string) []string {
	var parts []string
	start := 0
	for i := range len(list) {
		if list[i] != ':' {
			continue
		}
		next := strings.TrimLeft(list[i+1:], " \t")
		if len(next) > 3 && strings.ContainsAny(next[3:4], " \t") && isTransport(next[:3]) {
			parts = append(parts, list[start:i])
			start = i + 1
		}
	}
	return append(parts, list[start:])
}

func isTransport(word string) bool { return word == "tcp" || word == "udp" || word == "ssl" }
