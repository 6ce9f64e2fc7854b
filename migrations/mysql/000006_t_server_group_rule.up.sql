CREATE TABLE IF NOT EXISTS t_server_group_rule (
  group_id      INT UNSIGNED NOT NULL AUTO_INCREMENT,
  ip_order      ENUM('allow_denny','denny_allow') DEFAULT 'denny_allow',
  allow_ip_rule TEXT,
  denny_ip_rule TEXT,
  lastuser      VARCHAR(50) DEFAULT NULL,
  modify_time   TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  group_name    VARCHAR(128) DEFAULT '',
  group_name_cn VARCHAR(128) DEFAULT '',
  PRIMARY KEY (group_id),
  UNIQUE KEY name (group_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
