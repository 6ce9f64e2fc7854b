CREATE TABLE IF NOT EXISTS t_registry_info (
  id             INT NOT NULL AUTO_INCREMENT,
  locator_id     VARCHAR(128) NOT NULL DEFAULT '',
  servant        VARCHAR(128) NOT NULL DEFAULT '',
  endpoint       VARCHAR(128) NOT NULL DEFAULT '',
  last_heartbeat DATETIME DEFAULT NULL,
  present_state  ENUM('active','inactive') DEFAULT 'inactive',
  tars_version   VARCHAR(128) NOT NULL DEFAULT '',
  modify_time    TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  enable_group   CHAR(1) DEFAULT 'N',
  PRIMARY KEY (id),
  UNIQUE KEY locator (locator_id, servant)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
