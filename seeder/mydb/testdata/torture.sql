SET NAMES utf8mb4;
CREATE TABLE departments (id tinyint PRIMARY KEY, name varchar(40) NOT NULL, head int unsigned) ENGINE=InnoDB;
-- departments and employees point at each other.
CREATE TABLE employees (
	id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
	department tinyint NOT NULL, manager int unsigned,
	first_name varchar(30) NOT NULL, last_name varchar(30) CHARACTER SET latin1 NOT NULL,
	full_name varchar(61) GENERATED ALWAYS AS (concat(first_name, ' ', last_name)) VIRTUAL,
	initials char(2) GENERATED ALWAYS AS (concat(left(first_name, 1), left(last_name, 1))) STORED,
	title enum('Engineer','Clerk','Director of Finance','Analyst') NOT NULL,
	email varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,
	ssn char(11) NOT NULL CHECK (ssn REGEXP '^[0-9]{3}-[0-9]{2}-[0-9]{4}$'),
	salary decimal(14,4) unsigned NOT NULL DEFAULT 0,
	iban char(34), badge int(8) unsigned zerofill NOT NULL,
	skills set('sql','go','c') NOT NULL DEFAULT '', flags bit(10) NOT NULL, remote bit(1) NOT NULL,
	prefs json NOT NULL, hired date NOT NULL, left_on date, born date NOT NULL, since year NOT NULL,
	is_active tinyint(1) NOT NULL, shift_start time NOT NULL, checked datetime(3) NOT NULL DEFAULT '0000-00-00 00:00:00.000',
	secret_note varchar(20) INVISIBLE DEFAULT 'none',
	UNIQUE KEY by_email (email(20)), UNIQUE KEY (iban), UNIQUE KEY (badge),
	CONSTRAINT in_order CHECK (left_on IS NULL OR left_on > hired), CONSTRAINT of_age CHECK (born < hired - INTERVAL 16 YEAR),
	CONSTRAINT active CHECK (is_active = (left_on IS NULL)), CONSTRAINT lang CHECK (json_contains_path(prefs, 'one', '$.lang') AND prefs NOT LIKE '%''x''%'),
	FOREIGN KEY (department) REFERENCES departments (id), CONSTRAINT boss FOREIGN KEY (manager) REFERENCES employees (id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
ALTER TABLE departments ADD CONSTRAINT led_by FOREIGN KEY (head) REFERENCES employees (id);
INSERT INTO departments (id, name) SELECT seq, concat('Department ', seq) FROM seq_1_to_5;
SET FOREIGN_KEY_CHECKS = 0;
INSERT INTO employees (department, manager, first_name, last_name, title, email, ssn, salary, iban, badge, skills, flags, remote, prefs, hired, left_on, born, since, is_active, shift_start)
SELECT 1 + seq % 5, IF(seq > 5, 1 + seq % 5, NULL), elt(1 + seq % 5, 'Anna','Bert','Carla','Dora','Emil'), elt(1 + seq % 4, 'Miller','Smith','Jones','Kurz'),
	elt(1 + seq % 4, 'Engineer','Clerk','Director of Finance','Analyst'), concat('p', seq, '.', lower(elt(1 + seq % 4, 'Miller','Smith','Jones','Kurz')), '@corp.example'),
	concat(100 + seq, '-12-', 1000 + seq), 40000 + (seq * 137 % 600) * 100, concat('DE', lpad(seq % 100, 2, '0'), '370400440532', lpad(seq, 6, '0')), 7000 + seq,
	elt(1 + seq % 3, '', 'sql,go', 'c'), seq % 1024, seq % 2, json_object('lang', if(seq % 3 = 0, 'de', 'en')),
	'2010-01-01' + INTERVAL seq * 7 DAY, IF(seq % 5 = 0, '2010-01-01' + INTERVAL seq * 7 + 900 DAY, NULL), '1970-01-01' + INTERVAL seq * 11 DAY, 2010 + seq % 12, seq % 5 <> 0, elt(1 + seq % 2, '08:00:00', '22:30:00')
FROM seq_1_to_400;
UPDATE departments SET head = id;
SET FOREIGN_KEY_CHECKS = 1;

-- 1:1 with employees; a rounded number.
CREATE TABLE payroll (employee int unsigned PRIMARY KEY, account_iban varchar(34) NOT NULL, salary double NOT NULL, bonus float NOT NULL, paid_on date NOT NULL,
	FOREIGN KEY (employee) REFERENCES employees (id) ON DELETE CASCADE) ENGINE=InnoDB;
INSERT INTO payroll SELECT id, iban, salary / 12, 1000.01 + id / 7, '2024-05-31' FROM employees;

-- Partitioned, composite key.
CREATE TABLE accounts (region varchar(4) NOT NULL, id bigint unsigned NOT NULL AUTO_INCREMENT, owner_email varchar(90) NOT NULL, password_hash varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, api_token varchar(64), opened_at timestamp NOT NULL DEFAULT current_timestamp(),
	PRIMARY KEY (region, id), KEY (id)) ENGINE=InnoDB PARTITION BY LIST COLUMNS (region) (PARTITION eu VALUES IN ('eu'), PARTITION am VALUES IN ('us', 'ca'));
INSERT INTO accounts (region, owner_email, password_hash, api_token, opened_at)
SELECT elt(1 + seq % 3, 'eu','us','ca'), concat('user', seq, '@corp.example'), concat('$2b$12$', left(replace(replace(replace(to_base64(unhex(sha2(seq, 512))), char(10), ""), "+", "."), "=", ""), 53)), concat('tok_', left(sha2(concat('x', seq), 256), 32)), '2023-01-01' + INTERVAL seq DAY FROM seq_1_to_300;

-- Composite foreign key to columns with a key of their own; 16 bytes as a UUID; bytes.
CREATE TABLE users (tenant smallint NOT NULL, no smallint NOT NULL, email varchar(60) NOT NULL, uid binary(16) NOT NULL, pw_digest varbinary(32) NOT NULL, PRIMARY KEY (uid), UNIQUE KEY (no), UNIQUE KEY (tenant, no), UNIQUE KEY (email)) ENGINE=InnoDB;
INSERT INTO users SELECT seq % 4, seq, concat('u', seq, '@corp.example'), unhex(concat(left(md5(seq), 12), '4', substr(md5(seq), 14, 3), 'a', substr(md5(seq), 18, 15))), unhex(sha2(seq, 256)) FROM seq_1_to_120;
CREATE TABLE wallets (tenant smallint NOT NULL, user_no smallint NOT NULL, owner_id binary(16) NOT NULL, slot tinyint NOT NULL, wallet_key char(36) NOT NULL, payout_iban char(22) NOT NULL, balance decimal(20,8) NOT NULL CHECK (balance BETWEEN 0 AND 100000),
	PRIMARY KEY (tenant, user_no, slot), UNIQUE KEY (wallet_key), FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no), FOREIGN KEY (owner_id) REFERENCES users (uid)) ENGINE=InnoDB;
INSERT INTO wallets SELECT tenant, no, uid, 1, insert(insert(insert(insert(md5(no), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-'), concat('DE00370400440532', lpad(no, 6, '0')), no * 7919 % 90000 / 3 FROM users;

-- Odd names; a trigger that changes the row and fills another table.
CREATE TABLE `Api ``Credentials` (`Id` int NOT NULL AUTO_INCREMENT PRIMARY KEY, `Vendor` varchar(20) NOT NULL, `API Key` varchar(80) NOT NULL, `select` int, label varchar(20) NOT NULL, `Größe` decimal(6,1), created datetime NOT NULL, UNIQUE KEY `the key` (`API Key`, `select`)) ENGINE=InnoDB;
CREATE TABLE audit (at timestamp NOT NULL DEFAULT current_timestamp(), what varchar(40) NOT NULL) ENGINE=InnoDB;
CREATE TRIGGER `note key` BEFORE INSERT ON `Api ``Credentials` FOR EACH ROW BEGIN INSERT INTO audit (what) VALUES ('key added'); SET NEW.`Größe` = round(NEW.`Größe`); END;
INSERT INTO `Api ``Credentials` (`Vendor`, `API Key`, `select`, label, `Größe`, created)
SELECT v, CASE v WHEN 'github' THEN concat('ghp_', left(sha2(seq, 256), 36)) ELSE concat('sk_live_', left(sha2(seq, 256), 24)) END, seq % 3, v, seq, '2024-01-01' + INTERVAL seq HOUR FROM (SELECT seq, elt(1 + seq % 2, 'github','stripe') v FROM seq_1_to_60) x;
TRUNCATE audit;

-- No primary key.
CREATE TABLE card_vault (holder varchar(60) NOT NULL, processor_token char(40) NOT NULL, brand varchar(20) NOT NULL, expires date NOT NULL, credit_limit decimal(12,3) NOT NULL) ENGINE=InnoDB;
INSERT INTO card_vault SELECT concat(elt(1 + seq % 3, 'Anna','Bert','Carla'), ' ', elt(1 + seq % 4, 'Miller','Smith','Jones','Kurz')), concat('pm_', left(sha2(seq, 256), 28)), if(seq % 2, 'visa', 'mastercard'), '2027-01-31' + INTERVAL 31 * (seq % 20) DAY, 500 * (1 + seq % 40) FROM seq_1_to_200;

-- Without transactions; a trigger that writes to such a table.
CREATE TABLE legacy_members (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(60) NOT NULL, email varchar(80) NOT NULL, UNIQUE KEY (email)) ENGINE=MyISAM;
INSERT INTO legacy_members (name, email) SELECT concat(elt(1 + seq % 3, 'Anna','Bert','Carla'), ' ', elt(1 + seq % 2, 'Miller','Smith')), concat('m', seq, '@corp.example') FROM seq_1_to_50;
CREATE TABLE aria_members (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(80) NOT NULL) ENGINE=Aria;
INSERT INTO aria_members (email) SELECT concat('a', seq, '@corp.example') FROM seq_1_to_50;
CREATE TABLE old_log (what varchar(100)) ENGINE=MyISAM;
CREATE TABLE logged_members (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(80) NOT NULL) ENGINE=InnoDB;
INSERT INTO logged_members (email) SELECT concat('l', seq, '@corp.example') FROM seq_1_to_50;
CREATE TRIGGER logged AFTER INSERT ON logged_members FOR EACH ROW INSERT INTO old_log VALUES (NEW.email);

-- Used up, empty, unfillable, waiting, versioned, a view.
CREATE TABLE full_keys (id tinyint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL) ENGINE=InnoDB;
INSERT INTO full_keys SELECT seq, concat('k', seq, '@corp.example') FROM seq_1_to_255;
CREATE TABLE empty_people (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL) ENGINE=InnoDB;
CREATE TABLE letters (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL, body text NOT NULL) ENGINE=InnoDB;
INSERT INTO letters (email, body) SELECT concat('l', seq, '@corp.example'), concat('Dear ', repeat('friend ', seq)) FROM seq_1_to_20;
CREATE TABLE mail_outbox (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL) ENGINE=InnoDB;
INSERT INTO mail_outbox (email) SELECT concat('o', seq, '@corp.example') FROM seq_1_to_20;
CREATE TABLE history_people (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL) ENGINE=InnoDB WITH SYSTEM VERSIONING;
INSERT INTO history_people (email) SELECT concat('h', seq, '@corp.example') FROM seq_1_to_20;
CREATE VIEW people AS SELECT id, email FROM employees;
CREATE SEQUENCE tickets START WITH 500;
CREATE TABLE guests (id bigint NOT NULL DEFAULT nextval(tickets) PRIMARY KEY, full_name varchar(60) NOT NULL, email varchar(60) NOT NULL) ENGINE=InnoDB;
INSERT INTO guests (full_name, email) SELECT concat(elt(1 + seq % 3, 'Anna','Bert','Carla'), ' ', elt(1 + seq % 2, 'Miller','Smith')), concat('g', seq, '@corp.example') FROM seq_1_to_40;
