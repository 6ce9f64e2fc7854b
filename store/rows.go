package store

import (
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// The columns of each table that the store reads, and how a row of them becomes a
// value. Every query of a table names its alias t.

func serverColumns(tables *schema) string {
	return "t.id, t.application, t.server_name, t.node_name, t.registry_timestamp," +
		" t.setting_state, t.present_state, " + optional(tables.flowState, "t.flow_state") + ", " +
		optional(tables.gridFlag, "t.grid_flag") + ", t.bak_flag," +
		" t.enable_set, t.set_name, t.set_area, t.set_group, t.enable_group, t.ip_group_name," +
		" t.template_name, t.server_type, t.patch_version, t.process_id, " +
		optional(tables.metricsPort, "t.metrics_port")
}

// scanServerRest reads what comes after the id and the key.
func scanServerRest(row *scanner, id int64) *naming.Server {
	return &naming.Server{
		ID: id, Stamp: row.name(),
		SettingState: naming.State(row.name()), PresentState: naming.State(row.name()),
		FlowState: naming.State(row.name()), GridFlag: row.name(), BakFlag: row.int32(),
		EnableSet: row.yes(), SetName: row.name(), SetArea: row.name(), SetGroup: row.name(),
		EnableGroup: row.yes(), IPGroupName: row.name(),
		TemplateName: row.name(), ServerType: row.name(), Version: row.name(), ProcessID: row.int32(),
		MetricsPort: row.int32(),
	}
}

func scanKey(row *scanner) naming.Key {
	return naming.Key{Application: row.name(), Server: row.name(), Node: row.text()}
}

const adapterColumns = "t.id, t.application, t.server_name, t.node_name, t.registry_timestamp," +
	" t.adapter_name, t.servant, t.endpoint, t.protocol, t.thread_num, t.max_connections, t.queuecap, t.queuetimeout"

func scanAdapter(row *scanner) (naming.Key, naming.Adapter) {
	id := row.int()
	key := scanKey(row)
	return key, scanAdapterRest(row, id)
}

func scanAdapterRest(row *scanner, id int64) naming.Adapter {
	return naming.Adapter{
		ID: id, Stamp: row.name(),
		Name: row.name(), Servant: row.name(), Endpoint: row.text(), Protocol: row.name(),
		ThreadNum: row.int32(), MaxConnections: row.int32(), QueueCap: row.int32(), QueueTimeout: row.int32(),
	}
}

func (d *dialect) leaseColumns() string {
	return "t.id, t.application, t.server_name, t.node_name, t.uid, t.kind, t.state, t.revision," +
		" t.reported_state, t.report_sequence, t.interval_ms, t.interval_told, t.lease_ms," +
		" t.last_heartbeat, " + d.age("t.last_heartbeat") + ", " + d.age("t.state_since") + "," +
		" t.metrics_port, t.worker_id, t.flow_off_by"
}

// noWorker is a lease's worker id where it has none; the column is NULL then.
const noWorker = -1

func scanLeaseRest(row *scanner, id int64) *naming.Lease {
	lease := &naming.Lease{
		ID: id, Identity: naming.Identity{UID: row.text(), Kind: naming.Kind(row.name())},
		State: naming.LeaseState(row.name()), Revision: row.int(),
		Reported: naming.State(row.name()), Sequence: row.int(),
		Interval: row.millis(), IntervalTold: row.int() != 0, Duration: row.millis(),
		Heartbeat: row.text(), HeartbeatAge: row.micros(), StateAge: row.micros(),
		MetricsPort: row.int32(), WorkerID: noWorker,
	}
	if row.present() {
		lease.WorkerID = row.int()
	} else {
		row.skip(1)
	}
	lease.FlowOffBy = row.name()
	return lease
}

const nodeColumns = "t.node_name, t.node_obj, t.endpoint_ip, t.endpoint_port, t.setting_state, t.present_state," +
	" t.template_name, t.tars_version, t.last_heartbeat"

func scanNode(row *scanner) naming.Node {
	return naming.Node{
		Name: row.text(), Object: row.text(), EndpointIP: row.text(), EndpointPort: row.int32(),
		SettingState: naming.State(row.name()), PresentState: naming.State(row.name()),
		TemplateName: row.name(), Version: row.name(), Heartbeat: row.name(),
	}
}

// podNode says that a node has no tarsnode: its rows are pods' (R2, R3).
func podNode(node *naming.Node) bool {
	port, ok := naming.ObjectPort(node.Object)
	return ok && port == 0
}

// cut shortens a text to a column of so many characters; for words meant for
// people only.
func cut(text string, limit int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= limit {
		return text
	}
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit])
	}
	return text
}
