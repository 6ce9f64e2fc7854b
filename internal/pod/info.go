package pod

import (
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/tarsregistry/tarsregistry/internal/atomicfile"
)

// Info is all that has been decided about the pod's server: the metadata with
// nothing left open, and the pod's address. It is data/server_info.yaml.
type Info struct {
	Conf        Meta   `yaml:"conf"`
	LocalIP     string `yaml:"local_ip"` // also the node's name
	TarsPath    string `yaml:"tars_path"`
	BuildServer string `yaml:"build_server,omitempty"`
	WorkerID    string `yaml:"worker_id,omitempty"` // empty: none (yet)
}

// Servant is the full name of an adapter's object.
func (i *Info) Servant(a Adapter) string {
	return i.Conf.Application + "." + i.Conf.Server + "." + a.Object
}

// AdapterName is the name the adapter has in configuration and database.
func (i *Info) AdapterName(a Adapter) string {
	return i.Servant(a) + "Adapter"
}

// ConfFile is where the generated configuration goes.
func (i *Info) ConfFile() string {
	return Paths{i.TarsPath}.Conf(i.BuildServer + ".conf")
}

// Save writes the information for the other subcommands.
func (i *Info) Save() error {
	text, err := yaml.Marshal(i)
	if err != nil {
		return fmt.Errorf("encode server information: %w", err)
	}
	return atomicfile.Write(Paths{i.TarsPath}.Info(), text, 0o644)
}

// LoadInfo reads what was saved under the paths: by us, or by the tarscli that
// ran here before.
func LoadInfo(paths Paths) (*Info, error) {
	text, err := os.ReadFile(paths.Info())
	if err != nil {
		return nil, fmt.Errorf("read server information (made by tarscli genconf): %w", err)
	}
	info := &Info{Conf: DefaultMeta()}
	if err := yaml.Unmarshal(text, info); err != nil {
		return nil, fmt.Errorf("%s: %w", paths.Info(), describeYAML(err))
	}
	if info.TarsPath == "" || filepath.Clean(info.TarsPath) != filepath.Clean(paths.Root) {
		info.TarsPath = paths.Root // the volume is mounted elsewhere now
	}
	if info.BuildServer == "" {
		info.BuildServer = info.Conf.Server
	}
	return info, nil
}
