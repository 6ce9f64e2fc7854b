CREATE TABLE IF NOT EXISTS t_group_priority (
  id         INT NOT NULL AUTO_INCREMENT,
  name       VARCHAR(128) DEFAULT '',
  group_list TEXT,
  list_order INT DEFAULT 0,
  station    VARCHAR(128) NOT NULL DEFAULT '',
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
