package settings

import (
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/tarsconf"
)

const (
	serverPath = "/tars/application/server"
	// configHTTPPort is where today's Prometheus scrapes a registry that is
	// started by a Tars configuration.
	configHTTPPort = "9325"
	maxConfig      = 4 << 20
)

// The servants by their names in Tars.
const (
	queryServant = "tars.tarsregistry.QueryObj"
	nodeServant  = "tars.tarsregistry.RegistryObj"
	podServant   = "tars.tarsregistry.Registry"
)

// config is what a Tars server configuration says; the zero value is no file.
// It knows ports and hosts as texts, so that they are checked where flags are.
type config struct {
	given    bool
	name     string // for messages
	listen   map[string]listen
	admin    listen
	localIP  string
	logLevel string
}

// listen is where a configuration file lets a servant listen.
type listen struct{ host, port string }

// port is the file's word on a servant's port: "" without a file, and off
// where the file does not name the servant.
func (c *config) port(l listen) string {
	if c.given && l.port == "" {
		return "off"
	}
	return l.port
}

func (c *config) httpPort() string {
	if c.given {
		return configHTTPPort
	}
	return ""
}

// host is where the file lets the registry listen: the first host it names.
func (c *config) host() string {
	for _, servant := range []string{queryServant, podServant, nodeServant} {
		if l := c.listen[servant]; l.host != "" {
			return l.host
		}
	}
	return ""
}

func (r *reader) config() *config {
	v := r.find("config")
	if v.text == "" {
		return &config{}
	}
	name := v.name + " " + v.text
	text, err := readBounded(v.text)
	if err != nil {
		r.fail(invalid(name, "cannot be read: %v", reason(err)))
		return &config{}
	}
	c, err := parseConfig(name, text)
	if err != nil {
		r.fail(err)
		return &config{}
	}
	return c
}

func readBounded(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxConfig))
	return string(text), err
}

func parseConfig(name, text string) (*config, error) {
	document, err := tarsconf.Parse(text)
	if err != nil {
		return nil, invalid(name, "is no Tars configuration: %v", err)
	}
	if !document.HasDomain(serverPath) {
		return nil, invalid(name, "has no <tars><application><server> in it")
	}
	c := &config{given: true, name: name, listen: make(map[string]listen)}
	for _, adapter := range document.Domains(serverPath) {
		if err := c.addAdapter(document, serverPath+"/"+adapter); err != nil {
			return nil, err
		}
	}
	local := serverPath + "<local>"
	if endpoint := document.Get(local, ""); endpoint != "" {
		if c.admin, err = parseListen(endpoint); err != nil {
			return nil, invalid(name, "%s %v", local, err)
		}
	}
	c.localIP = document.Get(serverPath+"<localip>", "")
	c.logLevel = tarsLogLevel(document.Get(serverPath+"<logLevel>", document.Get(serverPath+"<loglevel>", "")))
	return c, nil
}

// addAdapter takes an adapter of one of the registry's servants; others, and
// domains that are no adapters, are passed over.
func (c *config) addAdapter(document *tarsconf.Document, path string) error {
	servant := document.Get(path+"<servant>", "")
	if servant != queryServant && servant != nodeServant && servant != podServant {
		return nil
	}
	if _, twice := c.listen[servant]; twice {
		return invalid(c.name, "%s: %s has an adapter already", path, servant)
	}
	l, err := parseListen(document.Get(path+"<endpoint>", ""))
	if err != nil {
		return invalid(c.name, "%s<endpoint> %v", path, err)
	}
	c.listen[servant] = l
	return nil
}

func parseListen(text string) (listen, error) {
	endpoint, err := naming.ParseEndpoint(text)
	if err != nil {
		return listen{}, err
	}
	if endpoint.Transport != naming.TCP {
		return listen{}, invalid(quote(text), "is not a tcp endpoint")
	}
	return listen{endpoint.Host, strconv.Itoa(int(endpoint.Port))}, nil
}

// tarsLogLevel gives Tars' words their name here; what is unknown is left for
// the check.
func tarsLogLevel(text string) string {
	switch strings.ToUpper(text) {
	case "TARS":
		return "info"
	case "OFF", "NONE":
		return "error"
	default:
		return text
	}
}
