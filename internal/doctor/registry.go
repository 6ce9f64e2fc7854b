package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/registryclient"
	"github.com/tarsregistry/tarsregistry/internal/rpc/wire"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

// locator asks every endpoint of the locator where pods register, and whether
// somebody answers there.
func (e *examination) locator(ctx context.Context, info *pod.Info, dialer *tarsclient.Dialer) {
	const subject = "locator"
	locator, err := registryclient.ParseLocator(info.Conf.Locator)
	if err != nil {
		e.add(Problem, subject, err.Error(), "write TARS_LOCATOR as "+strings.ReplaceAll(pod.DefaultLocator, "${namespace}", pod.DefaultNamespace))
		return
	}
	found := make(map[string]naming.Endpoint)
	reached := false
	for _, at := range locator.Endpoints {
		endpoints, err := lookUp(ctx, dialer, at, locator.Object)
		if err != nil {
			e.add(Problem, subject, fmt.Sprintf("%s does not answer: %v", at.Address(), err), locatorChange(err))
			continue
		}
		reached = true
		e.ok(subject, "%s answers", at.Address())
		for _, f := range endpoints {
			found[f.Address()] = f
		}
	}
	if !reached {
		return
	}
	if len(found) == 0 {
		e.add(Warning, "registry", "the registry names no active endpoint of "+registryclient.RegistryObject+", which pods register with",
			"look at the registry's own log: it lists itself when it is ready")
	}
	for _, at := range found {
		e.registryAt(ctx, dialer, at)
	}
}

func locatorChange(err error) string {
	var dns *net.DNSError
	var failed *tarsclient.ServerError
	switch {
	case errors.As(err, &dns):
		return "correct the host in TARS_LOCATOR, or TARS_NAMESPACE if it stands for the wrong namespace; the Service has to exist there"
	case errors.As(err, &failed):
		return "correct TARS_LOCATOR: something else than a registry's QueryObj listens there"
	}
	return "start the registry, or correct TARS_LOCATOR; if a firewall or network policy is between, let TCP through"
}

func (e *examination) registryAt(ctx context.Context, dialer *tarsclient.Dialer, at naming.Endpoint) {
	request := tarsclient.Request{Servant: registryclient.RegistryObject, Function: "tars_ping"}
	_, err := dialer.Invoke(ctx, at.String(), request)
	if err != nil {
		e.add(Problem, "registry", fmt.Sprintf("%s, where pods register, does not answer: %v", at.Address(), err),
			"let TCP through from this pod to that address; if the address is not one that pods reach, correct the registry's own POD_IP")
		return
	}
	e.ok("registry", "%s takes registrations", at.Address())
}

// lookUp asks for the active endpoints that pods register at.
func lookUp(ctx context.Context, dialer *tarsclient.Dialer, at naming.Endpoint, object string) ([]naming.Endpoint, error) {
	request := tarsclient.Request{
		Servant: object, Function: "findObjectById",
		Body: wire.AppendString(nil, 1, registryclient.RegistryObject),
	}
	response, err := dialer.Invoke(ctx, at.String(), request)
	if err != nil {
		return nil, err
	}
	return readEndpoints(response.Body)
}

// readEndpoints decodes a return value of vector<EndpointF>.
func readEndpoints(body []byte) ([]naming.Endpoint, error) {
	r := wire.NewReader(body)
	var endpoints []naming.Endpoint
	for range r.List(0) {
		r.BeginStruct(0)
		e := naming.Endpoint{Host: string(r.String(0)), Port: r.Int32(1), Timeout: r.Int32(2), Transport: naming.Transport(r.Int32(3)), Weight: -1}
		r.EndStruct()
		if r.Err() != nil {
			break
		}
		endpoints = append(endpoints, e)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("its answer is no list of endpoints: %w", err)
	}
	return endpoints, nil
}
