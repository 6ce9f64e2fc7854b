package registryclient

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/atomicfile"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/tars"
)

// RegistryObject is the servant that pods register with.
const RegistryObject = "tars.tarsregistry.Registry"

// The ports of a registry that was told none: where it answers look-ups, and
// where RegistryObject.
const (
	defaultQueryPort = 17890
	defaultPort      = 17892
)

// finder knows where RegistryObject is answered. It is safe for concurrent use.
type finder struct {
	invoker Invoker
	locator Locator
	cache   string // file; empty: none
	node    string
	timeout time.Duration
	log     *slog.Logger

	mu    sync.Mutex
	found []naming.Endpoint // of the last look-up that found any
	good  naming.Endpoint   // answered last
	when  time.Time         // of the last look-up
}

// refreshAfter is the age at which what was found is looked up again.
const refreshAfter = time.Minute

// candidates are the endpoints to try, the most promising first: the one that
// answered last, those found, and always the addresses of the locator, which is
// a Service that outlives every single replica.
func (f *finder) candidates(ctx context.Context) []naming.Endpoint {
	f.mu.Lock()
	old := time.Since(f.when) >= refreshAfter || f.when.IsZero()
	f.mu.Unlock()
	if old {
		f.refresh(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]naming.Endpoint, 0, len(f.found)+3*len(f.locator.Endpoints)+1)
	if f.good.Port != 0 {
		list = append(list, f.good)
	}
	list = append(list, f.found...)
	for _, service := range f.locator.Endpoints {
		list = append(list, f.atService(service)...)
	}
	return unique(list)
}

// atService guesses where a Service of the locator offers RegistryObject: at
// the ports that its replicas use, or together with look-ups. Only while no
// replica was ever found, and the locator has the usual port, the usual port is
// tried too: elsewhere somebody else's registry may listen there.
func (f *finder) atService(service naming.Endpoint) []naming.Endpoint {
	ports := []int32{}
	for _, e := range f.found {
		ports = append(ports, e.Port)
	}
	if len(ports) == 0 && service.Port == defaultQueryPort {
		ports = append(ports, defaultPort)
	}
	ports = append(ports, service.Port)
	var list []naming.Endpoint
	for _, port := range ports {
		service.Port = port
		list = append(list, service)
	}
	return list
}

func unique(list []naming.Endpoint) []naming.Endpoint {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(e naming.Endpoint) bool {
		was := seen[e.Address()]
		seen[e.Address()] = true
		return was
	})
}

// answered notes an endpoint that works.
func (f *finder) answered(e naming.Endpoint) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.good = e
}

// failed notes that none of the candidates works: the next call looks up anew.
func (f *finder) failed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.good, f.when = naming.Endpoint{}, time.Time{}
}

// refresh looks the object up; when that fails, what was found before stays,
// or what the cache holds from an earlier life.
func (f *finder) refresh(ctx context.Context) {
	found, err := f.lookUp(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && len(found) > 0 {
		f.when = time.Now()
		if !slices.Equal(found, f.found) {
			f.found = found
			f.writeCache()
		}
		return
	}
	if len(f.found) == 0 {
		f.found = f.readCache()
	}
}

func (f *finder) lookUp(ctx context.Context) ([]naming.Endpoint, error) {
	var last error
	for _, at := range f.locator.Endpoints {
		stub := tars.NewQueryF()
		stub.SetServant(&servant{invoker: f.invoker, object: f.locator.Object, at: at})
		var active, inactive []tars.EndpointF
		one, cancel := context.WithTimeout(ctx, f.timeout)
		_, err := stub.FindObjectByIdInSameGroupWithContext(one, RegistryObject, &active, &inactive, map[string]string{"node_name": f.node})
		cancel()
		if err == nil {
			return convert(active), nil
		}
		last = err
	}
	return nil, fmt.Errorf("look up %s: %w", RegistryObject, last)
}

func convert(list []tars.EndpointF) []naming.Endpoint {
	var endpoints []naming.Endpoint
	for _, e := range list {
		if e.Istcp == int32(naming.UDP) {
			continue
		}
		endpoints = append(endpoints, naming.Endpoint{
			Transport: naming.Transport(e.Istcp), Host: e.Host, Port: e.Port, Timeout: e.Timeout, Weight: -1,
		})
	}
	return endpoints
}

// writeCache keeps what was found for the next life. The cache is a help, never
// a condition: an error is not the caller's.
func (f *finder) writeCache() {
	if f.cache == "" {
		return
	}
	var lines []string
	for _, e := range f.found {
		lines = append(lines, e.String())
	}
	data, err := json.Marshal(lines)
	if err == nil {
		err = atomicfile.Write(f.cache, data, 0o644)
	}
	if err != nil {
		f.log.Debug("keep the registry's endpoints", "error", err)
	}
}

func (f *finder) readCache() []naming.Endpoint {
	if f.cache == "" {
		return nil
	}
	data, err := os.ReadFile(f.cache)
	if err != nil {
		return nil
	}
	var lines []string
	// A file of another program, or half of one, is as good as none.
	if json.Unmarshal(data, &lines) != nil {
		return nil
	}
	var endpoints []naming.Endpoint
	for _, line := range lines {
		if e, err := naming.ParseEndpoint(line); err == nil && e.Port != 0 {
			endpoints = append(endpoints, e)
		}
	}
	return endpoints
}
