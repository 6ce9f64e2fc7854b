package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ApplyTarsWeb does to a database what a start of TarsWeb 3.0.15 does: it drops
// every column that TarsWeb does not know, whoever it belongs to, with its
// data, and brings the others to TarsWeb's own model. Tables it does not know
// stay as they are. A second call finds little to do, as with TarsWeb.
//
// Like TarsWeb it changes one thing a statement, so programs at work in
// the same database meet every state in between.
func ApplyTarsWeb(ctx context.Context, db *sql.DB) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect for TarsWeb: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// Narrower columns and NOT NULL must be had on filled tables as well; this
	// way values are cut and NULL turns into the zero date. The mode must not
	// go back to the pool with the connection.
	if _, err := conn.ExecContext(ctx, "SET @mode_before = @@SESSION.sql_mode, SESSION sql_mode = ''"); err != nil {
		return fmt.Errorf("set TarsWeb's SQL mode: %w", err)
	}
	defer func() {
		_, restoreErr := conn.ExecContext(context.WithoutCancel(ctx), "SET SESSION sql_mode = @mode_before")
		err = errors.Join(err, restoreErr)
	}()
	for _, table := range tarsWebModel() {
		if err := table.apply(ctx, conn); err != nil {
			return fmt.Errorf("TarsWeb's change of %s: %w", table.name, err)
		}
	}
	return nil
}

// A model is what TarsWeb knows of a table.
type model struct {
	name    string
	columns []string // all it knows; it drops the others
	modify  []string // column definitions that differ from the original's
	indexes []index  // that it adds to the original's
}

type index struct{ name, definition string }

func (m model) apply(ctx context.Context, conn *sql.Conn) error {
	present, err := names(ctx, conn,
		"SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", m.name)
	if err != nil {
		return fmt.Errorf("list the columns: %w", err)
	}
	indexes, err := names(ctx, conn,
		"SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", m.name)
	if err != nil {
		return fmt.Errorf("list the indexes: %w", err)
	}
	var changes []string
	for _, column := range present {
		if !slices.Contains(m.columns, column) {
			changes = append(changes, "DROP COLUMN `"+column+"`")
		}
	}
	for _, definition := range m.modify {
		changes = append(changes, "MODIFY COLUMN "+definition)
	}
	for _, index := range m.indexes {
		if !slices.Contains(indexes, index.name) {
			changes = append(changes, "ADD INDEX "+index.name+" "+index.definition)
		}
	}
	for _, change := range changes {
		if _, err := conn.ExecContext(ctx, "ALTER TABLE "+m.name+" "+change); err != nil {
			return fmt.Errorf("%s: %w", change, err)
		}
	}
	return nil
}

// names runs a query for one column of names in one table.
func names(ctx context.Context, conn *sql.Conn, query, table string) (found []string, err error) {
	rows, err := conn.QueryContext(ctx, query, table)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("read a name: %w", err)
		}
		found = append(found, name)
	}
	return found, rows.Err()
}

// tarsWebModel is made anew for each start: the default of patch_time is the
// moment of the start, on TarsWeb's clock.
//
//nolint:funlen // a table of data
func tarsWebModel() []model {
	const (
		// 1970-01-01 as TarsWeb writes it in China's time zone.
		epoch       = "DATETIME NULL DEFAULT '1970-01-01 08:00:00'"
		modified    = "modify_time DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP"
		registryRow = "registry_timestamp DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)"
	)
	now := time.Now().Format(time.DateTime)
	return []model{{
		name: "t_node_info",
		columns: []string{
			"id", "node_name", "node_obj", "endpoint_ip", "endpoint_port", "data_dir", "load_avg1", "load_avg5",
			"load_avg15", "last_reg_time", "last_heartbeat", "setting_state", "present_state", "tars_version",
			"template_name", "modify_time", "group_id", "label",
		},
		modify: []string{
			"endpoint_ip VARCHAR(16) DEFAULT ''", "last_reg_time " + epoch, "last_heartbeat " + epoch, modified,
		},
		indexes: []index{{"indx_node_info_1", "(last_heartbeat)"}, {"indx_node_info", "(node_name)"}},
	}, {
		name: "t_server_conf",
		columns: []string{
			"id", "application", "server_name", "node_group", "node_name", "registry_timestamp", "base_path",
			"exe_path", "template_name", "bak_flag", "setting_state", "present_state", "process_id",
			"patch_version", "patch_time", "patch_user", "tars_version", "posttime", "lastuser", "server_type",
			"start_script_path", "stop_script_path", "monitor_script_path", "enable_group", "enable_set",
			"set_name", "set_area", "set_group", "ip_group_name", "profile", "source", "config_center_port",
			"async_thread_num", "server_important_type", "flow_state", "run_type", "base_image_id",
		},
		modify: []string{
			registryRow,
			"patch_time DATETIME NOT NULL DEFAULT '" + now + "'",
			"server_type ENUM('tars_cpp','not_tars','tars_java','tars_nodejs','tars_php','tars_go') DEFAULT NULL",
			"run_type VARCHAR(32) DEFAULT NULL",
		},
		indexes: []index{
			{"application_2", "(application, server_name, node_name)"},
			{"node_name_2", "(node_name)"},
			{"index_i_3_2", "(setting_state, server_type, application, server_name, node_name)"},
			{"index_regtime_2", "(registry_timestamp)"},
		},
	}, {
		name: "t_adapter_conf",
		columns: []string{
			"id", "application", "server_name", "node_name", "adapter_name", "registry_timestamp", "thread_num",
			"endpoint", "max_connections", "allow_ip", "servant", "queuecap", "queuetimeout", "posttime",
			"lastuser", "protocol", "handlegroup",
		},
		modify: []string{registryRow},
		indexes: []index{
			{"application_2", "(application, server_name, node_name, adapter_name)"},
			{"adapter_conf_endpoint_index_2", "(endpoint)"},
			{"index_regtime_2", "(registry_timestamp)"},
		},
	}, {
		name: "t_config_files",
		columns: []string{
			"id", "server_name", "set_name", "set_area", "set_group", "host", "filename", "config", "posttime",
			"lastuser", "level", "config_flag",
		},
		modify: []string{
			"host VARCHAR(128) NOT NULL DEFAULT ''", "posttime DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP",
		},
	}, {
		name: "t_registry_info",
		columns: []string{
			"id", "locator_id", "servant", "endpoint", "last_heartbeat", "present_state", "tars_version",
			"modify_time", "enable_group",
		},
		modify: []string{"last_heartbeat " + epoch, modified},
	}, {
		name: "t_server_group_rule",
		columns: []string{
			"group_id", "ip_order", "allow_ip_rule", "denny_ip_rule", "lastuser", "modify_time", "group_name",
			"group_name_cn",
		},
		modify: []string{modified},
	}, {
		name:    "t_group_priority",
		columns: []string{"id", "name", "group_list", "list_order", "station"},
	}, {
		name:    "t_profile_template",
		columns: []string{"id", "template_name", "parents_name", "profile", "posttime", "lastuser"},
	}}
}
