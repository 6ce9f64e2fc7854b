CREATE TABLE IF NOT EXISTS t_registry_sweep (
  id          INT NOT NULL COMMENT 'always 1',
  holder      VARCHAR(128) NOT NULL DEFAULT '',
  held_since  DATETIME(6) NOT NULL COMMENT 'UTC',
  held_until  DATETIME(6) NOT NULL COMMENT 'UTC',
  released_at DATETIME(6) DEFAULT NULL COMMENT 'UTC',
  released_by VARCHAR(128) NOT NULL DEFAULT '',
  protected_since DATETIME(6) DEFAULT NULL COMMENT 'UTC; NULL: protection is off',
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
