CREATE TABLE IF NOT EXISTS t_profile_template (
  id            INT NOT NULL AUTO_INCREMENT,
  template_name VARCHAR(128) DEFAULT '',
  parents_name  VARCHAR(128) DEFAULT '',
  profile       TEXT NOT NULL,
  posttime      DATETIME DEFAULT NULL,
  lastuser      VARCHAR(30) DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY template (template_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
