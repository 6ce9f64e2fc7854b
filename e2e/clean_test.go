//go:build !race

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/tars"
)

// TestCleanCommand lets one of two pods die, and an operator remove it.
func TestCleanCommand(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, d database) {
		const lease = 2 * time.Second
		p := d.serve(t, "--lease-ttl", lease.String())
		f := newFleet(p.clients(t), 20)
		m := newModel()
		f.every(t, everyone, f.register)
		for _, pod := range f.pods {
			m.registered(pod.registration())
		}
		dead := f.pods[5]
		dead.alive.Store(false)
		f.startBeating(t, 200*time.Millisecond)
		r := dead.registration()
		m.expired(r.NodeName, r.Application, r.Server)
		db := d.open(t)
		replica.Eventually(t, 90*time.Second, "the silent one is inactive", func() error { return m.check(db) })

		for _, arguments := range []string{"clean n 2100-01-01 00:00:00", "clean n yesterday", "clean all"} {
			if answer, err := f.clients.admin.Notify(arguments); err == nil {
				t.Errorf("%q was answered with %q", arguments, answer)
			}
		}
		for _, arguments := range []string{"clean", "clean n"} { // inactive for a day: nobody
			if answer, err := f.clients.admin.Notify(arguments); err != nil || strings.Contains(answer, r.NodeName) {
				t.Errorf("%q was answered with %q, %v", arguments, answer, err)
			}
		}
		if err := m.check(db); err != nil {
			t.Errorf("after commands that had nothing to do: %v", err)
		}

		replica.Eventually(t, time.Minute, "the silent one can be removed", func() error {
			return f.cleanBefore(dead, lease+time.Second)
		})
		m.left(r.NodeName, r.Application, r.Server)
		delete(m.nodes, r.NodeName)
		replica.Eventually(t, settle, "it is gone, with its node", func() error { return m.check(db) })
		f.stopBeating()
		f.mustHaveBeatenWell(t)

		// It is not dead after all: its rows come back with its next heartbeat.
		replica.Eventually(t, patience, "it beats again", func() error { return f.beatOnce(dead) })
		m.registered(dead.registration())
		if err := m.check(db); err != nil {
			t.Errorf("after it came back: %v", err)
		}
	})
}

// cleanBefore runs clean for what has been silent for longer than age.
func (f *fleet) cleanBefore(dead *pod, age time.Duration) error {
	cutoff := time.Now().UTC().Add(-age).Format(time.DateTime)
	answer, err := f.clients.admin.Notify("clean n " + cutoff)
	if err == nil && !strings.Contains(answer, dead.registration().NodeName) {
		err = fmt.Errorf("it removed %q", answer)
	}
	return err
}

// TestBadInputChangesNothing sends what no client should, over the wire.
func TestBadInputChangesNothing(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, d database) {
		p := d.serve(t)
		c := p.clients(t)
		mustRegister(t, c, "10.0.0.1")
		m := newModel()
		good := hello("10.0.0.1")
		good.TemplateName, good.ServerType = "", "tars_cpp"
		m.registered(good)
		db := d.open(t)

		long := strings.Repeat("x", 4<<20) // TarsGo sends what is beyond a server's limit again and again
		for name, change := range map[string]func(*tars.OnStartupReq){
			"no node":             func(r *tars.OnStartupReq) { r.NodeName = "" },
			"no application":      func(r *tars.OnStartupReq) { r.Application = "" },
			"a long server":       func(r *tars.OnStartupReq) { r.Server = long },
			"quotes":              func(r *tars.OnStartupReq) { r.NodeName = "10.0.0.2'; DROP TABLE t_server_conf; --" },
			"control characters":  func(r *tars.OnStartupReq) { r.Version = "v1\x00\n" },
			"a state of nobody's": func(r *tars.OnStartupReq) { r.State = "sleeping" },
			"a set with holes":    func(r *tars.OnStartupReq) { r.SetID = "a..b" },
			"a type of nobody's":  func(r *tars.OnStartupReq) { r.ServerType = "tars_cobol" },
			"another's servant":   func(r *tars.OnStartupReq) { r.Adapters[0].Servant = "Other.Server.Obj" },
			"a garbage endpoint":  func(r *tars.OnStartupReq) { r.Adapters[0].Endpoint = "tcp -h 10.0.0.2 -p 70000" },
			"a negative number":   func(r *tars.OnStartupReq) { r.Adapters[0].MaxConns = -1 },
			"an adapter twice":    func(r *tars.OnStartupReq) { r.Adapters = append(r.Adapters, r.Adapters[0]) },
			"too many adapters": func(r *tars.OnStartupReq) {
				for i := range 5000 {
					r.Adapters = append(r.Adapters, adapterOf(r, fmt.Sprintf("Obj%d", i), 1000+i))
				}
			},
		} {
			r := hello("10.0.0.2")
			change(r)
			if err := c.pods.OnStartup(r); err == nil {
				t.Errorf("%s was accepted", name)
			}
		}
		for _, r := range []*tars.KeepAliveReq{
			{NodeName: "10.0.0.1", Application: "Demo", Server: "HelloServer", State: "sleeping"},
			{NodeName: "10.0.0.1", Application: "Demo", State: "inactive"},
			{NodeName: long, Application: "Demo", Server: "HelloServer", State: "inactive"},
		} {
			if err := c.pods.KeepAlive(r); err == nil {
				t.Errorf("a report of %.20q in state %q was accepted", r.NodeName, r.State)
			}
		}
		if err := m.check(db); err != nil {
			t.Error(err)
		}
		mustRegister(t, c, "10.0.0.1")
		p.stop(t)
	})
}
