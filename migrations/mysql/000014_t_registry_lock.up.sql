CREATE TABLE IF NOT EXISTS t_registry_lock (
  id             BIGINT NOT NULL AUTO_INCREMENT,
  application    VARCHAR(128) NOT NULL,
  server_name    VARCHAR(128) NOT NULL,
  holder         VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'node that has the lock',
  last_holder    VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'node that had it last',
  held_until     DATETIME(6) NOT NULL COMMENT 'UTC',
  reserved_until DATETIME(6) NOT NULL COMMENT 'UTC: until then only the last holder gets it',
  PRIMARY KEY (id),
  UNIQUE KEY server (application, server_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
