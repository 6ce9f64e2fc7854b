CREATE TABLE IF NOT EXISTS t_config_files (
  id          INT NOT NULL AUTO_INCREMENT,
  server_name VARCHAR(128) DEFAULT '',
  set_name    VARCHAR(16) NOT NULL DEFAULT '',
  set_area    VARCHAR(16) NOT NULL DEFAULT '',
  set_group   VARCHAR(16) NOT NULL DEFAULT '',
  host        VARCHAR(50) NOT NULL DEFAULT '',
  filename    VARCHAR(128) DEFAULT NULL,
  config      LONGTEXT,
  posttime    DATETIME DEFAULT NULL,
  lastuser    VARCHAR(50) DEFAULT NULL,
  level       INT DEFAULT 2,
  config_flag INT NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  UNIQUE KEY file (server_name, filename, host, level, set_name, set_area, set_group)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
