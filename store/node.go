package store

import (
	"context"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// What tarsnode asks of the registry (tarsnode.md).

// LoadAverage is a machine's load.
type LoadAverage struct{ One, Five, Fifteen float32 }

// NodeOutcome is what RegisterNode answers.
type NodeOutcome int

// The outcomes of RegisterNode, by their wire values.
const (
	NodeRegistered NodeOutcome = 0
	NodeTaken      NodeOutcome = 1 // another live node has the name with another node_obj
)

// RegisterNode registers a machine with tarsnode. template_name, group_id and
// label stay as they are.
func (s *Store) RegisterNode(ctx context.Context, node naming.Node, dataDir string, load LoadAverage) (NodeOutcome, error) {
	return 0, errNotYet
}

// BeatNode takes a tarsnode's heartbeat; false: the node is not known.
func (s *Store) BeatNode(ctx context.Context, name string, load LoadAverage) (known bool, err error) {
	return false, errNotYet
}

// DestroyNode makes a node and its unleased servers inactive.
func (s *Store) DestroyNode(ctx context.Context, name string) (*Commit, error) { return nil, errNotYet }

// NodeServer is a server as tarsnode wants to know it: all that a
// ServerDescriptor carries.
type NodeServer struct {
	naming.Key
	BasePath, ExePath                      string
	SettingState, PresentState             naming.State
	TemplateName, Profile                  string
	PatchVersion, PatchTime, PatchUser     string
	ServerType                             string
	StartScript, StopScript, MonitorScript string
	ConfigCenterPort, AsyncThreadNum       int32
	SetID                                  string
	RunType                                string
	BaseImageID                            int64
	Adapters                               []NodeAdapter
}

// NodeAdapter is an adapter as tarsnode wants to know it.
type NodeAdapter struct {
	naming.Adapter
	AllowIP     string
	HandleGroup string
}

// NodeServers gives the servers of a node; with application and server empty all
// of them.
func (s *Store) NodeServers(ctx context.Context, application, server, node string) ([]NodeServer, error) {
	return nil, errNotYet
}

// Template is a row of t_profile_template.
type Template struct {
	Name, Parent, Profile string
}

// Templates reads a template and all it inherits from, the template first; a loop
// is cut. None: the template does not exist.
func (s *Store) Templates(ctx context.Context, name string) ([]Template, error) {
	return nil, errNotYet
}

// NodeTemplate is the name of a node's template, "" where it has none.
func (s *Store) NodeTemplate(ctx context.Context, node string) (string, error) { return "", errNotYet }

// ServerState is what tarsnode reports of a server.
type ServerState struct {
	naming.Key
	Present   naming.State
	Setting   naming.State // "": not told
	ProcessID int32
}

// ReportServers writes states and process ids that tarsnode reports, where they
// differ. Servers that are not there, or are held by a pod's lease, are passed over.
func (s *Store) ReportServers(ctx context.Context, states []ServerState, actor string) (*Commit, error) {
	return nil, errNotYet
}

// ReportVersion writes t_server_conf.tars_version.
func (s *Store) ReportVersion(ctx context.Context, key naming.Key, version string) error {
	return errNotYet
}

// ReportPatch writes patch_version, patch_user and patch_time.
func (s *Store) ReportPatch(ctx context.Context, key naming.Key, version, user string) error {
	return errNotYet
}
