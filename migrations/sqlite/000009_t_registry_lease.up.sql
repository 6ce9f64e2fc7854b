CREATE TABLE IF NOT EXISTS t_registry_lease (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  application     TEXT NOT NULL COLLATE NOCASE,
  server_name     TEXT NOT NULL COLLATE NOCASE,
  node_name       TEXT NOT NULL COLLATE NOCASE,
  uid             TEXT NOT NULL DEFAULT '',
  kind            TEXT NOT NULL DEFAULT '',
  state           TEXT NOT NULL,
  revision        INTEGER NOT NULL,
  reported_state  TEXT NOT NULL DEFAULT '',
  report_sequence INTEGER NOT NULL DEFAULT 0,
  interval_ms     INTEGER NOT NULL DEFAULT 0,
  interval_told   INTEGER NOT NULL DEFAULT 0,
  lease_ms        INTEGER NOT NULL,
  last_heartbeat  TEXT NOT NULL,
  state_since     TEXT NOT NULL,
  metrics_port    INTEGER NOT NULL DEFAULT 0,
  worker_id       INTEGER DEFAULT NULL,
  flow_off_by     TEXT NOT NULL DEFAULT '',
  registration    TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS t_registry_lease_instance ON t_registry_lease (rtrim(application) COLLATE NOCASE, rtrim(server_name) COLLATE NOCASE, rtrim(node_name) COLLATE NOCASE);
CREATE UNIQUE INDEX IF NOT EXISTS t_registry_lease_worker ON t_registry_lease (rtrim(application) COLLATE NOCASE, rtrim(server_name) COLLATE NOCASE, worker_id) WHERE worker_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS t_registry_lease_node ON t_registry_lease (rtrim(node_name) COLLATE NOCASE);
