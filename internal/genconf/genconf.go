package genconf

import (
	"errors"
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/atomicfile"
	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/tarsconf"
)

// Result is a configuration that is not written yet.
type Result struct {
	Info     *pod.Info
	Text     string   // the configuration file
	Warnings []string // sentences for people
}

// Generate decides everything and makes the configuration. Nothing is written.
func Generate(env *pod.Environment) (*Result, error) {
	return generateBy(env, pod.Decide)
}

// GenerateAgain is Generate for a pod whose server runs already: it keeps its
// ports.
func GenerateAgain(env *pod.Environment) (*Result, error) {
	return generateBy(env, pod.DecideAgain)
}

func generateBy(env *pod.Environment, decide func(*pod.Environment) (*pod.Info, []string, error)) (*Result, error) {
	info, warnings, err := decide(env)
	if err != nil {
		return nil, err
	}
	result, err := Build(env, info)
	if err != nil {
		return nil, err
	}
	result.Warnings = append(warnings, result.Warnings...)
	return result, nil
}

// Build makes the configuration from what is decided. Info.WorkerID has to be
// there by now if the configuration uses ${worker_id}. The same input gives
// the same text. The result's Info has the admin endpoint of the configuration
// if that is another than info's.
func Build(env *pod.Environment, info *pod.Info) (*Result, error) {
	document, err := generate(info)
	if err != nil {
		return nil, fmt.Errorf("generate configuration: %w", err)
	}
	result := &Result{}
	if env.MergeConf != "" {
		over, err := tarsconf.Load(env.MergeConf)
		if err != nil {
			return nil, fmt.Errorf("TARS_MERGE_CONF: %w", err)
		}
		for _, p := range over.Problems() {
			result.Warnings = append(result.Warnings, env.MergeConf+": "+p.String())
		}
		document.Merge(over)
	}
	result.Text, err = expand(document.Format(), env, info)
	if err != nil {
		return nil, err
	}
	final, err := tarsconf.Parse(result.Text)
	if err != nil {
		return nil, fmt.Errorf("the values filled in break the configuration: %w", err)
	}
	result.Warnings = append(result.Warnings, movedEndpoints(final, info)...)
	settled := *info
	settled.Conf.Local = final.Get(serverPath+"<local>", info.Conf.Local)
	result.Info = &settled
	return result, nil
}

// movedEndpoints tells where the server listens elsewhere than is registered,
// which is legal and seldom meant.
func movedEndpoints(final *tarsconf.Document, info *pod.Info) []string {
	var warnings []string
	for _, a := range info.Conf.Adapters {
		listens := final.Get(serverPath+"/"+info.AdapterName(a)+"<endpoint>", "")
		if listens != a.Endpoint {
			warnings = append(warnings, fmt.Sprintf("TARS_MERGE_CONF moves %s to %q, and %q is registered: clients go there",
				info.Servant(a), listens, a.Endpoint))
		}
	}
	return warnings
}

// Write puts the configuration and data/server_info.yaml in their places, each
// of them whole or not at all.
func (r *Result) Write() error {
	if err := atomicfile.Write(r.Info.ConfFile(), []byte(r.Text), 0o644); err != nil {
		return err
	}
	return r.Info.Save()
}

var errNoWorkerID = errors.New("the configuration uses ${worker_id} and this pod has none: set TARS_WORKER_ID to a number, or to auto under tarscli supervisor, which leases one")
