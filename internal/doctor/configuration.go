package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/genconf"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/internal/pod"
)

// configuration looks at what genconf would make, and whether the registry
// would take what is registered from it.
func (e *examination) configuration(env *pod.Environment, result *genconf.Result) {
	for _, w := range result.Warnings {
		if slices.Contains(env.Warnings, w) {
			continue // said already
		}
		e.add(Warning, "configuration", w, "correct it if that is not what you mean")
	}
	info := result.Info
	e.units(info)
	registration := registrationOf(env, info)
	if err := registration.Normalize(); err != nil {
		e.add(Problem, "registration", "the registry will refuse it, for its tables can't hold it: "+err.Error(), advice(err))
		return
	}
	if len(registration.Adapters) == 0 {
		e.add(Warning, "registration", registration.Key.String()+" without adapters: the server is registered and no client can call it", "list them under adapters in _server_meta.yaml")
		return
	}
	var servants []string
	for _, a := range registration.Adapters {
		servants = append(servants, a.Servant)
	}
	e.ok("registration", "%s, to be called as %s", registration.Key, strings.Join(servants, ", "))
}

// units finds milliseconds that look like seconds.
func (e *examination) units(info *pod.Info) {
	const shortest = 100 // ms
	c := info.Conf
	for _, v := range []struct {
		name  string
		value pod.Milliseconds
	}{
		{"sync_invoke_timeout", c.SyncInvokeTimeout},
		{"async_invoke_timeout", c.AsyncInvokeTimeout},
		{"report_interval", c.ReportInterval},
		{"deactivating_timeout", c.DeactivatingTimeout},
	} {
		if v.value > 0 && v.value < shortest {
			e.add(Warning, "units", fmt.Sprintf("%s is %d, and that is milliseconds", v.name, v.value),
				fmt.Sprintf("write %s: %ds in _server_meta.yaml if you mean seconds", v.name, v.value))
		}
	}
	if r := c.RefreshEndpointInterval; r < 1000 {
		e.add(Warning, "units", fmt.Sprintf("the refresh-endpoint-interval is %d ms: every client asks the registry that often", r),
			fmt.Sprintf("write %ds if you mean seconds (TARS_EP_UPTIME, or refresh_endpoint_interval in _server_meta.yaml)", r))
	}
	for _, a := range c.Adapters {
		if parsed, err := naming.ParseEndpoint(a.Endpoint); err == nil && parsed.Timeout > 0 && parsed.Timeout < shortest {
			e.add(Warning, "units", fmt.Sprintf("the timeout of %s is %d ms (-t)", a.Object, parsed.Timeout),
				fmt.Sprintf("write -t %d in its endpoint if you mean seconds", parsed.Timeout*1000))
		}
	}
}

func registrationOf(env *pod.Environment, info *pod.Info) naming.Registration {
	r := naming.Registration{
		Key:     naming.Key{Application: info.Conf.Application, Server: info.Conf.Server, Node: info.LocalIP},
		SetID:   info.Conf.SetID,
		Version: env.ServerVersion,
		State:   naming.Activating,
	}
	for _, a := range info.Conf.Adapters {
		r.Adapters = append(r.Adapters, naming.Adapter{
			Servant: info.Servant(a), Endpoint: a.Endpoint, Protocol: a.Protocol,
			MaxConnections: int32(a.MaxConns), ThreadNum: int32(a.Threads),
			QueueCap: int32(a.QueueCap), QueueTimeout: int32(a.QueueTimeout),
		})
	}
	return r
}

// advice says where the value that was refused comes from.
func advice(err error) string {
	switch text := err.Error(); {
	case strings.HasPrefix(text, "Version"):
		return "correct SERVER_VERSION"
	case strings.HasPrefix(text, "setID"):
		return "correct TARS_SET_ID, or set_id in _server_meta.yaml"
	case strings.HasPrefix(text, "adapters"):
		return "correct that adapter in _server_meta.yaml"
	}
	return "correct TARS_APPLICATION and TARS_SERVER, or application and server in _server_meta.yaml"
}
