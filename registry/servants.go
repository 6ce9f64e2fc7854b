package registry

import (
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/tars"
)

func (r *Registry) newPodServant() rpc.Servant {
	pods := &podServant{
		rules: r.rules, committer: r.committer, roster: r.roster, book: r.book,
		targets: r.targets, writable: r.writable,
		ownAddress:    r.options.PodAddressCheck,
		registerAgain: newRegisterAgain(r.options.RegistrationRate),
		refused:       newRefusals(r.logger),
		edge:          r.edge(),
	}
	servant := rpc.Servant{
		Name:      podServantName,
		Functions: []string{"onStartup", "onPrestop", "keepAlive", "registerMetrics", "getMetricsAdapters"},
		Inline:    pods.inline,
		Dispatch:  rpc.Generated(new(tars.Tarsregistry), pods),
	}
	if perSecond := r.options.RegistrationRate; perSecond > 0 {
		servant.Limit = newRegistrationLimit(perSecond, r.edge()).check
	}
	if r.options.RequireToken {
		servant.Authorize = tokenCheck(r.options.Token, pods.refused)
	}
	return servant
}
