CREATE TABLE IF NOT EXISTS t_registry_event (
  id          BIGINT NOT NULL AUTO_INCREMENT,
  application VARCHAR(128) NOT NULL,
  server_name VARCHAR(128) NOT NULL,
  node_name   VARCHAR(128) NOT NULL,
  kind        VARCHAR(16) NOT NULL,
  state       VARCHAR(16) NOT NULL DEFAULT '',
  reason      VARCHAR(255) NOT NULL DEFAULT '',
  actor       VARCHAR(128) NOT NULL DEFAULT '',
  revision    BIGINT NOT NULL DEFAULT 0,
  replica     VARCHAR(128) NOT NULL DEFAULT '',
  created     DATETIME(6) NOT NULL COMMENT 'UTC',
  PRIMARY KEY (id),
  KEY created (created, replica),
  KEY instance (application, server_name, node_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
