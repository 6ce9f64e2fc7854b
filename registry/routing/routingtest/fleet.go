package routingtest

import (
	"fmt"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Fleet makes instances of many servers as their pods register them: so many
// servers with one servant each, on so many nodes each.
func Fleet(servers, nodes int) []*naming.Instance {
	fleet := make([]*naming.Instance, 0, servers*nodes)
	for server := range servers {
		for node := range nodes {
			fleet = append(fleet, FleetInstance(server, node))
		}
	}
	return fleet
}

// FleetServant is the servant of a server of the fleet.
func FleetServant(server int) string { return fmt.Sprintf("Fleet.Server%05d.MainObj", server) }

// FleetInstance makes one instance of the fleet. No two share text, as rows that
// are read from a database do not.
func FleetInstance(server, node int) *naming.Instance {
	id := int64(server*10_000 + node)
	servant := FleetServant(server)
	host := fmt.Sprintf("10.%d.%d.%d", server%250, node/250, node%250)
	state := func(s naming.State) naming.State { return naming.State([]byte(s)) }
	return &naming.Instance{
		Key: naming.Key{Application: string([]byte("Fleet")), Server: fmt.Sprintf("Server%05d", server), Node: host},
		Server: &naming.Server{
			ID: id, Stamp: fmt.Sprintf("2026-01-02 03:04:%02d", id%60),
			SettingState: state(naming.Active), PresentState: state(naming.Active), FlowState: state(naming.Active),
			TemplateName: string([]byte("tars.default")), ServerType: string([]byte("tars_go")), Version: fmt.Sprintf("1.0.%d", server),
		},
		Adapters: []naming.Adapter{{
			ID: id, Stamp: fmt.Sprintf("2026-01-02 03:04:%02d", id%60), Name: servant + "Adapter", Servant: FleetServant(server),
			Endpoint: fmt.Sprintf("tcp -h %s -p %d -t 60000", host, 10_000+server%50_000), Protocol: string([]byte("tars")),
			ThreadNum: 5, MaxConnections: 100_000, QueueCap: 50_000, QueueTimeout: 20_000,
		}},
		Lease: &naming.Lease{
			ID: id, Identity: naming.Identity{UID: fmt.Sprintf("7d0a5e2c-52cf-4f0e-9c3b-%012d", id), Kind: naming.KindPod},
			State: naming.LeaseLive, Revision: id % 100, Reported: state(naming.Active), Sequence: 1,
			Interval: 10 * time.Second, Duration: 95 * time.Second, WorkerID: -1,
			HeartbeatAge: time.Duration(id%10) * time.Second, Heartbeat: fmt.Sprintf("2026-01-02 03:04:%02d.%06d", id%60, id%1_000_000),
			StateAge: time.Hour,
		},
	}
}
