package registry

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/tarsregistry/tarsregistry/internal/tarsconf"
	"github.com/tarsregistry/tarsregistry/store"
	"github.com/tarsregistry/tarsregistry/tars"
)

// minAsyncThreads is the least number of asynchronous threads where a server's
// profile does not say (tarsnode.md).
const minAsyncThreads = 3

// profiles joins configuration templates for one call, each once.
type profiles struct {
	store  *store.Store
	logger *slog.Logger
	known  map[string]string
}

// describe is what tarsnode is told of a server.
func (p *profiles) describe(ctx context.Context, server *store.NodeServer) (tars.ServerDescriptor, error) {
	profile, err := p.of(ctx, server)
	if err != nil {
		return tars.ServerDescriptor{}, err
	}
	descriptor := tars.ServerDescriptor{
		Application: server.Application, ServerName: server.Server, NodeName: server.Node,
		BasePath: server.BasePath, ExePath: server.ExePath,
		SettingState: string(server.SettingState), PresentState: string(server.PresentState),
		Profile: profile, PatchVersion: server.PatchVersion, PatchTime: server.PatchTime, PatchUser: server.PatchUser,
		ServerType: server.ServerType, StartScript: server.StartScript,
		StopScript: server.StopScript, MonitorScript: server.MonitorScript,
		ConfigCenterPort: server.ConfigCenterPort, AsyncThreadNum: asyncThreads(server, profile),
		SetId: server.SetID, RunType: server.RunType, BaseImageId: imageID(server.BaseImageID),
		Adapters: make(map[string]tars.AdapterDescriptor, len(server.Adapters)),
	}
	for i := range server.Adapters {
		descriptor.Adapters[server.Adapters[i].Name] = describeAdapter(&server.Adapters[i])
	}
	return descriptor, nil
}

func describeAdapter(adapter *store.NodeAdapter) tars.AdapterDescriptor {
	return tars.AdapterDescriptor{
		AdapterName: adapter.Name, ThreadNum: strconv.Itoa(int(adapter.ThreadNum)),
		Endpoint: adapter.Endpoint, MaxConnections: adapter.MaxConnections, AllowIp: adapter.AllowIP,
		Servant: adapter.Servant, Queuecap: adapter.QueueCap, Queuetimeout: adapter.QueueTimeout,
		Protocol: adapter.Protocol, Handlegroup: adapter.HandleGroup,
	}
}

func imageID(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// of is a server's profile: its template's text joined over the template's
// parents', its own joined over that.
func (p *profiles) of(ctx context.Context, server *store.NodeServer) (string, error) {
	joined, err := p.template(ctx, server.TemplateName)
	if err != nil || server.Profile == "" {
		return joined, err
	}
	return p.join(joined, server.Profile, "profile of "+server.Key.String()), nil
}

func (p *profiles) template(ctx context.Context, name string) (string, error) {
	if joined, known := p.known[name]; known || name == "" {
		return joined, nil
	}
	templates, err := p.store.Templates(ctx, name)
	if err != nil {
		return "", fmt.Errorf("read template %s: %w", name, err)
	}
	joined := ""
	for _, template := range slices.Backward(templates) { // from the root to the template itself
		joined = p.join(joined, template.Profile, "template "+template.Name)
	}
	p.known[name] = joined
	return joined, nil
}

// join lays a text over another. One that cannot be read is left out and said:
// the rest still makes a server start.
func (p *profiles) join(base, over, what string) string {
	upper, err := tarsconf.Parse(over)
	if err != nil {
		p.logger.Warn("a configuration cannot be read and is left out", slog.String("of", what), slog.Any("error", err))
		return base
	}
	lower, err := tarsconf.Parse(base)
	if err != nil {
		lower = tarsconf.New()
	}
	lower.Merge(upper)
	return lower.Format()
}

// asyncThreads is the profile's client<asyncthread>, else the column but at least
// three, and none for Node.js.
func asyncThreads(server *store.NodeServer, profile string) int32 {
	const none = -1
	if document, err := tarsconf.Parse(profile); err == nil {
		if n, err := document.Int("/tars/application/client<asyncthread>", none); err == nil && n >= 0 {
			return int32(min(n, 1<<30))
		}
	}
	if server.ServerType == "tars_nodejs" {
		return 0
	}
	return max(minAsyncThreads, server.AsyncThreadNum)
}
