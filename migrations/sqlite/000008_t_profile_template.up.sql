CREATE TABLE IF NOT EXISTS t_profile_template (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  template_name TEXT DEFAULT '' COLLATE NOCASE,
  parents_name  TEXT DEFAULT '' COLLATE NOCASE,
  profile       TEXT NOT NULL,
  posttime      TEXT DEFAULT NULL,
  lastuser      TEXT DEFAULT NULL COLLATE NOCASE
);
CREATE UNIQUE INDEX IF NOT EXISTS t_profile_template_template ON t_profile_template (rtrim(template_name) COLLATE NOCASE);
