package pgsql

import "testing"

// Slots are written as the surrogate has them: '?2000000000' is a text, slot 0,
// 2000000001 a number, slot 1.
var conversions = []struct{ name, sql, want string }{
	{
		"a select with all clauses",
		"WITH RECURSIVE c(a) AS (SELECT 2000000000) SELECT DISTINCT u.id AS x, count(*) FROM public.users u WHERE u.a = $1 GROUP BY u.id HAVING count(*) > 2000000001 ORDER BY x DESC LIMIT 2000000002 OFFSET 2000000003 FOR UPDATE OF u SKIP LOCKED",
		"(select f=distinct (with f=recursive (derived a=c (select (targets (number 0))) (options columns (other name a=a)))) " +
			"(targets (column id q=u a=x) (func count (star))) (from (table users q=public a=u)) (where (binary = (column a q=u) (param $1 0))) " +
			"(group (column id q=u)) (having (binary > (func count (star)) (number 1))) (order (column x f=desc)) (limit (number 2) (number 3)) (locking update f=skip locked (other name a=u)))",
	},
	{
		"three arms of a union are one union",
		"SELECT a FROM t UNION ALL SELECT b FROM s UNION ALL SELECT NULL, '?2000000000' ORDER BY 1 LIMIT ALL",
		"(union union all (select (targets (column a)) (from (table t))) (select (targets (column b)) (from (table s))) (select (targets (null) (string 0))) (order (number)) (limit (null)))",
	},
	{
		"except is not turned round",
		"SELECT 1 EXCEPT (SELECT 2 EXCEPT SELECT 3)",
		"(union except (select (targets (number))) (union except (select (targets (number))) (select (targets (number)))))",
	},
	{
		"intersect within union", "SELECT 1 UNION SELECT 2 INTERSECT SELECT 3",
		"(union union (select (targets (number))) (union intersect (select (targets (number))) (select (targets (number)))))",
	},
	{
		"values", "VALUES (2000000000, NULL), (DEFAULT, true)",
		"(select (values (row row (number 0) (null)) (row row (other default) (bool true))))",
	},
	{"table", "TABLE ONLY users", "(select (targets (star)) (from (table users)))"},
	{"select into", "SELECT * INTO TEMP loot FROM users", "(select (targets (star)) (into table (table loot)) (from (table users)))"},
	{
		"insert", "INSERT INTO s.t AS x (a, b) VALUES (2000000000, '?2000000001') ON CONFLICT (a) DO UPDATE SET b = excluded.b WHERE x.a > 1 RETURNING *",
		"(insert (table t q=s a=x) (targets (column a) (column b)) (values (row row (number 0) (string 1))) " +
			"(conflict update (options conflict target (column a)) (targets (assign b (column b q=excluded))) (where (binary > (column a q=x) (number)))) (return (star)))",
	},
	{"insert of a query", "INSERT INTO t SELECT * FROM users", "(insert (table t) (select (targets (star)) (from (table users))))"},
	{"insert of defaults", "INSERT INTO t DEFAULT VALUES ON CONFLICT DO NOTHING", "(insert (table t) (options default values) (conflict nothing))"},
	{
		"update from", "UPDATE t SET a = b.c, (d, e) = (SELECT f, g FROM h), (i, j) = (1, DEFAULT) FROM b WHERE t.id = b.id RETURNING t.a",
		"(update (table t) (targets (assign a (column c q=b)) (assign d (query (select (targets (column f) (column g)) (from (table h))))) (assign e (missing)) (assign i (number)) (assign j (other default))) " +
			"(from (table b)) (where (binary = (column id q=t) (column id q=b))) (return (column a q=t)))",
	},
	{"delete using", "DELETE FROM t USING u WHERE t.id = u.id", "(delete (table t) (from (table u)) (where (binary = (column id q=t) (column id q=u))))"},
	{"delete at a cursor", "DELETE FROM t WHERE CURRENT OF c", "(delete (table t) (where (other current of q=c)))"},
	{
		"merge", "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED AND s.gone THEN DELETE WHEN MATCHED THEN UPDATE SET a = s.a WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
		"(merge (table t) (from (table s)) (where (binary = (column id q=t) (column id q=s))) (when matched (column gone q=s) (delete)) " +
			"(when matched (missing) (update (targets (assign a (column a q=s))))) (when not matched by target (missing) (insert (targets (column id)) (values (row row (column id q=s))))))",
	},
	{
		"copy to a program", "COPY (SELECT * FROM users) TO PROGRAM '?2000000000'",
		"(copy to f=program (select (targets (star)) (from (table users))) (string f=program 0))",
	},
	{
		"copy from a file", "COPY t (a, b) FROM '?2000000000' WITH (FORMAT csv, DELIMITER '?2000000001') WHERE a > 1",
		"(copy from f=file (table t) (targets (column a) (column b)) (string f=file 0) (options (other option a=format (other name a=csv)) (other option a=delimiter (string 1))) (where (binary > (column a) (number))))",
	},
	{"copy of the protocol", "COPY users TO STDOUT", "(copy to f=stdout (table users))"},
	{"copy into", "COPY users FROM STDIN", "(copy from f=stdin (table users))"},
	{"call", "CALL s.p(2000000000, x => '?2000000001')", "(call p q=s f=call (number 0) (other argument q=x (string 1)))"},
	{"execute", "EXECUTE plan(2000000000)", "(call plan f=execute (number 0))"},
	{"do", "DO LANGUAGE plpgsql '?2000000000'", "(call f=do (other option a=language (other name a=plpgsql)) (other option a=as (string 0)))"},
	{"prepare", "PREPARE p(int) AS SELECT $1", "(prepare p (select (targets (param $1 0))) (options types (other type a=int4)))"},
	{"deallocate", "DEALLOCATE p", "(other deallocate a=p)"},
	{
		"cursors", "DECLARE c CURSOR FOR SELECT * FROM users; FETCH FORWARD 100 FROM c; MOVE c; CLOSE c",
		"(other declare cursor a=c (select (targets (star)) (from (table users)))) (other fetch a=c f=forward) (other move a=c f=forward) (other close a=c)",
	},
	{"explain", "EXPLAIN (ANALYZE, COSTS off) DELETE FROM t", "(explain f=analyze (options (other option a=analyze) (other option a=costs (other name a=off))) (delete (table t)))"},
	{"set", "SET LOCAL standard_conforming_strings = off", "(set standard_conforming_strings q=local (string))"},
	{"reset", "RESET ALL", "(set all q=session f=reset)"},
	{"set role", "SET ROLE '?2000000000'", "(set role q=session (string 0))"},
	{"set transaction", "SET TRANSACTION READ ONLY", "(set transaction q=session (other option a=transaction_read_only (number)))"},
	{"show", "SHOW server_version", "(show server_version)"},
	{
		"transactions", "BEGIN; SAVEPOINT a; ROLLBACK TO a; RELEASE a; START TRANSACTION; PREPARE TRANSACTION '?2000000000'",
		"(begin begin) (begin savepoint a=a) (begin rollback to a=a) (begin release a=a) (begin begin) (begin prepare transaction (string 0))",
	},
	{"listen and notify", "LISTEN c; NOTIFY c, '?2000000000'; UNLISTEN *", "(other listen a=c) (other notify a=c (string 0)) (other unlisten)"},
	{"lock", "LOCK TABLE t IN SHARE MODE", "(lock lock (table t))"},
	{"vacuum", "VACUUM (FULL) t; ANALYZE t(a)", "(lock vacuum (other option a=full) (other vacuumrelation (table t))) (lock analyze (other vacuumrelation (table t) (other name a=a)))"},
	{"load", "LOAD '?2000000000'", "(load library (string 0))"},
	{
		"grants", "GRANT SELECT (a), UPDATE ON s.t TO bob, PUBLIC; REVOKE ALL ON SCHEMA s FROM bob; GRANT admin TO bob",
		"(grant grant q=table (other privilege a=select (other name a=a)) (other privilege a=update) (table t q=s) (other role a=bob) (other role a=public)) " +
			"(grant revoke q=schema (other privilege a=all) (other object a=s) (other role a=bob)) (grant grant (other privilege a=admin) (other role a=bob))",
	},
}

var definitions = []struct{ name, sql, want string }{
	{
		"create table", "CREATE TABLE s.t (id int PRIMARY KEY DEFAULT 2000000000)",
		"(define create table (table t q=s) (other columndef (other colname a=id) (other type a=int4) (other constraint) (other constraint (number 0))))",
	},
	{"create table as", "CREATE TABLE loot AS SELECT * FROM users", "(define create table (table loot) (select (targets (star)) (from (table users))))"},
	{"create view", "CREATE VIEW v AS SELECT a FROM t", "(define create view (table v) (select (targets (column a)) (from (table t))))"},
	{
		"drops", "DROP TABLE a, s.b CASCADE; DROP ROLE r; DROP FUNCTION f(int); DROP SCHEMA s; DROP DATABASE d; DROP EXTENSION e",
		"(define drop table (table a) (table b q=s)) (define drop role (other role a=r)) (define drop function (other object a=f (other type a=int4))) (define drop schema (other object a=s)) (define drop database (other dbname a=d)) (define drop extension (other object a=e))",
	},
	{"truncate", "TRUNCATE a, b", "(define truncate (table a) (table b))"},
	{"comment", "COMMENT ON TABLE t IS '?2000000000'", "(define comment (table t) (string 0))"},
	{"alter table", "ALTER TABLE t DROP COLUMN c, ENABLE ROW LEVEL SECURITY", "(define alter table (table t) (other dropcolumn a=c) (other enablerowsecurity))"},
	{"rename", "ALTER TABLE t RENAME TO u", "(define alter table (table t) (other newname a=u))"},
	{
		"roles", "CREATE USER bob PASSWORD '?2000000000' SUPERUSER; ALTER ROLE bob LOGIN",
		"(define create user (other role a=bob) (other option a=password (string 0)) (other option a=superuser (bool true))) (define alter role (other role a=bob) (other option a=canlogin (bool true)))",
	},
	{
		"function", "CREATE FUNCTION f(a text) RETURNS int LANGUAGE c AS '?2000000000', '?2000000001'",
		"(define create function (other object a=f) (other functionparameter (other name a=a) (other type a=text)) (other type a=int4) (other option a=language (other name a=c)) (other option a=as (other list (string 0) (string 1))))",
	},
	{"extension", "CREATE EXTENSION dblink", "(define create extension (other extname a=dblink))"},
	{
		"foreign server", "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '?2000000000')",
		"(define create server (other servername a=s) (other fdwname a=postgres_fdw) (other option a=host (string 0)))",
	},
	{"trigger", "CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", "(define create trigger (other trigname a=tr) (table t) (other name a=f))"},
	{"alter system", "ALTER SYSTEM SET archive_command = '?2000000000'", "(define alter system (set archive_command q=session (string 0)))"},
	{
		"policy", "CREATE POLICY p ON t USING (a = current_user)",
		"(define create policy (other policy_name a=p) (table t) (other cmd_name a=all) (other role a=public) (binary = (column a) (func current_user)))",
	},
}

var expressions = []struct{ name, sql, want string }{
	{"columns", `a, "B".c, s.t.d, t.*`, `(column a) (column c q=B) (column d q=t f=s) (star q=t)`},
	{
		"literals", "1.5, 2000000000.5, 2000000001e0, -2000000002, x'77359403', 'kept', NULL, true",
		"(number) (number 0) (number 1) (unary - (number 2)) (hex 3) (string) (null) (bool true)",
	},
	{
		"operators", "a + b * -c, NOT a, a OPERATOR(pg_catalog.=) b, a || b || c, @ a",
		"(binary + (column a) (binary * (column b) (unary - (column c)))) (unary not (column a)) (binary = q=pg_catalog (column a) (column b)) (binary || (column a) (column b) (column c)) (unary @ (column a))",
	},
	{"and and or", "a AND b AND (c OR d)", "(binary and (column a) (column b) (binary or (column c) (column d)))"},
	{
		"like", "a LIKE b ESCAPE '!', a NOT ILIKE b, a SIMILAR TO b, a NOT SIMILAR TO b, a ~* b",
		"(binary like (column a) (column b) (string)) (unary not (binary ilike (column a) (column b))) (binary similar to (column a) (column b)) (unary not (binary similar to (column a) (column b))) (binary ~* (column a) (column b))",
	},
	{
		"in and between", "a IN (b, c), a NOT IN (b), a BETWEEN b AND c, a NOT BETWEEN SYMMETRIC b AND c",
		"(binary in (column a) (column b) (column c)) (unary not (binary in (column a) (column b))) (binary between (column a) (column b) (column c)) (unary not (binary between f=symmetric (column a) (column b) (column c)))",
	},
	{
		"any and all", "a = ANY(b), a <> ALL(SELECT c), a IN (SELECT d), NOT EXISTS (SELECT 1), a = ANY (SELECT e)",
		"(binary = (column a) (unary any (column b))) (binary <> (column a) (unary all (query (select (targets (column c)))))) (binary in (column a) (query (select (targets (column d))))) (unary not (unary exists (query (select (targets (number)))))) (binary = (column a) (unary any (query (select (targets (column e))))))",
	},
	{
		"is", "a IS NULL, a IS NOT NULL, a IS TRUE, a IS NOT FALSE, a IS UNKNOWN, a IS DISTINCT FROM b, a IS NOT DISTINCT FROM b, a IS DOCUMENT, a IS JSON",
		"(binary is (column a) (null)) (unary not (binary is (column a) (null))) (binary is (column a) (bool true)) (unary not (binary is (column a) (bool false))) (binary is (column a) (null unknown)) (binary is distinct from (column a) (column b)) (unary not (binary is distinct from (column a) (column b))) (unary is document (column a)) (unary is json (column a))",
	},
	{
		"case", "CASE a WHEN b THEN c ELSE d END, CASE WHEN a THEN b END",
		"(case (column a) (when (column b) (column c)) (column d)) (case (missing) (when (column a) (column b)))",
	},
	{
		"casts", "a::int, CAST(a AS varchar(10)), a::text[], INTERVAL '?2000000000', a::s.mood",
		"(cast int4 (column a)) (cast varchar (column a) (options (number))) (cast text[] (column a)) (cast interval (string 0)) (cast mood q=s (column a))",
	},
	{
		"calls", "PG_SLEEP(5), pg_catalog.Version(), count(DISTINCT a), f(VARIADIC a), sum(a) FILTER (WHERE b), string_agg(a, b ORDER BY c)",
		"(func pg_sleep (number)) (func version q=pg_catalog) (func count f=distinct (column a)) (func f f=variadic (column a)) (func sum (column a) (where (column b))) (func string_agg (column a) (column b) (order (column c)))",
	},
	{
		"special syntax", "EXTRACT(year FROM a), TRIM(a), SUBSTRING(a FROM 1 FOR 2), POSITION(a IN b), a AT TIME ZONE b, OVERLAY(a PLACING b FROM 1)",
		"(func extract (string) (column a)) (func btrim (column a)) (func substring (column a) (number) (number)) (func position (column b) (column a)) (func timezone (column b) (column a)) (func overlay (column a) (column b) (number))",
	},
	{
		"functions without a call", "CURRENT_USER, CURRENT_TIMESTAMP(3), COALESCE(a, b), GREATEST(a, b), NULLIF(a, b), GROUPING(a)",
		"(func current_user) (func current_timestamp) (func coalesce (column a) (column b)) (func greatest (column a) (column b)) (func nullif (column a) (column b)) (func grouping (column a))",
	},
	{
		"xml and json", "xmlelement(name foo, a), xmlparse(document a), json_object('?2000000000': b), json_array(a, b), json_value(a, '?2000000001'), json_arrayagg(a)",
		"(func xmlelement (other name a=foo) (column a)) (func xmlparse (column a) (bool false)) (func json_object (other jsonkeyvalue (string 0) (column b))) (func json_array (column a) (column b)) (func json_value (column a) (string 1)) (func json_arrayagg (other jsonaggconstructor) (column a))",
	},
	{
		"rows and arrays", "(a, b), ROW(a), ARRAY[a, b], ARRAY(SELECT a), a[1], a[1:2], (f(a)).b, (a).*",
		"(row row (column a) (column b)) (row row (column a)) (row array (column a) (column b)) (row array (query (select (targets (column a))))) (other subscript (column a) (number)) (other subscript (column a) (number) (number)) (other field q=b (func f (column a))) (other field (column a) (star))",
	},
	{"collate", `a COLLATE "C"`, "(other collate q=C (column a))"},
	{"windows", "sum(a) OVER (PARTITION BY b ORDER BY c), rank() OVER w", "(func sum (column a) (window (group (column b)) (order (column c)))) (func rank (window w))"},
	{"scalar query", "(SELECT password FROM users LIMIT 1) AS p", "(query a=p (select (targets (column password)) (from (table users)) (limit (number))))"},
}

var relationCases = []struct{ name, sql, want string }{
	{
		"joins", "a JOIN b ON a.x = b.x LEFT JOIN c USING (y) CROSS JOIN d NATURAL JOIN e",
		"(join natural f=inner (join cross (join left (join inner (table a) (table b) (binary = (column x q=a) (column x q=b))) (table c) (other using (column y))) (table d)) (table e))",
	},
	{"sub-queries", "(SELECT 1) AS s(a), LATERAL (SELECT s.a) l", "(derived a=s (select (targets (number))) (options columns (other name a=a))) (derived a=l f=lateral (select (targets (column a q=s))))"},
	{
		"functions", "generate_series(1, 2) g, dblink('?2000000000', '?2000000001') AS t(a int), ROWS FROM (f(), g()) WITH ORDINALITY",
		"(func generate_series a=g (number) (number)) (func dblink a=t (string 0) (string 1) (options definitions (other columndef (other colname a=a) (other type a=int4)))) (other rows from (func f) (func g))",
	},
	{"sample", "users TABLESAMPLE bernoulli (10)", "(table users (options tablesample (func bernoulli (number))))"},
	{
		"grouping sets", "t GROUP BY GROUPING SETS ((a), ROLLUP (a, b), CUBE (c), ())",
		"(table t)) (group (other grouping sets (column a) (other rollup (column a) (column b)) (other cube (column c)) (other empty))",
	},
	{
		"xmltable", "xmltable('?2000000000' PASSING x COLUMNS a text)",
		"(func xmltable (column x) (string 0) (other rangetablefunccol (other colname a=a) (other type a=text)))",
	},
}

func TestEveryPartOfAStatementArrivesInTheTree(t *testing.T) {
	check := func(name, sql, want string) {
		t.Run(name, func(t *testing.T) {
			trees, err := parse([]byte(sql))
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			if got := show(trees...); got != want {
				t.Errorf("%s\n got %s\nwant %s", sql, got, want)
			}
		})
	}
	for _, c := range conversions {
		check(c.name, c.sql, c.want)
	}
	for _, c := range definitions {
		check(c.name, c.sql, c.want)
	}
	for _, c := range expressions {
		check(c.name, "SELECT "+c.sql, "(select (targets "+c.want+"))")
	}
	for _, c := range relationCases {
		check(c.name, "SELECT * FROM "+c.sql, "(select (targets (star)) (from "+c.want+"))")
	}
}
