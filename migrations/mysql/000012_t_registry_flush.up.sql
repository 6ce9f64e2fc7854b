CREATE TABLE IF NOT EXISTS t_registry_flush (
  replica    VARCHAR(128) NOT NULL,
  flushed_at DATETIME(6) NOT NULL COMMENT 'UTC',
  PRIMARY KEY (replica)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
