CREATE TABLE IF NOT EXISTS t_registry_lock (
  id             BIGINT NOT NULL AUTO_INCREMENT,
  application    VARCHAR(128) NOT NULL,
  server_name    VARCHAR(128) NOT NULL,
  holder         VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'node that has, or had, the lock',
  held_until     DATETIME(6) NOT NULL COMMENT 'UTC',
  reserved_until DATETIME(6) NOT NULL COMMENT 'UTC; later than held_until: only the holder gets it until then',
  PRIMARY KEY (id),
  UNIQUE KEY server (application, server_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
