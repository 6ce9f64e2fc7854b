CREATE TABLE IF NOT EXISTS t_server_conf (
  id                    INTEGER PRIMARY KEY AUTOINCREMENT,
  application           TEXT DEFAULT '' COLLATE NOCASE,
  server_name           TEXT DEFAULT '' COLLATE NOCASE,
  node_group            TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  node_name             TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  registry_timestamp    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
  base_path             TEXT DEFAULT '' COLLATE NOCASE,
  exe_path              TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  template_name         TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  bak_flag              INTEGER NOT NULL DEFAULT 0,
  setting_state         TEXT NOT NULL DEFAULT 'inactive' CHECK (setting_state IN ('active','inactive')),
  present_state         TEXT NOT NULL DEFAULT 'inactive' CHECK (present_state IN ('active','inactive','activating','deactivating','destroyed')),
  process_id            INTEGER NOT NULL DEFAULT 0,
  patch_version         TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  patch_time            TEXT DEFAULT NULL,
  patch_user            TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  tars_version          TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  posttime              TEXT DEFAULT NULL,
  lastuser              TEXT DEFAULT NULL COLLATE NOCASE,
  server_type           TEXT NOT NULL DEFAULT 'tars_cpp' CHECK (server_type IN ('tars_cpp','not_tars','tars_java','tars_nodejs','tars_php','tars_go')),
  start_script_path     TEXT DEFAULT NULL COLLATE NOCASE,
  stop_script_path      TEXT DEFAULT NULL COLLATE NOCASE,
  monitor_script_path   TEXT DEFAULT NULL COLLATE NOCASE,
  enable_group          TEXT DEFAULT 'N' COLLATE NOCASE,
  enable_set            TEXT NOT NULL DEFAULT 'N' COLLATE NOCASE,
  set_name              TEXT DEFAULT NULL COLLATE NOCASE,
  set_area              TEXT DEFAULT NULL COLLATE NOCASE,
  set_group             TEXT DEFAULT NULL COLLATE NOCASE,
  ip_group_name         TEXT DEFAULT NULL COLLATE NOCASE,
  profile               TEXT,
  config_center_port    INTEGER NOT NULL DEFAULT 0,
  async_thread_num      INTEGER DEFAULT 3,
  server_important_type TEXT DEFAULT '0' CHECK (server_important_type IN ('0','1','2','3','4','5')),
  source                TEXT,
  grid_flag             TEXT NOT NULL DEFAULT 'NORMAL' COLLATE NOCASE,
  flow_state            TEXT NOT NULL DEFAULT 'active' CHECK (flow_state IN ('active','inactive')),
  run_type              TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  base_image_id         INTEGER DEFAULT 0,
  metrics_port          INTEGER DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS t_server_conf_instance ON t_server_conf (rtrim(application) COLLATE NOCASE, rtrim(server_name) COLLATE NOCASE, rtrim(node_name) COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS t_server_conf_node ON t_server_conf (rtrim(node_name) COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS t_server_conf_stamp ON t_server_conf (registry_timestamp);
-- The counterpart of MySQL's "on update": other programs rely on it.
CREATE TRIGGER IF NOT EXISTS t_server_conf_stamped AFTER UPDATE ON t_server_conf
WHEN NEW.registry_timestamp IS OLD.registry_timestamp
BEGIN
  UPDATE t_server_conf SET registry_timestamp = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id;
END;
