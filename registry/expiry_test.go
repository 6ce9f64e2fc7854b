package registry

import (
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func TestR2UnleasedInstances(t *testing.T) {
	server := func(state naming.State) *naming.Server { return &naming.Server{PresentState: state} }
	lease := func(state naming.LeaseState) *naming.Lease { return &naming.Lease{State: state} }
	for name, test := range map[string]struct {
		instance naming.Instance
		want     bool
	}{
		"no lease":             {naming.Instance{Server: server(naming.Active)}, true},
		"inactive":             {naming.Instance{Server: server(naming.Inactive)}, false},
		"lease only":           {naming.Instance{Lease: lease(naming.LeaseLive)}, false},
		"live":                 {naming.Instance{Server: server(naming.Active), Lease: lease(naming.LeaseLive)}, false},
		"expired":              {naming.Instance{Server: server(naming.Active), Lease: lease(naming.LeaseExpired)}, false},
		"left, written since":  {naming.Instance{Server: server(naming.Active), Lease: lease(naming.LeaseLeft)}, true},
		"cleaned, and written": {naming.Instance{Server: server(naming.Activating), Lease: lease(naming.LeaseCleaned)}, true},
	} {
		if got := unleased(&test.instance); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
