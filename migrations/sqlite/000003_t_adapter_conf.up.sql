CREATE TABLE IF NOT EXISTS t_adapter_conf (
  id                 INTEGER PRIMARY KEY AUTOINCREMENT,
  application        TEXT DEFAULT '' COLLATE NOCASE,
  server_name        TEXT DEFAULT '' COLLATE NOCASE,
  node_name          TEXT DEFAULT '' COLLATE NOCASE,
  adapter_name       TEXT DEFAULT '' COLLATE NOCASE,
  registry_timestamp TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
  thread_num         INTEGER DEFAULT 1,
  endpoint           TEXT DEFAULT '' COLLATE NOCASE,
  max_connections    INTEGER DEFAULT 1000,
  allow_ip           TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  servant            TEXT DEFAULT '' COLLATE NOCASE,
  queuecap           INTEGER DEFAULT NULL,
  queuetimeout       INTEGER DEFAULT NULL,
  posttime           TEXT DEFAULT NULL,
  lastuser           TEXT DEFAULT NULL COLLATE NOCASE,
  protocol           TEXT DEFAULT 'tars' COLLATE NOCASE,
  handlegroup        TEXT DEFAULT '' COLLATE NOCASE
);
CREATE UNIQUE INDEX IF NOT EXISTS t_adapter_conf_adapter ON t_adapter_conf (rtrim(application) COLLATE NOCASE, rtrim(server_name) COLLATE NOCASE, rtrim(node_name) COLLATE NOCASE, rtrim(adapter_name) COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS t_adapter_conf_stamp ON t_adapter_conf (registry_timestamp);
-- The counterpart of MySQL's "on update": other programs rely on it.
CREATE TRIGGER IF NOT EXISTS t_adapter_conf_stamped AFTER UPDATE ON t_adapter_conf
WHEN NEW.registry_timestamp IS OLD.registry_timestamp
BEGIN
  UPDATE t_adapter_conf SET registry_timestamp = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id;
END;
