CREATE TABLE IF NOT EXISTS t_registry_tombstone (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  application  TEXT NOT NULL COLLATE NOCASE,
  server_name  TEXT NOT NULL COLLATE NOCASE,
  node_name    TEXT NOT NULL COLLATE NOCASE,
  adapter_name TEXT NOT NULL DEFAULT '',
  servant      TEXT NOT NULL DEFAULT '',
  endpoint     TEXT NOT NULL DEFAULT '',
  protocol     TEXT NOT NULL DEFAULT '',
  endpoint_key TEXT NOT NULL,
  server       TEXT,
  created      TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS t_registry_tombstone_endpoint ON t_registry_tombstone (endpoint_key);
CREATE INDEX IF NOT EXISTS t_registry_tombstone_instance ON t_registry_tombstone (rtrim(application) COLLATE NOCASE, rtrim(server_name) COLLATE NOCASE, rtrim(node_name) COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS t_registry_tombstone_created ON t_registry_tombstone (created);
