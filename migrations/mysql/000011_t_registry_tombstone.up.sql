CREATE TABLE IF NOT EXISTS t_registry_tombstone (
  id           BIGINT NOT NULL AUTO_INCREMENT,
  application  VARCHAR(128) NOT NULL,
  server_name  VARCHAR(128) NOT NULL,
  node_name    VARCHAR(128) NOT NULL,
  adapter_name VARCHAR(128) NOT NULL DEFAULT '',
  servant      VARCHAR(128) NOT NULL DEFAULT '',
  endpoint     VARCHAR(128) NOT NULL DEFAULT '',
  protocol     VARCHAR(64) NOT NULL DEFAULT '',
  endpoint_key VARCHAR(160) NOT NULL COMMENT 'transport, host, port, timeout',
  server       TEXT COMMENT 'the last row of t_server_conf, JSON',
  created      DATETIME(6) NOT NULL COMMENT 'UTC',
  PRIMARY KEY (id),
  KEY endpoint (endpoint_key),
  KEY instance (application, server_name, node_name),
  KEY created (created)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
