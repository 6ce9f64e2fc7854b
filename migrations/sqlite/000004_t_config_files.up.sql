CREATE TABLE IF NOT EXISTS t_config_files (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  server_name TEXT DEFAULT '' COLLATE NOCASE,
  set_name    TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  set_area    TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  set_group   TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  host        TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  filename    TEXT DEFAULT NULL COLLATE NOCASE,
  config      TEXT,
  posttime    TEXT DEFAULT NULL,
  lastuser    TEXT DEFAULT NULL COLLATE NOCASE,
  level       INTEGER DEFAULT 2,
  config_flag INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS t_config_files_file ON t_config_files (rtrim(server_name) COLLATE NOCASE, rtrim(filename) COLLATE NOCASE, rtrim(host) COLLATE NOCASE, level, rtrim(set_name) COLLATE NOCASE, rtrim(set_area) COLLATE NOCASE, rtrim(set_group) COLLATE NOCASE);
