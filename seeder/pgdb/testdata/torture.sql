CREATE EXTENSION citext;
CREATE EXTENSION btree_gist;
CREATE SCHEMA "Odd ""Schema""";
CREATE DOMAIN mail AS citext CHECK (VALUE ~ '^[^@ ]+@[^@ ]+\.[a-z]+$');
CREATE DOMAIN money_amount AS numeric(14,4) NOT NULL DEFAULT 0 CHECK (VALUE >= 0);
CREATE TYPE tier AS ENUM ('bronze', 'silver', 'gold');

-- departments and employees point at each other; one constraint is deferred.
CREATE TABLE departments (id smallint PRIMARY KEY, name text NOT NULL, head integer);
CREATE TABLE employees (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	department smallint NOT NULL REFERENCES departments,
	manager integer REFERENCES employees DEFERRABLE INITIALLY DEFERRED,
	first_name varchar(30) NOT NULL, last_name varchar(30) NOT NULL,
	full_name text GENERATED ALWAYS AS (first_name || ' ' || last_name) STORED,
	title text NOT NULL,
	email mail NOT NULL UNIQUE,
	ssn char(11) NOT NULL CHECK (ssn ~ '^[0-9]{3}-[0-9]{2}-[0-9]{4}$'),
	salary money_amount,
	iban char(34) UNIQUE,
	level tier NOT NULL,
	skills text[] NOT NULL DEFAULT '{}',
	prefs jsonb NOT NULL CHECK (prefs ? 'lang' AND jsonb_typeof(prefs -> 'lang') = 'string'),
	hired date NOT NULL, left_on date, CHECK (left_on IS NULL OR left_on > hired),
	born date CHECK (born < hired - 365 * 16),
	is_active boolean NOT NULL,
	CHECK (is_active = (left_on IS NULL)));
ALTER TABLE departments ADD FOREIGN KEY (head) REFERENCES employees DEFERRABLE INITIALLY DEFERRED;
INSERT INTO departments SELECT i, 'Department ' || i FROM generate_series(1, 5) i;
INSERT INTO employees (department, manager, first_name, last_name, title, email, ssn, salary, iban, level, skills, prefs, hired, left_on, born, is_active)
SELECT 1 + i % 5, CASE WHEN i > 5 THEN 1 + i % 5 END, f, l, (ARRAY['Engineer','Clerk','Director of Finance','Analyst'])[1 + i % 4], lower(left(f, 1) || l) || i || '@corp.example',
	lpad((100 + i)::text, 3, '0') || '-12-' || 1000 + i, 40000 + (i * 137 % 600) * 100, 'DE' || lpad((i % 100)::text, 2, '0') || '370400440532' || lpad(i::text, 6, '0'),
	(ARRAY['bronze','silver','gold'])[1 + i % 3]::tier, CASE WHEN i % 2 = 0 THEN '{sql,go}'::text[] ELSE '{}' END, jsonb_build_object('lang', CASE WHEN i % 3 = 0 THEN 'de' ELSE 'en' END),
	'2010-01-01'::date + i * 7, CASE WHEN i % 5 = 0 THEN '2010-01-01'::date + i * 7 + 900 END, '1970-01-01'::date + i * 11, i % 5 <> 0
FROM (SELECT i, (ARRAY['Anna','Bert','Carla','Dora','Emil'])[1 + i % 5] f, (ARRAY['Miller','Smith','Jones','Kurz'])[1 + i % 4] l FROM generate_series(1, 400) i) x;
UPDATE departments SET head = id;

-- 1:1 with employees: each parent has its row; honey employees are parents.
CREATE TABLE payroll (employee integer PRIMARY KEY REFERENCES employees ON DELETE CASCADE, account_iban varchar(34) NOT NULL, salary numeric(10,2) NOT NULL, bonus real, paid_on date NOT NULL);
INSERT INTO payroll SELECT id, trim(iban), salary / 12, 100 * (id % 9), '2024-05-31' FROM employees;

-- Partitioned, with attribute numbers that differ between root and leaf.
CREATE TABLE accounts (region text NOT NULL, id bigserial, owner_email text NOT NULL, password_hash text NOT NULL, api_token text, opened_at timestamp(0) NOT NULL DEFAULT now(), PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE accounts_eu (junk int, id bigint NOT NULL DEFAULT nextval('accounts_id_seq'), region text NOT NULL, owner_email text NOT NULL, password_hash text NOT NULL, api_token text, opened_at timestamp(0) NOT NULL DEFAULT now());
ALTER TABLE accounts_eu DROP COLUMN junk;
ALTER TABLE accounts ATTACH PARTITION accounts_eu FOR VALUES IN ('eu');
CREATE TABLE accounts_us PARTITION OF accounts FOR VALUES IN ('us', 'ca');
INSERT INTO accounts (region, owner_email, password_hash, api_token, opened_at)
SELECT (ARRAY['eu','us','ca'])[1 + i % 3], 'user' || i || '@corp.example', '$2b$12$' || left(translate(encode(sha256(i::text::bytea), 'base64') || encode(sha256(i::text::bytea), 'base64'), '+=', './'), 53),
	'tok_' || left(encode(sha256(('x' || i)::bytea), 'hex'), 32), '2023-01-01'::timestamp + i * interval '1 day' FROM generate_series(1, 300) i;

-- Composite foreign key, composite primary key, non-primary target.
CREATE TABLE wallets (account_region text NOT NULL, account_id bigint NOT NULL, no smallint NOT NULL, wallet_key uuid NOT NULL UNIQUE, payout_iban char(22) NOT NULL, balance numeric(20,8) NOT NULL CHECK (balance BETWEEN 0 AND 100000),
	PRIMARY KEY (account_region, account_id, no), FOREIGN KEY (account_region, account_id) REFERENCES accounts (region, id) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO wallets SELECT region, id, 1, md5(id::text)::uuid, 'DE00370400440532' || lpad(id::text, 6, '0'), (id * 7919 % 90000)::numeric / 3 FROM accounts;

-- Partial unique, expression unique, unique that counts NULLs once; triggers that change the row and fill another table.
CREATE TABLE "Odd ""Schema"""."Api Credentials" (
	"Id" uuid PRIMARY KEY DEFAULT gen_random_uuid(), "Vendor" text NOT NULL, "API Key" text NOT NULL, "select" integer, label citext NOT NULL, "Größe" numeric(6,1), deleted_at timestamptz, created timestamptz NOT NULL);
CREATE UNIQUE INDEX ON "Odd ""Schema"""."Api Credentials" (lower("API Key")) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX ON "Odd ""Schema"""."Api Credentials" ("API Key", "select") NULLS NOT DISTINCT;
CREATE TABLE audit (at timestamptz NOT NULL DEFAULT now(), what text NOT NULL);
CREATE FUNCTION note_key() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit (what) VALUES ('key added'); NEW.label := NEW.label || ''; NEW."Größe" := round(NEW."Größe"); RETURN NEW; END $$;
CREATE TRIGGER "note key" BEFORE INSERT ON "Odd ""Schema"""."Api Credentials" FOR EACH ROW EXECUTE FUNCTION note_key();
ALTER TABLE "Odd ""Schema"""."Api Credentials" ENABLE ALWAYS TRIGGER "note key";
INSERT INTO "Odd ""Schema"""."Api Credentials" ("Vendor", "API Key", "select", label, "Größe", deleted_at, created)
SELECT v, CASE v WHEN 'github' THEN 'ghp_' || left(encode(sha256(i::text::bytea), 'hex'), 36) WHEN 'aws' THEN 'AKIA' || translate(upper(left(encode(sha256(i::text::bytea), 'hex'), 16)), '0189', 'WXYZ') ELSE 'sk_live_' || left(encode(sha256(i::text::bytea), 'hex'), 24) END,
	i % 3, v, i, CASE WHEN i % 4 = 0 THEN now() END, '2024-01-01'::timestamptz + i * interval '1 hour'
FROM (SELECT i, (ARRAY['github','aws','stripe'])[1 + i % 3] v FROM generate_series(1, 60) i) x;

-- No primary key; fixed width; a scale that pads.
CREATE TABLE card_vault (holder varchar(60) NOT NULL, card_number char(20) NOT NULL, brand text NOT NULL, expires date NOT NULL, processor_token char(40) NOT NULL, credit_limit numeric(12,3) NOT NULL);
INSERT INTO card_vault SELECT (ARRAY['Anna','Bert','Carla'])[1 + i % 3] || ' ' || (ARRAY['Miller','Smith','Jones','Kurz'])[1 + i % 4], n || (10 - (SELECT sum(CASE WHEN k % 2 = 1 THEN CASE WHEN 2 * d > 9 THEN 2 * d - 9 ELSE 2 * d END ELSE d END) FROM (SELECT k, substr(n, 16 - k, 1)::int d FROM generate_series(1, 15) k) y) % 10) % 10,
	CASE WHEN i % 2 = 0 THEN 'visa' ELSE 'mastercard' END, '2027-01-31'::date + 31 * (i % 20), 'pm_' || left(encode(sha256(i::text::bytea), 'hex'), 28), 500 * (1 + i % 40)
FROM (SELECT i, (CASE WHEN i % 2 = 0 THEN '400012' ELSE '510012' END) || lpad((i * 7919)::text, 9, '0') n FROM generate_series(1, 200) i) x;

-- Exclusion: no two stays of a room overlap.
CREATE TABLE stays (id serial PRIMARY KEY, room integer NOT NULL, guest_name text NOT NULL, guest_email text NOT NULL, arrival date NOT NULL, departure date NOT NULL, EXCLUDE USING gist (room WITH =, daterange(arrival, departure) WITH &&));
INSERT INTO stays (room, guest_name, guest_email, arrival, departure) SELECT i % 10, 'Guest Number', 'guest' || i || '@corp.example', '2024-01-01'::date + 40 * (i / 10), '2024-01-03'::date + 40 * (i / 10) FROM generate_series(1, 100) i;

-- Keys used up; nothing in it; row security for everybody; no way to fill a column; work waiting to be done.
CREATE TABLE full_keys (id smallint PRIMARY KEY, email text NOT NULL);
INSERT INTO full_keys SELECT i, 'k' || i || '@corp.example' FROM generate_series(32700, 32767) i;
CREATE TABLE empty_people (id serial PRIMARY KEY, email text NOT NULL);
CREATE TABLE secret_people (id serial PRIMARY KEY, email text NOT NULL);
INSERT INTO secret_people (email) SELECT 's' || i || '@corp.example' FROM generate_series(1, 20) i;
ALTER TABLE secret_people ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret_people FORCE ROW LEVEL SECURITY;
CREATE TABLE letters (id serial PRIMARY KEY, email text NOT NULL, body text NOT NULL);
INSERT INTO letters (email, body) SELECT 'l' || i || '@corp.example', 'Dear ' || repeat('friend ', i) FROM generate_series(1, 20) i;
CREATE TABLE mail_outbox (id serial PRIMARY KEY, email text NOT NULL);
INSERT INTO mail_outbox (email) SELECT 'o' || i || '@corp.example' FROM generate_series(1, 20) i;
CREATE TABLE swallowed (id serial PRIMARY KEY, email text NOT NULL);
INSERT INTO swallowed (email) SELECT 'w' || i || '@corp.example' FROM generate_series(1, 20) i;
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER swallow BEFORE INSERT ON swallowed FOR EACH ROW EXECUTE FUNCTION swallow();
CREATE TABLE ruled (id serial PRIMARY KEY, email text NOT NULL);
CREATE RULE r AS ON INSERT TO ruled DO INSTEAD NOTHING;
CREATE VIEW people AS SELECT id, email FROM employees;
CREATE MATERIALIZED VIEW people_once AS SELECT id, email FROM employees;
-- Inheritance of the old kind.
CREATE TABLE contacts (id serial PRIMARY KEY, name text NOT NULL, email text NOT NULL);
CREATE TABLE vip_contacts (gift text) INHERITS (contacts);
INSERT INTO contacts (name, email) SELECT (ARRAY['Anna','Bert','Carla'])[1 + i % 3] || ' ' || (ARRAY['Miller','Smith'])[1 + i % 2], 'c' || i || '@corp.example' FROM generate_series(1, 50) i;
INSERT INTO vip_contacts (name, email, gift) SELECT 'Vera Lang', 'v' || i || '@corp.example', 'book' FROM generate_series(1, 20) i;
ANALYZE;
