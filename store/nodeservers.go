package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// NodeServer is a server as tarsnode wants to know it: all that a
// ServerDescriptor carries.
type NodeServer struct {
	naming.Key
	BasePath, ExePath                      string
	SettingState, PresentState             naming.State
	TemplateName, Profile                  string
	PatchVersion, PatchTime, PatchUser     string // PatchTime is text, "" for none
	ServerType                             string
	StartScript, StopScript, MonitorScript string
	ConfigCenterPort, AsyncThreadNum       int32
	SetID                                  string
	RunType                                string
	BaseImageID                            int64
	Adapters                               []NodeAdapter // by name
}

// NodeAdapter is an adapter as tarsnode wants to know it.
type NodeAdapter struct {
	naming.Adapter
	AllowIP     string
	HandleGroup string
}

// NodeServers gives the servers of a node; with application and server empty all
// of them. They are read in one view.
func (s *Store) NodeServers(ctx context.Context, application, server, node string) ([]NodeServer, error) {
	q := nodeQuery{store: s, condition: s.dialect.key("t.node_name") + " = ?", args: []any{trimmed(node)}}
	for _, part := range []struct{ column, value string }{{"t.application", application}, {"t.server_name", server}} {
		if part.value != "" {
			q.condition += " AND " + s.dialect.key(part.column) + " = ?"
			q.args = append(q.args, trimmed(part.value))
		}
	}
	err := s.bounded(ctx, transactionTime, func(ctx context.Context) error {
		return s.withSchema(ctx, func(tables *schema) error {
			return s.consistently(ctx, tables, true, func(tx *sqlx.Tx) error { return q.read(ctx, tx, tables) })
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the servers of node %s: %w", node, err)
	}
	return q.servers, nil
}

type nodeQuery struct {
	store     *Store
	condition string
	args      []any
	servers   []NodeServer
}

func (q *nodeQuery) read(ctx context.Context, tx runner, tables *schema) error {
	q.servers = nil
	at := map[naming.Key]int{}
	query := "SELECT t.application, t.server_name, t.node_name, t.base_path, t.exe_path, t.setting_state, t.present_state," +
		" t.template_name, t.profile, t.patch_version, t.patch_time, t.patch_user, t.server_type, t.start_script_path," +
		" t.stop_script_path, t.monitor_script_path, t.config_center_port, t.async_thread_num," +
		" t.enable_set, t.set_name, t.set_area, t.set_group, " +
		optional(tables.runType, "t.run_type") + ", " + optional(tables.baseImageID, "t.base_image_id") +
		" FROM t_server_conf t WHERE " + q.condition + " ORDER BY t.id"
	err := q.store.each(ctx, tx, "node_servers", query, q.args, func(row *scanner) {
		server := scanNodeServer(row)
		at[server.Key.Fold()] = len(q.servers)
		q.servers = append(q.servers, server)
	})
	if err != nil {
		return err
	}
	query = "SELECT " + adapterColumns + ", t.allow_ip, t.handlegroup FROM t_adapter_conf t WHERE " + q.condition + " ORDER BY t.adapter_name"
	return q.store.each(ctx, tx, "node_adapters", query, q.args, func(row *scanner) {
		key, adapter := scanAdapter(row)
		if i, known := at[key.Fold()]; known {
			q.servers[i].Adapters = append(q.servers[i].Adapters, NodeAdapter{adapter, row.text(), row.text()})
		}
	})
}

func scanNodeServer(row *scanner) NodeServer {
	server := NodeServer{
		Key: scanKey(row), BasePath: row.text(), ExePath: row.text(),
		SettingState: naming.State(row.name()), PresentState: naming.State(row.name()),
		TemplateName: row.text(), Profile: row.text(),
		PatchVersion: row.text(), PatchTime: row.text(), PatchUser: row.text(), ServerType: row.name(),
		StartScript: row.text(), StopScript: row.text(), MonitorScript: row.text(),
		ConfigCenterPort: row.int32(), AsyncThreadNum: row.int32(),
	}
	set := naming.Server{EnableSet: row.yes(), SetName: row.text(), SetArea: row.text(), SetGroup: row.text()}
	server.SetID, server.RunType, server.BaseImageID = set.SetID(), row.text(), row.int()
	return server
}
