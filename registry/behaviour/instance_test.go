package behaviour

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/tars"
)

// instance is one server on one node, as a test names it.
type instance struct{ application, server, node string }

// pod is App.name on a node.
func pod(name, node string) instance { return instance{"App", name, node} }

// servant is the name of the instance's first object.
func (i instance) servant() string { return i.application + "." + i.server + ".Obj" }

// endpoint is where its first object listens.
func (i instance) endpoint() string { return endpointAt(i.node, 10000) }

func endpointAt(node string, port int) string {
	return fmt.Sprintf("tcp -h %s -p %d -t 60000", node, port)
}

// startup is its onStartup with one adapter, active.
func (i instance) startup(change ...func(*tars.OnStartupReq)) *tars.OnStartupReq {
	req := &tars.OnStartupReq{
		NodeName: i.node, Application: i.application, Server: i.server, State: "active", Version: "v1",
		Adapters: []tars.AdapterConf{{
			Servant: i.servant(), Endpoint: i.endpoint(), Protocol: "tars",
			MaxConns: 200000, ThreadNum: 5, QueueCap: 10000, QueueTimeout: 60000,
		}},
	}
	for _, f := range change {
		f(req)
	}
	return req
}

func (i instance) beat(state string) *tars.KeepAliveReq {
	return &tars.KeepAliveReq{NodeName: i.node, State: state, Application: i.application, Server: i.server}
}

func (i instance) prestop() *tars.OnPrestopReq {
	return &tars.OnPrestopReq{NodeName: i.node, Application: i.application, Server: i.server}
}

func (i instance) metrics(port int32) *tars.RegisterMetricsReq {
	return &tars.RegisterMetricsReq{NodeName: i.node, Application: i.application, Server: i.server, MetricsPort: port}
}

// keyed is a condition that rows are the instance's, with its arguments.
func (i instance) keyed(query string) (string, []any) {
	return query + " WHERE application = ? AND server_name = ? AND node_name = ?", []any{i.application, i.server, i.node}
}

// register, beat and leave are calls that must succeed; they give the action.

func (c caller) register(i instance, change ...func(*tars.OnStartupReq)) string {
	c.r.t.Helper()
	return c.patiently(func() (map[string]string, error) { return c.onStartup(i.startup(change...)) })
}

func (c caller) beat(i instance, state string) string {
	c.r.t.Helper()
	return c.patiently(func() (map[string]string, error) { return c.keepAlive(i.beat(state)) })
}

func (c caller) beatNode(node, state string) string {
	c.r.t.Helper()
	return c.patiently(func() (map[string]string, error) {
		return c.keepAlive(&tars.KeepAliveReq{NodeName: node, State: state})
	})
}

func (c caller) leave(i instance) string {
	c.r.t.Helper()
	return c.patiently(func() (map[string]string, error) { return c.onPrestop(i.prestop()) })
}

func (c caller) leaveNode(node string) string {
	c.r.t.Helper()
	return c.patiently(func() (map[string]string, error) { return c.onPrestop(&tars.OnPrestopReq{NodeName: node}) })
}

func (c caller) metrics(i instance, port int32) string {
	c.r.t.Helper()
	return c.patiently(func() (map[string]string, error) { return c.registerMetrics(i.metrics(port)) })
}

// server is the instance's row of t_server_conf; it must be there.
func (d *database) server(i instance) row {
	d.t.Helper()
	query, args := i.keyed("SELECT * FROM t_server_conf")
	return d.one(query, args...)
}

// present is the instance's present_state, "none" without a row.
func (d *database) present(i instance) string {
	d.t.Helper()
	query, args := i.keyed("SELECT present_state FROM t_server_conf")
	return d.text(query, args...)
}

// lease is the instance's row of t_registry_lease; it must be there.
func (d *database) lease(i instance) row {
	d.t.Helper()
	query, args := i.keyed("SELECT * FROM t_registry_lease")
	return d.one(query, args...)
}

// leaseState is the state of its lease, "none" without one.
func (d *database) leaseState(i instance) string {
	d.t.Helper()
	query, args := i.keyed("SELECT state FROM t_registry_lease")
	return d.text(query, args...)
}

// adapters are the names of its adapters, sorted.
func (d *database) adapters(i instance) string {
	d.t.Helper()
	query, args := i.keyed("SELECT adapter_name FROM t_adapter_conf")
	var names []string
	for _, r := range d.rows(query, args...) {
		names = append(names, r["adapter_name"])
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// node is a row of t_node_info; it must be there.
func (d *database) node(name string) row {
	d.t.Helper()
	return d.one("SELECT * FROM t_node_info WHERE node_name = ?", name)
}

// events are the kinds of what happened to an instance, in order. The same again is
// left out: who got no answer in time says it again (see patiently).
func (d *database) events(i instance) string {
	d.t.Helper()
	query, args := i.keyed("SELECT kind FROM t_registry_event")
	var kinds []string
	for _, r := range d.rows(query+" ORDER BY id", args...) {
		kinds = append(kinds, r["kind"])
	}
	return strings.Join(slices.Compact(kinds), " ")
}

// changes is how many events tell of an instance, a call that was made again after no
// answer had come in time counted as often as it was carried out (see patiently).
func (d *database) changes(i instance) string {
	d.t.Helper()
	query, args := i.keyed("SELECT COUNT(*) FROM t_registry_event")
	return d.text(query, args...)
}

// find looks an object up without groups: its active and inactive endpoints as
// host:port, sorted, before and after a slash.
func (r *replica) find(servant string) string {
	r.t.Helper()
	var active, inactive []tars.EndpointF
	code, err := r.lookups().FindObjectById4Any(servant, &active, &inactive)
	if err != nil || code != 0 {
		r.t.Fatalf("look-up of %s: code %d, %v", servant, code, err)
	}
	return places(active) + "/" + places(inactive)
}

func places(endpoints []tars.EndpointF) string {
	var list []string
	for _, e := range endpoints {
		list = append(list, fmt.Sprintf("%s:%d", e.Host, e.Port))
	}
	return joined(list)
}

func joined(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, " ")
}

// awaitFind waits until a look-up answers so.
func (r *replica) awaitFind(servant, want string) {
	r.t.Helper()
	await(r.t, func() string {
		if got := r.find(servant); got != want {
			return fmt.Sprintf("look-up of %s gives %q, want %q", servant, got, want)
		}
		return ""
	})
}

// wantFind is what a look-up must answer at once.
func (r *replica) wantFind(servant, want string) {
	r.t.Helper()
	if got := r.find(servant); got != want {
		r.t.Errorf("look-up of %s gives %q, want %q", servant, got, want)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// awaitAction repeats a call until its answer asks for that.
func (r *replica) awaitAction(call func() string, want string) {
	r.t.Helper()
	await(r.t, func() string {
		if got := call(); got != want {
			return fmt.Sprintf("the answer asks for %q, not for %q", got, want)
		}
		return ""
	})
}
