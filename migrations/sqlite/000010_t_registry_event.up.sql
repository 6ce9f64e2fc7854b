CREATE TABLE IF NOT EXISTS t_registry_event (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  application TEXT NOT NULL COLLATE NOCASE,
  server_name TEXT NOT NULL COLLATE NOCASE,
  node_name   TEXT NOT NULL COLLATE NOCASE,
  kind        TEXT NOT NULL,
  state       TEXT NOT NULL DEFAULT '',
  reason      TEXT NOT NULL DEFAULT '',
  actor       TEXT NOT NULL DEFAULT '',
  revision    INTEGER NOT NULL DEFAULT 0,
  replica     TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  created     TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS t_registry_event_created ON t_registry_event (created, replica);
CREATE INDEX IF NOT EXISTS t_registry_event_instance ON t_registry_event (rtrim(application) COLLATE NOCASE, rtrim(server_name) COLLATE NOCASE, rtrim(node_name) COLLATE NOCASE);
