CREATE TABLE IF NOT EXISTS t_registry_sweep (
  id          INTEGER PRIMARY KEY,
  holder      TEXT NOT NULL DEFAULT '',
  held_since  TEXT NOT NULL,
  held_until  TEXT NOT NULL,
  released_at TEXT DEFAULT NULL,
  released_by TEXT NOT NULL DEFAULT '',
  protected_since TEXT DEFAULT NULL
);
