package genconf

import (
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/pod"
	"github.com/tarsregistry/tarsregistry/internal/tarsconf"
)

const (
	applicationPath = "/tars/application"
	clientPath      = applicationPath + "/client"
	serverPath      = applicationPath + "/server"
)

// setting is one key=value line of the domain it is listed for.
type setting struct{ key, value string }

func generate(info *pod.Info) (*tarsconf.Document, error) {
	d := tarsconf.New()
	err := d.AddComment("/", "Made by tarscli genconf at every start; lay your changes over it with TARS_MERGE_CONF.")
	if err == nil {
		err = put(d, applicationPath, applicationSettings(info))
	}
	if err == nil {
		err = put(d, clientPath, clientSettings(info))
	}
	if err == nil {
		err = put(d, serverPath, serverSettings(info))
	}
	for _, a := range info.Conf.Adapters {
		if err == nil {
			err = put(d, serverPath+"/"+info.AdapterName(a), adapterSettings(info, a))
		}
	}
	return d, err
}

func put(d *tarsconf.Document, domain string, settings []setting) error {
	for _, s := range settings {
		if err := d.Set(domain+"<"+s.key+">", s.value); err != nil {
			return err
		}
	}
	return nil
}

func applicationSettings(info *pod.Info) []setting {
	enableSet := "n"
	if info.Conf.SetID != "" {
		enableSet = "y"
	}
	return []setting{{"enableset", enableSet}, {"setdivision", info.Conf.SetID}}
}

func clientSettings(info *pod.Info) []setting {
	c := info.Conf
	return []setting{
		{"locator", c.Locator},
		{"sync-invoke-timeout", number(c.SyncInvokeTimeout)},
		{"async-invoke-timeout", number(c.AsyncInvokeTimeout)},
		{"refresh-endpoint-interval", number(c.RefreshEndpointInterval)},
		{"stat", c.StatObj},
		{"property", c.PropertyObj},
		{"report-interval", number(c.ReportInterval)},
		{"sample-rate", number(c.SampleRate)},
		{"max-sample-count", number(c.MaxSampleCount)},
		{"asyncthread", number(c.AsyncThreadNum)},
		{"modulename", c.Application + "." + c.Server},
	}
}

func serverSettings(info *pod.Info) []setting {
	c := info.Conf
	return []setting{
		{"app", c.Application},
		{"server", c.Server},
		{"localip", info.LocalIP},
		{"local", c.Local},
		{"basepath", folder(info.TarsPath, "bin")},
		{"datapath", folder(info.TarsPath, "data")},
		{"logpath", folder(info.TarsPath, "log")},
		{"logLevel", c.LogLevel},
		{"logsize", c.LogSize},
		{"lognum", number(c.LogNum)},
		{"config", c.ConfigObj},
		{"notify", c.NotifyObj},
		{"log", c.LogObj},
		{"deactivating-timeout", number(c.DeactivatingTimeout)},
	}
}

func adapterSettings(info *pod.Info, a pod.Adapter) []setting {
	return []setting{
		{"allow", ""}, // everybody
		{"handlegroup", info.AdapterName(a)},
		{"servant", info.Servant(a)},
		{"endpoint", a.Endpoint},
		{"maxconns", number(a.MaxConns)},
		{"protocol", a.Protocol},
		{"queuecap", number(a.QueueCap)},
		{"queuetimeout", number(a.QueueTimeout)},
		{"threads", number(a.Threads)},
	}
}

func number[N ~int](n N) string { return strconv.Itoa(int(n)) }

// folder ends in a slash, because servers put file names straight behind it.
func folder(root, name string) string {
	return path.Join(filepath.ToSlash(root), name) + "/"
}

// expand fills in the macros that may stand anywhere in the configuration. The
// port macro is not among them: a port has to be registered too, so only
// _server_meta.yaml can ask for one.
func expand(text string, env *pod.Environment, info *pod.Info) (string, error) {
	if strings.Contains(text, "${worker_id}") && info.WorkerID == "" {
		return "", errNoWorkerID
	}
	return strings.NewReplacer(
		"${worker_id}", info.WorkerID,
		"${local_ip}", info.LocalIP,
		"${namespace}", env.Namespace,
	).Replace(text), nil
}
