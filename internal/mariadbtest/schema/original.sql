-- The tables of db_tars that concern a registry, as Tars' installer makes them.
-- Statements end with a semicolon at the end of a line.

CREATE TABLE t_node_info (
  id INT NOT NULL AUTO_INCREMENT,
  node_name VARCHAR(128) NOT NULL DEFAULT '',
  node_obj VARCHAR(128) NOT NULL DEFAULT '',
  endpoint_ip VARCHAR(50) DEFAULT '',
  endpoint_port INT DEFAULT 0,
  data_dir VARCHAR(128) NOT NULL DEFAULT '',
  load_avg1 FLOAT DEFAULT 0,
  load_avg5 FLOAT DEFAULT 0,
  load_avg15 FLOAT DEFAULT 0,
  last_reg_time DATETIME NULL,
  last_heartbeat DATETIME NULL,
  setting_state ENUM('active','inactive') DEFAULT 'inactive',
  present_state ENUM('active','inactive') DEFAULT 'inactive',
  tars_version VARCHAR(128) NOT NULL DEFAULT '',
  template_name VARCHAR(128) NOT NULL DEFAULT '',
  modify_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  group_id INT DEFAULT -1,
  label TEXT,
  PRIMARY KEY (id),
  UNIQUE KEY node_name (node_name),
  KEY last_heartbeat (last_heartbeat)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE t_server_conf (
  id INT NOT NULL AUTO_INCREMENT,
  application VARCHAR(128) DEFAULT '',
  server_name VARCHAR(128) DEFAULT '',
  node_group VARCHAR(50) NOT NULL DEFAULT '',
  node_name VARCHAR(50) NOT NULL DEFAULT '',
  registry_timestamp TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  base_path VARCHAR(128) DEFAULT '',
  exe_path VARCHAR(128) NOT NULL DEFAULT '',
  template_name VARCHAR(128) NOT NULL DEFAULT '',
  bak_flag INT NOT NULL DEFAULT 0,
  setting_state ENUM('active','inactive') NOT NULL DEFAULT 'inactive',
  present_state ENUM('active','inactive','activating','deactivating','destroyed') NOT NULL DEFAULT 'inactive',
  process_id INT NOT NULL DEFAULT 0,
  patch_version VARCHAR(128) NOT NULL DEFAULT '',
  patch_time DATETIME NULL,
  patch_user VARCHAR(128) NOT NULL DEFAULT '',
  tars_version VARCHAR(128) NOT NULL DEFAULT '',
  posttime DATETIME NULL,
  lastuser VARCHAR(30) NULL,
  server_type ENUM('tars_cpp','not_tars','tars_java','tars_nodejs','tars_php','tars_go') NOT NULL DEFAULT 'tars_cpp',
  start_script_path VARCHAR(128) NULL,
  stop_script_path VARCHAR(128) NULL,
  monitor_script_path VARCHAR(128) NULL,
  enable_group CHAR(1) DEFAULT 'N',
  enable_set CHAR(1) NOT NULL DEFAULT 'N',
  set_name VARCHAR(16) NULL,
  set_area VARCHAR(16) NULL,
  set_group VARCHAR(64) NULL,
  ip_group_name VARCHAR(64) NULL,
  profile TEXT,
  source TEXT,
  config_center_port INT NOT NULL DEFAULT 0,
  async_thread_num INT DEFAULT 3,
  server_important_type ENUM('0','1','2','3','4','5') DEFAULT '0',
  grid_flag VARCHAR(16) NOT NULL DEFAULT 'NORMAL',
  flow_state ENUM('active','inactive') NOT NULL DEFAULT 'active',
  run_type VARCHAR(32) NOT NULL DEFAULT '',
  base_image_id INT DEFAULT 0,
  PRIMARY KEY (id),
  UNIQUE KEY application (application, server_name, node_name),
  KEY node_name (node_name),
  KEY index_i_3 (setting_state, server_type, application, server_name, node_name),
  KEY index_regtime (registry_timestamp)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE t_adapter_conf (
  id INT NOT NULL AUTO_INCREMENT,
  application VARCHAR(50) DEFAULT '',
  server_name VARCHAR(128) DEFAULT '',
  node_name VARCHAR(50) DEFAULT '',
  adapter_name VARCHAR(100) DEFAULT '',
  registry_timestamp TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  thread_num INT DEFAULT 1,
  endpoint VARCHAR(128) DEFAULT '',
  max_connections INT DEFAULT 1000,
  allow_ip VARCHAR(255) NOT NULL DEFAULT '',
  servant VARCHAR(128) DEFAULT '',
  queuecap INT NULL,
  queuetimeout INT NULL,
  posttime DATETIME NULL,
  lastuser VARCHAR(30) NULL,
  protocol VARCHAR(64) DEFAULT 'tars',
  handlegroup VARCHAR(64) DEFAULT '',
  PRIMARY KEY (id),
  UNIQUE KEY application (application, server_name, node_name, adapter_name),
  KEY adapter_conf_endpoint_index (endpoint),
  KEY index_regtime_1 (registry_timestamp)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE t_config_files (
  id INT NOT NULL AUTO_INCREMENT,
  server_name VARCHAR(128) DEFAULT '',
  set_name VARCHAR(16) NOT NULL DEFAULT '',
  set_area VARCHAR(16) NOT NULL DEFAULT '',
  set_group VARCHAR(16) NOT NULL DEFAULT '',
  host VARCHAR(50) NOT NULL DEFAULT '',
  filename VARCHAR(128) DEFAULT NULL,
  config LONGTEXT,
  posttime DATETIME NULL,
  lastuser VARCHAR(50) DEFAULT NULL,
  level INT DEFAULT 2,
  config_flag INT NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  UNIQUE KEY application (server_name, filename, host, level, set_name, set_area, set_group)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE t_registry_info (
  id INT NOT NULL AUTO_INCREMENT,
  locator_id VARCHAR(128) NOT NULL DEFAULT '',
  servant VARCHAR(128) NOT NULL DEFAULT '',
  endpoint VARCHAR(128) NOT NULL DEFAULT '',
  last_heartbeat DATETIME NULL,
  present_state ENUM('active','inactive') DEFAULT 'inactive',
  tars_version VARCHAR(128) NOT NULL DEFAULT '',
  modify_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  enable_group CHAR(1) DEFAULT 'N',
  PRIMARY KEY (id),
  UNIQUE KEY locator_id (locator_id, servant)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE t_server_group_rule (
  group_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  ip_order ENUM('allow_denny','denny_allow') NOT NULL DEFAULT 'denny_allow',
  allow_ip_rule TEXT,
  denny_ip_rule TEXT,
  lastuser VARCHAR(50) DEFAULT NULL,
  modify_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  group_name VARCHAR(128) DEFAULT '',
  group_name_cn VARCHAR(128) DEFAULT '',
  PRIMARY KEY (group_id),
  UNIQUE KEY group_name (group_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE t_group_priority (
  id INT NOT NULL AUTO_INCREMENT,
  name VARCHAR(128) DEFAULT '',
  group_list TEXT,
  list_order INT DEFAULT 0,
  station VARCHAR(128) NOT NULL DEFAULT '',
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE t_profile_template (
  id INT NOT NULL AUTO_INCREMENT,
  template_name VARCHAR(128) DEFAULT '',
  parents_name VARCHAR(128) DEFAULT '',
  profile TEXT NOT NULL,
  posttime DATETIME NULL,
  lastuser VARCHAR(30) DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY template_name (template_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;
