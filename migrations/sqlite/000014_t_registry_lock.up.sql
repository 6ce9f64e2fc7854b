CREATE TABLE IF NOT EXISTS t_registry_lock (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  application    TEXT NOT NULL COLLATE NOCASE,
  server_name    TEXT NOT NULL COLLATE NOCASE,
  holder         TEXT NOT NULL DEFAULT '',
  held_until     TEXT NOT NULL,
  reserved_until TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS t_registry_lock_server ON t_registry_lock (rtrim(application) COLLATE NOCASE, rtrim(server_name) COLLATE NOCASE);
