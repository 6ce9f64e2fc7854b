CREATE TABLE IF NOT EXISTS t_registry_info (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  locator_id     TEXT NOT NULL DEFAULT '',
  servant        TEXT NOT NULL DEFAULT '',
  endpoint       TEXT NOT NULL DEFAULT '',
  last_heartbeat TEXT DEFAULT NULL,
  present_state  TEXT DEFAULT 'inactive' CHECK (present_state IN ('active','inactive')),
  tars_version   TEXT NOT NULL DEFAULT '',
  modify_time    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
  enable_group   TEXT DEFAULT 'N'
);
CREATE UNIQUE INDEX IF NOT EXISTS t_registry_info_locator ON t_registry_info (locator_id, servant);
