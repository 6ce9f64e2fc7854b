package pod

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Decide reads the metadata and settles everything that is open: names and
// settings by precedence (environment, metadata, default), the address, ports,
// macros. Ports that were chosen by an earlier Decide on the same volume are
// kept while they are free, so that doing it twice gives the same. It saves
// nothing. The warnings are sentences for people.
func Decide(env *Environment) (*Info, []string, error) { return decideFor(env, false) }

// DecideAgain is Decide for a pod whose server runs already: the ports chosen
// earlier are kept though they are not free, for it is the server that has them.
func DecideAgain(env *Environment) (*Info, []string, error) { return decideFor(env, true) }

func decideFor(env *Environment, running bool) (*Info, []string, error) {
	meta, warnings, err := LoadMeta(env.Paths.Meta())
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, nil, err
	}
	address, err := env.LocalAddress()
	if err != nil {
		return nil, nil, err
	}
	before, err := LoadInfo(env.Paths)
	if err != nil {
		before = &Info{} // none, or broken: it is about to be made anew
	}
	ports := newPorts(env.RandomPortMin, env.RandomPortMax, address)
	ports.keep = running
	info, err := decide(env, meta, address, ports, before)
	if err != nil && missing {
		err = fmt.Errorf("%w (%s does not exist)", err, env.Paths.Meta())
	}
	warnings = append(warnings, fullNames(meta, info)...)
	return info, append(env.Warnings, warnings...), err
}

// fullNames warns of objects that are written as servants: application and
// server are put before them once more, as ever.
func fullNames(meta Meta, info *Info) []string {
	if info == nil {
		return nil
	}
	var warnings []string
	prefix := info.Conf.Application + "." + info.Conf.Server + "."
	for _, a := range meta.Adapters {
		if short, is := strings.CutPrefix(a.Object, prefix); is {
			warnings = append(warnings, fmt.Sprintf("adapter %s is the servant %s: write object: %s, for application and server are put before it", a.Object, info.Servant(a), short))
		}
	}
	return warnings
}

func decide(env *Environment, meta Meta, address string, p *ports, before *Info) (*Info, error) {
	override(&meta.Application, env.Application)
	override(&meta.Server, env.Server)
	override(&meta.SetID, env.SetID)
	override(&meta.Locator, env.Locator)
	if env.RefreshInterval > 0 {
		meta.RefreshEndpointInterval = Milliseconds(env.RefreshInterval.Milliseconds())
	}
	if err := checkNames(meta); err != nil {
		return nil, err
	}
	// The address too: a registry's own pod looks up at itself.
	meta.Locator = strings.NewReplacer("${namespace}", env.Namespace, "${local_ip}", address).Replace(meta.Locator)
	if err := unknownMacro(meta.Locator, "${namespace}", "${local_ip}"); err != nil {
		return nil, fmt.Errorf("locator: %w", err)
	}
	m := macros{address: address, ports: p}
	earlier := earlierPorts(before)
	m.reserve(meta)
	// Adapters first and in order, then the admin endpoint: the order decides
	// who gets a port that two of them had before.
	meta.Adapters = append([]Adapter(nil), meta.Adapters...)
	for i := range meta.Adapters {
		a := &meta.Adapters[i]
		if a.Endpoint == "" {
			a.Endpoint = defaultEndpoint(address)
		}
		endpoint, err := m.fill(a.Endpoint, earlier[a.Object])
		if err != nil {
			return nil, fmt.Errorf("adapter %s: %w", a.Object, err)
		}
		a.Endpoint = endpoint
	}
	local, err := m.fill(meta.Local, earlier[""])
	if err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	meta.Local = local
	info := &Info{Conf: meta, LocalIP: address, TarsPath: env.Paths.Root, BuildServer: meta.Server}
	override(&info.BuildServer, env.BuildServer)
	if strings.ContainsAny(info.BuildServer, `/\`) {
		return nil, fmt.Errorf("TARS_BUILD_SERVER is %q; it is the name of a file and has no slash in it", info.BuildServer)
	}
	if env.WorkerID.Set {
		info.WorkerID = fmt.Sprint(env.WorkerID.Number)
	}
	return info, nil
}

func override(value *string, with string) {
	if with != "" {
		*value = with
	}
}

func checkNames(meta Meta) error {
	if meta.Application == "" {
		return errors.New("the application has no name: set TARS_APPLICATION, or application in _server_meta.yaml")
	}
	if meta.Server == "" {
		return errors.New("the server has no name: set TARS_SERVER, or server in _server_meta.yaml")
	}
	key := naming.Key{Application: meta.Application, Server: meta.Server, Node: "node"}
	if err := naming.NormalizeKey(&key); err != nil {
		return err
	}
	if _, err := naming.ParseSetID(meta.SetID); err != nil {
		return fmt.Errorf("TARS_SET_ID, or set_id in _server_meta.yaml: %w", err)
	}
	seen := make(map[string]bool)
	for _, a := range meta.Adapters {
		if seen[a.Object] {
			return fmt.Errorf("adapter %s is there twice", a.Object)
		}
		seen[a.Object] = true
	}
	return nil
}

// defaultEndpoint also says where to bind on IPv6, in the brackets that
// TarsGo needs for listening; everybody else passes over -b.
func defaultEndpoint(address string) string {
	if strings.Contains(address, ":") {
		return "tcp -h ${local_ip} -p ${random_port} -t 30000 -b [${local_ip}]"
	}
	return "tcp -h ${local_ip} -p ${random_port} -t 30000"
}

// macros fills in what an endpoint leaves open.
type macros struct {
	address string
	ports   *ports
}

func (m macros) fill(endpoint string, earlier int) (string, error) {
	endpoint = strings.ReplaceAll(endpoint, "${local_ip}", m.address)
	const randomPort = "${random_port}"
	if err := unknownMacro(strings.ReplaceAll(endpoint, randomPort, ""), "${local_ip}", randomPort); err != nil {
		return "", err
	}
	// With port 0 in its place the endpoint shows its transport and host.
	parsed, err := naming.ParseEndpoint(strings.ReplaceAll(endpoint, randomPort, "0"))
	if err != nil {
		return "", err
	}
	host := strings.Trim(parsed.Host, "[]")
	for strings.Contains(endpoint, randomPort) {
		port, err := m.ports.pick(parsed.Transport, host, earlier)
		if err != nil {
			return "", err
		}
		endpoint = strings.Replace(endpoint, randomPort, fmt.Sprint(port), 1)
	}
	// The macro may stand where a number means something else than 0 does.
	if _, err := naming.ParseEndpoint(endpoint); err != nil {
		return "", err
	}
	return endpoint, nil
}

// unknownMacro finds what is left of the macros when the known ones are filled in.
func unknownMacro(filled string, known ...string) error {
	start := strings.Index(filled, "${")
	if start < 0 {
		return nil
	}
	name := filled[start:]
	if end := strings.IndexByte(name, '}'); end >= 0 {
		name = name[:end+1]
	}
	return fmt.Errorf("%s is not known; there are %s", name, strings.Join(known, " and "))
}

// reserve keeps the ports that are written down from being given to others.
func (m macros) reserve(meta Meta) {
	endpoints := []string{meta.Local}
	for _, a := range meta.Adapters {
		endpoints = append(endpoints, a.Endpoint)
	}
	for _, endpoint := range endpoints {
		if parsed, err := naming.ParseEndpoint(endpoint); err == nil {
			m.ports.taken[int(parsed.Port)] = true
		}
	}
}

// earlierPorts are the ports of an earlier decision by object; "" is the admin
// endpoint.
func earlierPorts(before *Info) map[string]int {
	earlier := make(map[string]int)
	note := func(object, endpoint string) {
		if parsed, err := naming.ParseEndpoint(endpoint); err == nil {
			earlier[object] = int(parsed.Port)
		}
	}
	note("", before.Conf.Local)
	for _, a := range before.Conf.Adapters {
		note(a.Object, a.Endpoint)
	}
	return earlier
}
