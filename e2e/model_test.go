//go:build !race

package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/tars"
)

// model is what the tables must say, kept by the test beside the registry and
// independent of its code: it knows instances and what was said of them.
type model struct {
	servers map[string]*expected // by instance
	nodes   map[string]bool      // every node that ever registered
}

// expected is one instance as its rows must be.
type expected struct {
	node, application, server string
	present                   string
	version                   string
	set                       [3]string // name, area, group; all empty for none
	template, serverType      string
	flowOff                   bool
	adapters                  []tars.AdapterConf
}

func newModel() *model {
	return &model{servers: make(map[string]*expected), nodes: make(map[string]bool)}
}

func instanceKey(node, application, server string) string {
	return application + "." + server + "@" + node
}

// registered is what an onStartup that was answered well does.
func (m *model) registered(r *tars.OnStartupReq) {
	key := instanceKey(r.NodeName, r.Application, r.Server)
	e := &expected{
		node: r.NodeName, application: r.Application, server: r.Server,
		present: r.State, version: r.Version, template: r.TemplateName, serverType: r.ServerType,
		flowOff: r.DisableFlow, adapters: r.Adapters,
	}
	if parts := strings.Split(r.SetID, "."); len(parts) == 3 {
		e.set = [3]string(parts)
	}
	if before := m.servers[key]; before != nil { // '' leaves them as they were
		if e.template == "" {
			e.template = before.template
		}
		if e.serverType == "" {
			e.serverType = before.serverType
		}
	}
	m.servers[key] = e
	m.nodes[r.NodeName] = true
}

// reported is what a keepAlive of a known instance does.
func (m *model) reported(node, application, server, state string) {
	m.servers[instanceKey(node, application, server)].present = state
}

// expired is what silence for longer than the lease does.
func (m *model) expired(node, application, server string) {
	m.reported(node, application, server, "inactive")
}

// left is what onPrestop does.
func (m *model) left(node, application, server string) {
	delete(m.servers, instanceKey(node, application, server))
}

// check compares the tables of a registry with the model, row by row.
func (m *model) check(db *sql.DB) error {
	var want struct{ servers, adapters, nodes []string }
	live := make(map[string]bool) // nodes with an instance that is not inactive
	for _, e := range m.servers {
		want.servers = append(want.servers, e.serverRow())
		for _, a := range e.adapters {
			want.adapters = append(want.adapters, e.adapterRow(a))
		}
		live[e.node] = live[e.node] || e.present != "inactive"
	}
	for node := range m.nodes {
		want.nodes = append(want.nodes, line(node, node, 0, "active", activeOr(live[node], "inactive")))
	}
	return errors.Join(
		compare(db, "t_server_conf", want.servers, `SELECT application, server_name, node_name, setting_state, present_state,
			patch_version, enable_set, COALESCE(set_name, ''), COALESCE(set_area, ''), COALESCE(set_group, ''),
			template_name, server_type, flow_state, bak_flag FROM t_server_conf`),
		compare(db, "t_adapter_conf", want.adapters, `SELECT application, server_name, node_name, adapter_name, servant,
			endpoint, protocol, thread_num, max_connections, queuecap, queuetimeout FROM t_adapter_conf`),
		compare(db, "t_node_info", want.nodes, `SELECT node_name, endpoint_ip, endpoint_port, setting_state, present_state FROM t_node_info`),
	)
}

func compare(db *sql.DB, table string, want []string, query string) error {
	got, err := rows(db, query)
	if err != nil {
		return err
	}
	slices.Sort(want)
	return difference(table, got, want)
}

func (e *expected) serverRow() string {
	enableSet := "N"
	if e.set[0] != "" {
		enableSet = "Y"
	}
	return line(e.application, e.server, e.node, "active", e.present, e.version, enableSet,
		e.set[0], e.set[1], e.set[2], e.template, e.serverType, activeOr(!e.flowOff, "inactive"), 0)
}

func (e *expected) adapterRow(a tars.AdapterConf) string {
	return line(e.application, e.server, e.node, a.Servant+"Adapter", a.Servant, a.Endpoint, a.Protocol,
		a.ThreadNum, a.MaxConns, a.QueueCap, a.QueueTimeout)
}

// line is a row as function rows gives it.
func line(columns ...any) string {
	var b strings.Builder
	for _, column := range columns {
		fmt.Fprintf(&b, "%v|", column)
	}
	return b.String()
}

func activeOr(active bool, otherwise string) string {
	if active {
		return "active"
	}
	return otherwise
}

// checkLookups compares what clients find with the model: of every object the
// active endpoints of instances with flow.
func (m *model) checkLookups(c *clients) error {
	want := make(map[string][]string)
	for _, e := range m.servers {
		for _, a := range e.adapters {
			want[a.Servant] = append(want[a.Servant], "") // known, perhaps with no active endpoint
			if e.present == "active" && !e.flowOff {
				want[a.Servant] = append(want[a.Servant], addressOf(a.Endpoint))
			}
		}
	}
	for object, endpoints := range want {
		endpoints = slices.DeleteFunc(endpoints, func(s string) bool { return s == "" })
		slices.Sort(endpoints)
		active, _, err := c.find(object)
		if err != nil {
			return err
		}
		if err := difference("active endpoints of "+object, active, endpoints); err != nil {
			return err
		}
	}
	return nil
}

// addressOf reads "tcp -h HOST -p PORT ...", as the test writes endpoints.
func addressOf(endpoint string) string {
	words := strings.Fields(endpoint)
	return net.JoinHostPort(words[2], words[4])
}
