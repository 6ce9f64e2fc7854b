CREATE TABLE IF NOT EXISTS t_server_group_rule (
  group_id      INTEGER PRIMARY KEY AUTOINCREMENT,
  ip_order      TEXT DEFAULT 'denny_allow' CHECK (ip_order IN ('allow_denny','denny_allow')),
  allow_ip_rule TEXT,
  denny_ip_rule TEXT,
  lastuser      TEXT DEFAULT NULL COLLATE NOCASE,
  modify_time   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
  group_name    TEXT DEFAULT '' COLLATE NOCASE,
  group_name_cn TEXT DEFAULT '' COLLATE NOCASE
);
CREATE UNIQUE INDEX IF NOT EXISTS t_server_group_rule_name ON t_server_group_rule (rtrim(group_name) COLLATE NOCASE);
