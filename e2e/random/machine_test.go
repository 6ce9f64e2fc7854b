package random

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tarsregistry/tarsregistry/tars"
)

// machines is how many machines with tarsnode there are. Their servers are deployed
// by TarsWeb, by SQL, and their states come from tarsnode.
const machines = 8

// machine is one of them; it has one server, or none at the moment. Its goroutine
// has it alone.
type machine struct {
	*world
	random *rand.Rand
	number int
	exists bool
}

func (m *machine) node() string   { return fmt.Sprintf("192.0.2.%d", m.number+1) }
func (m *machine) server() string { return fmt.Sprintf("W%d", m.number%2) }

func (m *machine) live() {
	for m.ctx.Err() == nil {
		time.Sleep(time.Duration(50+m.random.IntN(1500)) * time.Millisecond)
		m.step()
	}
}

func (m *machine) step() {
	where := " WHERE application = 'Web' AND server_name = ? AND node_name = ?"
	switch n := m.random.IntN(10); {
	case !m.exists:
		m.deploy()
	case n < 4:
		m.report([]tars.ServerState{tars.ServerState_Active, tars.ServerState_Active, tars.ServerState_Inactive, tars.ServerState_Activating}[m.random.IntN(4)])
	case n < 6:
		m.write("TarsWeb moves an adapter", "UPDATE t_adapter_conf SET endpoint = ?, registry_timestamp = "+m.stamp()+where, m.endpoint(), m.server(), m.node())
	case n < 8:
		m.write("TarsWeb edits a server", "UPDATE t_server_conf SET setting_state = ?, bak_flag = ?, enable_group = ?, ip_group_name = '', registry_timestamp = "+m.stamp()+where,
			[]string{"active", "inactive"}[m.random.IntN(2)], m.random.IntN(2), []string{"Y", "N"}[m.random.IntN(2)], m.server(), m.node())
	case n < 9:
		m.write("TarsWeb undeploys", "DELETE FROM t_adapter_conf"+where, m.server(), m.node())
		m.write("TarsWeb undeploys", "DELETE FROM t_server_conf"+where, m.server(), m.node())
		m.exists = false
	default:
		m.write("TarsWeb changes groups", "REPLACE INTO t_server_group_rule (group_id, allow_ip_rule, group_name) VALUES (?, ?, ?)",
			m.number+1, fmt.Sprintf("192.0.2.%d|10.7.%d.*", m.random.IntN(20), m.random.IntN(houses)), fmt.Sprintf("group%d", m.number))
	}
}

func (m *machine) endpoint() string {
	return fmt.Sprintf("tcp -h %s -p %d -t 3000 -w %d -v %d", m.node(), 9000+m.random.IntN(1000), m.random.IntN(100), m.random.IntN(2))
}

func (m *machine) deploy() {
	m.write("a machine beats", "INSERT INTO t_node_info (node_name, node_obj, endpoint_ip, endpoint_port, setting_state, present_state, last_heartbeat) VALUES (?, ?, ?, 19385, 'active', 'active', NOW())"+
		" ON DUPLICATE KEY UPDATE last_heartbeat = NOW(), present_state = 'active'", m.node(), "tars.tarsnode.NodeObj@tcp -h "+m.node()+" -p 19385 -t 60000", m.node())
	m.write("TarsWeb deploys", "REPLACE INTO t_server_conf (application, server_name, node_name, setting_state, present_state, registry_timestamp) VALUES ('Web', ?, ?, 'active', 'inactive', "+m.stamp()+")",
		m.server(), m.node())
	m.write("TarsWeb deploys", "REPLACE INTO t_adapter_conf (application, server_name, node_name, adapter_name, servant, endpoint, registry_timestamp) VALUES ('Web', ?, ?, ?, ?, ?, "+m.stamp()+")",
		m.server(), m.node(), webObject(m.number%2)+"Adapter", webObject(m.number%2), m.endpoint())
	m.exists = true
}

func webObject(server int) string { return fmt.Sprintf("Web.W%d.MainObj", server) }

// report is what tarsnode says; acknowledged it is in the table.
func (m *machine) report(state tars.ServerState) {
	_, done := m.change(m.random, "tarsnode reports", func(s *site) error {
		code, err := s.node.UpdateServer(m.node(), "Web", m.server(), &tars.ServerStateInfo{ServerState: state, ProcessId: 1})
		if err == nil && code != 0 {
			err = fmt.Errorf("updateServer: code %d", code)
		}
		return err
	})
	if !done || m.random.IntN(3) > 0 {
		return
	}
	want := map[tars.ServerState]string{
		tars.ServerState_Active: "active", tars.ServerState_Inactive: "inactive", tars.ServerState_Activating: "activating",
	}[state]
	found, err := rows(m.tarsweb, "SELECT present_state FROM t_server_conf WHERE application = 'Web' AND server_name = ? AND node_name = ?", m.server(), m.node())
	if err == nil && (len(found) != 1 || found[0] != line(want)) {
		m.wrong("tarsnode of %s reported %s, was acknowledged, and the table says %q", m.node(), want, found)
	}
}
