package random

import (
	"fmt"
	"time"

	"github.com/tarsregistry/tarsregistry/tars"
)

// Anchors are instances that nothing ever happens to: they beat all the time.
const (
	anchorServers   = 3
	anchorInstances = 3 // of each
)

func anchorObject(server int) string { return fmt.Sprintf("Anchor.A%d.MainObj", server) }

type anchor struct {
	*world
	server, instance int
}

func (a anchor) node() string { return fmt.Sprintf("10.8.%d.%d", a.server, a.instance+1) }

func (a anchor) context(sequence int) map[string]string {
	return map[string]string{
		"tars-pod-uid": "anchor-" + a.node(), "tars-pod-kind": "pod",
		"tars-beat-ms": fmt.Sprint(beatInterval.Milliseconds()), "tars-seq": fmt.Sprint(sequence),
	}
}

func (a anchor) register() error {
	return a.sites[a.instance%len(a.sites)].pods.OnStartup(&tars.OnStartupReq{
		NodeName: a.node(), Application: "Anchor", Server: fmt.Sprintf("A%d", a.server), State: "active",
		Adapters: []tars.AdapterConf{{Servant: anchorObject(a.server), Endpoint: fmt.Sprintf("tcp -h %s -p 9000 -t 60000", a.node()), Protocol: "tars"}},
	}, a.context(1))
}

// beat goes to one replica as long as that one serves, as a client with one open
// connection does.
func (a anchor) beat() {
	for sequence := 2; a.beats.Err() == nil; sequence++ {
		time.Sleep(beatInterval)
		site := a.sites[a.instance%len(a.sites)]
		if !site.serves() || site.frozen.Load() {
			site = a.sites[(a.instance+sequence)%len(a.sites)]
		}
		answer := map[string]string{}
		sent := time.Now()
		err := site.pods.KeepAlive(&tars.KeepAliveReq{
			NodeName: a.node(), Application: "Anchor", Server: fmt.Sprintf("A%d", a.server), State: "active",
		}, a.context(sequence), answer)
		if err != nil {
			a.did("anchor's beat in vain")
			continue
		}
		if action := answer["tars-action"]; action != "" {
			a.wrong("replica %d told anchor %s: %s", site.number, a.node(), action)
			continue
		}
		a.evidence.heard(fmt.Sprintf("Anchor.A%d@%s", a.server, a.node()), beat{sent, time.Now(), site.number})
	}
}
