CREATE TABLE IF NOT EXISTS t_node_info (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  node_name      TEXT DEFAULT '' COLLATE NOCASE,
  node_obj       TEXT DEFAULT '' COLLATE NOCASE,
  endpoint_ip    TEXT DEFAULT '' COLLATE NOCASE,
  endpoint_port  INTEGER DEFAULT 0,
  data_dir       TEXT DEFAULT '' COLLATE NOCASE,
  load_avg1      REAL DEFAULT 0,
  load_avg5      REAL DEFAULT 0,
  load_avg15     REAL DEFAULT 0,
  last_reg_time  TEXT DEFAULT NULL,
  last_heartbeat TEXT DEFAULT NULL,
  setting_state  TEXT DEFAULT 'inactive' CHECK (setting_state IN ('active','inactive')),
  present_state  TEXT DEFAULT 'inactive' CHECK (present_state IN ('active','inactive')),
  tars_version   TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  template_name  TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  modify_time    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
  group_id       INTEGER DEFAULT -1,
  label          TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS t_node_info_node ON t_node_info (rtrim(node_name) COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS t_node_info_heartbeat ON t_node_info (last_heartbeat);
