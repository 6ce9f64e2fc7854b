package registry

import (
	"golang.org/x/time/rate"

	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/tars"
)

func (r *Registry) newPodServant() rpc.Servant {
	pods := &podServant{
		rules: r.rules, committer: r.committer, roster: r.roster, book: r.book,
		targets: r.targets, writable: r.writable,
		ownAddress:    r.options.PodAddressCheck,
		registerAgain: rate.NewLimiter(registerAgainRate, registerAgainBurst),
		refused:       newRefusals(r.logger),
		edge:          r.edge(),
	}
	servant := rpc.Servant{
		Name:      podServantName,
		Functions: []string{"onStartup", "onPrestop", "keepAlive", "registerMetrics", "getMetricsAdapters"},
		Inline:    pods.inline,
		Dispatch:  rpc.Generated(new(tars.Tarsregistry), pods),
	}
	if r.options.RequireToken {
		servant.Authorize = tokenCheck(r.options.Token, pods.refused)
	}
	return servant
}
