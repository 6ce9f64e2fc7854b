package pod

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Meta is _server_meta.yaml: what the image says about its server. Only the
// names have no default.
type Meta struct {
	Version     string `yaml:"version,omitempty"`
	Application string `yaml:"application"`
	Server      string `yaml:"server"`
	SetID       string `yaml:"set_id"`
	Locator     string `yaml:"locator"`

	SampleRate              int          `yaml:"sample_rate"`
	MaxSampleCount          int          `yaml:"max_sample_count"`
	StatObj                 string       `yaml:"statObj"`
	PropertyObj             string       `yaml:"propertyObj"`
	AsyncThreadNum          int          `yaml:"asyncThreadNum"`
	SyncInvokeTimeout       Milliseconds `yaml:"sync_invoke_timeout"`
	AsyncInvokeTimeout      Milliseconds `yaml:"async_invoke_timeout"`
	ReportInterval          Milliseconds `yaml:"report_interval"`
	RefreshEndpointInterval Milliseconds `yaml:"refresh_endpoint_interval"`

	Adapters            []Adapter    `yaml:"adapters"`
	Local               string       `yaml:"local"`
	LogSize             string       `yaml:"logSize"`
	LogNum              int          `yaml:"logNum"`
	ConfigObj           string       `yaml:"configObj"`
	NotifyObj           string       `yaml:"notifyObj"`
	LogObj              string       `yaml:"logObj"`
	LogLevel            string       `yaml:"logLevel"`
	DeactivatingTimeout Milliseconds `yaml:"deactivating_timeout"`
}

// Adapter is one of the server's servants and where it listens.
type Adapter struct {
	Object       string       `yaml:"object"`
	Endpoint     string       `yaml:"endpoint"`
	MaxConns     int          `yaml:"maxconns"`
	Protocol     string       `yaml:"protocol"`
	QueueCap     int          `yaml:"queuecap"`
	QueueTimeout Milliseconds `yaml:"queuetimeout"`
	Threads      int          `yaml:"threads"`
}

// DefaultLocator is the registry's Service in the pod's Tars namespace.
const DefaultLocator = "tars.tarsregistry.QueryObj@tcp -h tars-registry.${namespace}.svc.cluster.local -p 17890"

// DefaultMeta is what a file that says nothing says.
func DefaultMeta() Meta {
	return Meta{
		Locator:                 DefaultLocator,
		SampleRate:              100000,
		MaxSampleCount:          50,
		StatObj:                 "tars.tarsstat.StatObj",
		PropertyObj:             "tars.tarsproperty.PropertyObj",
		AsyncThreadNum:          3,
		SyncInvokeTimeout:       3000,
		AsyncInvokeTimeout:      5000,
		ReportInterval:          6000,
		RefreshEndpointInterval: Milliseconds(DefaultRefreshInterval.Milliseconds()),
		Local:                   "tcp -h 127.0.0.1 -p ${random_port} -t 5000",
		LogSize:                 "100M",
		LogNum:                  5,
		ConfigObj:               "tars.tarsconfig.ConfigObj",
		NotifyObj:               "tars.tarsnotify.NotifyObj",
		LogObj:                  "tars.tarslog.LogObj",
		LogLevel:                "DEBUG",
		DeactivatingTimeout:     3000,
	}
}

// LoadMeta reads the file over the defaults. A file that is not there is
// fs.ErrNotExist; one that can't be read names itself and the line. Keys that
// mean nothing are no error, but warnings.
func LoadMeta(file string) (Meta, []string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return DefaultMeta(), nil, fmt.Errorf("read metadata: %w", err)
	}
	meta, err := ParseMeta(text)
	if err != nil {
		return meta, nil, fmt.Errorf("%s: %w", file, err)
	}
	return meta, unknownKeys(file, text), nil
}

// ParseMeta reads the metadata over the defaults.
func ParseMeta(text []byte) (Meta, error) {
	meta := DefaultMeta()
	if err := yaml.Unmarshal(text, &meta); err != nil {
		return DefaultMeta(), describeYAML(err)
	}
	for i, a := range meta.Adapters {
		if a.Object == "" {
			return DefaultMeta(), fmt.Errorf("adapter %d has no object", i+1)
		}
	}
	return meta, nil
}

// describeYAML takes the package's prefixes off; what is left says the line.
func describeYAML(err error) error {
	if types, ok := errors.AsType[*yaml.TypeError](err); ok {
		return errors.New("not the form this file has: " + strings.Join(types.Errors, "; "))
	}
	return errors.New("broken YAML: " + strings.TrimPrefix(err.Error(), "yaml: "))
}

func unknownKeys(file string, text []byte) []string {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	meta := DefaultMeta()
	err := dec.Decode(&meta)
	types, ok := errors.AsType[*yaml.TypeError](err)
	if !ok || errors.Is(err, io.EOF) {
		return nil
	}
	var warnings []string
	for _, e := range types.Errors {
		// "line 7: field thread not found in type pod.Adapter"
		what, _, _ := strings.Cut(e, " not found in type ")
		warnings = append(warnings, file+": "+what+" is not known and ignored")
	}
	return warnings
}

// UnmarshalYAML fills in the defaults of what an adapter does not say.
func (a *Adapter) UnmarshalYAML(n *yaml.Node) error {
	type plain Adapter // without this method
	p := plain{MaxConns: 200000, Protocol: "tars", QueueCap: 10000, QueueTimeout: 60000, Threads: 5}
	if err := n.Decode(&p); err != nil {
		return err //nolint:wrapcheck // the decoder around this one collects its *yaml.TypeError
	}
	*a = Adapter(p)
	return nil
}

// UnmarshalYAML takes milliseconds, or a duration with its unit.
func (m *Milliseconds) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a length of time is wanted", n.Line)
	}
	parsed, err := ParseMilliseconds(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q: %w", n.Line, n.Value, err)
	}
	*m = parsed
	return nil
}
