package waysout

import "strings"

// A myWay is one by which the honey row leaves a MariaDB server, or comes back to it.
type myWay struct {
	name    string
	channel string // event.Channel of the hit
	kind    string // of a token that must be among the hits
	sql     string // run in the text protocol, in the binary one, and by a cursor
	do      func(x *myTry)
	as      string // the disguise in which the value stands
	stmt    string // stands in the detection's statement text; sql's beginning if empty
	// cut: block ends the session, since the value leaves in a packet too large to be held.
	cut bool
	// inbound: the client presents the value; the rule is honey-value-presented.
	inbound bool
	// echoed: the value is presented and comes back as well; the rule is honey-row-read then.
	echoed bool
	schema string // the current one, if it is not crm
	// text: only in the text protocol, for the server prepares no such statement.
	text bool
	// nocursor: the server's own answer in that mode is broken (it sends the
	// definitions twice), and no client can follow it.
	nocursor bool
}

// myTry is one attempt.
type myTry struct {
	*myTalk
	port string // of the tap
	mode string
}

// myRowWays return the row by one statement.
var myRowWays = []myWay{
	{name: "whole row", kind: "email", sql: "select * from customers where id > 900000"},
	{name: "whole table", kind: "email", sql: "select * from customers"},
	{name: "one column", kind: "email", sql: "select email from customers where id > 900000"},
	{name: "alias", kind: "email", sql: "select email as x from customers c where id > 900000"},
	{name: "key alone", kind: "key", sql: "select id from customers where id > 900000"},
	{name: "name alone", kind: "person_name", sql: "select name from customers where id > 900000"},
	{name: "salary alone (DECIMAL)", kind: "salary", sql: "select salary from customers where id > 900000"},
	{name: "telephone alone", kind: "phone", sql: "select phone from customers where id > 900000"},
	{name: "card number alone (BIGINT)", kind: "card_number", sql: "select card from customers where id > 900000"},
	{name: "card number as unsigned", kind: "card_number", sql: "select cast(card as unsigned) from customers where id > 900000"},
	{name: "card number as text", kind: "card_number", sql: "select cast(card as char) from customers where id > 900000"},
	{name: "card number as DECIMAL", kind: "card_number", sql: "select card_dec from forms"},
	{name: "card number as DOUBLE", kind: "card_number", sql: "select cast(card as double(16,0)) from customers where id > 900000"},
	{name: "card number as DOUBLE with an exponent", kind: "card_number", sql: "select card + 0e0 from customers where id > 900000"},
	{name: "card number with ZEROFILL", kind: "card_number", sql: "select card_zero from forms"},
	{name: "card number in CHAR(n)", kind: "card_number", sql: "select card_char from forms"},
	{name: "uuid alone", kind: "uuid", sql: "select ref from customers where id > 900000"},
	{name: "uuid without its dashes", kind: "uuid", sql: "select regexp_replace(ref, '-', '') from customers where id > 900000"},
	{name: "uuid as text", kind: "uuid", sql: "select cast(ref as char) from customers where id > 900000"},
	{name: "uuid in BINARY(16)", kind: "raw_id", sql: "select uid from customers where id > 900000"},
	{name: "DATE alone", kind: "birth_date", sql: "select born from customers where id > 900000"},
	{name: "DATETIME(3) alone", kind: "joined", sql: "select joined from customers where id > 900000"},
	{name: "TIMESTAMP alone", kind: "seen", sql: "select seen from customers where id > 900000"},
	{name: "TIME alone", kind: "shift", sql: "select shift from customers where id > 900000"},
	{name: "YEAR alone", kind: "since", sql: "select since from customers where id > 900000"},
	{name: "DOUBLE alone", kind: "score", sql: "select score from customers where id > 900000"},
	{name: "FLOAT alone", kind: "ratio", sql: "select ratio from customers where id > 900000"},
	{name: "SMALLINT alone", kind: "flags", sql: "select flags from customers where id > 900000"},
	{name: "TINYINT UNSIGNED alone", kind: "level", sql: "select level from customers where id > 900000"},
	{name: "MEDIUMINT alone", kind: "medium", sql: "select medium from customers where id > 900000"},
	{name: "VARCHAR", kind: "api_key", sql: "select api_key from customers where id > 900000"},
	{name: "CHAR(n)", kind: "email", sql: "select e_char from forms"},
	{name: "telephone in CHAR(n)", kind: "phone", sql: "select phone_char from forms"},
	{name: "BLOB", kind: "email", sql: "select e_blob from forms"},
	{name: "VARBINARY", kind: "email", sql: "select e_varbinary from forms"},
	{name: "BINARY(n), padded with zeros", kind: "email", sql: "select e_binary from forms"},
	{name: "TINYTEXT", kind: "email", sql: "select e_tiny from forms"},
	{name: "JSON column", kind: "email", sql: "select e_json from forms"},
	{name: "ENUM", kind: "email", sql: "select v from (select 1) o join (select cast(1 as unsigned) n) i, (select email v from customers where id > 900000) e"},
	{name: "column in latin1", kind: "email", sql: "select e_latin from forms"},
	{name: "column in utf16", kind: "email", sql: "select e_utf16 from forms"},
	{name: "column in ucs2", kind: "email", sql: "select e_ucs2 from forms"},
	{name: "column in utf32", kind: "email", sql: "select e_utf32 from forms"},
	{name: "column in utf16le", kind: "email", sql: "select e_utf16le from forms"},
	{name: "key by join", kind: "email", sql: "select o.note, c.email from orders o join customers c on c.id = o.customer where o.note = 'special'"},
	{name: "outer join", kind: "email", sql: "select o.note, c.email from orders o left join customers c on c.id = o.customer where o.note = 'special'"},
	{name: "self join", kind: "email", sql: "select b.email from customers a join customers b using (id) where a.id > 900000"},
	{name: "natural join, STRAIGHT_JOIN", kind: "email", sql: "select straight_join a.email from customers a natural join customers b where a.id > 900000"},
	{name: "schema named", kind: "key", sql: "select crm.c.id from crm.customers c where id > 900000"},
	{name: "view", kind: "email", sql: "select * from v_customers where id > 900000"},
	{name: "view, telephone alone", kind: "phone", sql: "select phone from v_customers where id > 900000"},
	{name: "view made by a temporary table", kind: "email", sql: "select * from v_temp where id > 900000"},
	{name: "view, name and salary together", kind: "person_name", sql: "select name, salary from v_temp where id > 900000"},
	{name: "partition", kind: "email", sql: "select * from events partition (high) where id > 900000"},
	{name: "partitioned table", kind: "email", sql: "select * from events where id > 900000"},
	{name: "deleted row of a versioned table", kind: "email", sql: "select email from history for system_time all"},
	{name: "stored function", kind: "email", sql: "select f_mail(900001)"},
	{name: "function of a value", kind: "email", sql: "select f_agg(email) from customers where id > 900000"},
	{name: "procedure with several results", kind: "email", sql: "call p_rows()"},
	{name: "dynamic SQL in a procedure", kind: "email", sql: "call p_dynamic('customers')"},
	{name: "cursor in a procedure", kind: "email", sql: "call p_cursor()"},
	{name: "diagnostics in a procedure", kind: "email", sql: "call p_diagnostics()"},
	{name: "EXECUTE IMMEDIATE", kind: "email", sql: "execute immediate 'select email from customers where id > 900000'", text: true},
	{name: "compound statement", kind: "email", sql: "begin not atomic declare e varchar(120); select email into e from customers where id = 900001; select e; end", text: true},
	{name: "scalar subquery", kind: "email", sql: "select (select email from customers where id = 900001)"},
	{name: "derived table", kind: "email", sql: "select * from (select email from customers where id > 900000) s"},
	{name: "CTE", kind: "email", sql: "with x as (select * from customers) select email from x where id > 900000"},
	{name: "recursive CTE", kind: "email", sql: "with recursive x(n, e) as (select 0, cast('' as char(120)) union all select n + 1, (select email from customers where id = 900001) from x where n < 2) select e from x"},
	{name: "UNION", kind: "email", sql: "select 'a', 'b' union all select name, email from customers where id > 900000"},
	{name: "UNION with NULLs", kind: "email", sql: "select id, note, null from orders where id < 0 union select null, email, null from customers where id > 900000"},
	{name: "UNION, telephone as only text", kind: "phone", sql: "select note from orders where id = 1 union select phone from customers where id > 900000"},
	{name: "UNION with a number", kind: "card_number", sql: "select 1 union select card from customers where id > 900000"},
	{name: "INTERSECT", kind: "email", sql: "select email from customers where id > 900000 intersect select email from events"},
	{name: "EXCEPT", kind: "email", sql: "select email from customers except select email from customers where id < 900000"},
	{name: "VALUES", kind: "email", sql: "values ((select email from customers where id = 900001))"},
	{name: "cast", kind: "email", sql: "select cast(cast(email as char(100)) as binary) from customers where id > 900000"},
	{name: "convert using utf16", kind: "email", sql: "select convert(email using utf16) from customers where id > 900000"},
	{name: "convert using latin1", kind: "email", sql: "select convert(email using latin1) from customers where id > 900000"},
	{name: "collate", kind: "email", sql: "select email collate utf8mb4_bin from customers where id > 900000"},
	{name: "concatenation", kind: "email", sql: "select concat(id, '/', name, '/', email) from customers where id > 900000"},
	{name: "CONCAT_WS", kind: "email", sql: "select concat_ws(';', id, email) from customers where id > 900000"},
	{name: "sqlmap's marks around it", kind: "email", sql: "select concat(0x716b707871, ifnull(cast(email as nchar), 0x20), 0x7178787671) from customers where id > 900000"},
	{name: "CASE, COALESCE, GREATEST", kind: "email", sql: "select case when id > 0 then email end, coalesce(null, api_key), greatest(ref, ref) from customers where id > 900000"},
	{name: "IF, IFNULL, NULLIF, NVL2", kind: "email", sql: "select if(1, email, 0), ifnull(null, email), nullif(email, ''), nvl2(1, email, 0) from customers where id > 900000"},
	{name: "ELT, MAKE_SET, EXPORT_SET", kind: "email", sql: "select elt(1, email), make_set(1, email), export_set(1, email, '', '', 1) from customers where id > 900000"},
	{name: "min and max", kind: "email", sql: "select max(email) from customers where id > 900000"},
	{name: "DISTINCT, GROUP BY", kind: "email", sql: "select distinct email from customers where id > 900000 group by email"},
	{name: "GROUP BY WITH ROLLUP", kind: "email", sql: "select email, count(*) from customers where id > 900000 group by email with rollup"},
	{name: "window function", kind: "email", sql: "select first_value(email) over (order by id desc) from customers limit 1"},
	{name: "GROUP_CONCAT", kind: "email", sql: "select group_concat(email order by id desc separator '|') from customers"},
	{name: "GROUP_CONCAT of telephones", kind: "phone", sql: "select group_concat(phone order by id desc) from customers where id in (5, 900001)"},
	{name: "JSON_OBJECT", kind: "email", sql: "select json_object('e', email, 'n', name) from customers where id > 900000"},
	{name: "JSON_ARRAY, JSON_QUOTE", kind: "email", sql: "select json_array(id, email), json_quote(email) from customers where id > 900000"},
	{name: "JSON_ARRAYAGG", kind: "email", sql: "select json_arrayagg(email) from customers where id > 900000"},
	{name: "JSON_OBJECTAGG", kind: "email", sql: "select json_objectagg(id, email) from customers where id > 900000"},
	{name: "JSON_VALUE, JSON_EXTRACT", kind: "email", sql: "select json_value(e_json, '$'), json_extract(e_json, '$') from forms"},
	{name: "JSON_DETAILED, JSON_TABLE", kind: "email", sql: "select t.e, json_detailed(e_json) from forms, json_table(json_array(e_json), '$[*]' columns (e varchar(100) path '$')) t"},
	{name: "JSON, value with special characters", kind: "url", sql: "select json_object('l', link) from customers where id > 900000"},
	{name: "QUOTE, value with special characters", kind: "url", sql: "select quote(link) from customers where id > 900000"},
	{name: "LPAD, RPAD, INSERT, REPLACE, TRIM", kind: "email", sql: "select lpad(email, 60, ' '), rpad(email, 60, '-'), insert(email, 1, 0, 'x '), replace(email, 'zz', ''), trim(email) from customers where id > 900000"},
	{name: "SUBSTR, LEFT, MID of the whole", kind: "email", sql: "select substr(email, 1), left(email, 200), mid(email, 1, 100) from customers where id > 900000"},
	{name: "SUBSTRING_INDEX, REGEXP_SUBSTR, REGEXP_REPLACE", kind: "email", sql: "select substring_index(email, '#', 1), regexp_substr(email, '.*'), regexp_replace(email, '#', '') from customers where id > 900000"},
	{name: "EXTRACTVALUE as a function", kind: "email", sql: "select extractvalue(concat('<a>', email, '</a>'), '/a'), updatexml('<a/>', '/a', email) from customers where id > 900000"},
	{name: "encoded and decoded again", kind: "email", sql: "select unhex(hex(email)), from_base64(to_base64(email)), uncompress(compress(email)), aes_decrypt(aes_encrypt(email, 'k'), 'k') from customers where id > 900000"},
	{name: "SFORMAT, CHR", kind: "email", sql: "select sformat('{} <{}>', name, email) from customers where id > 900000"},
	{name: "dynamic columns", kind: "email", sql: "select column_json(column_create('e', email)), column_get(column_create('e', email), 'e' as char) from customers where id > 900000"},
	{name: "ROW compared, IN, ANY_VALUE", kind: "email", sql: "select email from customers where (id, name) in (select id, name from customers where id > 900000)"},
	{name: "INSERT RETURNING", kind: "email", sql: "insert into sink (id, v) select id, email from customers where id > 900000 returning v"},
	{name: "REPLACE RETURNING", kind: "email", sql: "replace into sink (id, v) select 1000000, email from customers where id > 900000 returning v"},
	{name: "SELECT FOR UPDATE", kind: "email", sql: "select email from customers where id > 900000 for update"},
	{name: "LOCK IN SHARE MODE, SKIP LOCKED", kind: "email", sql: "select email from customers where id > 900000 lock in share mode skip locked"},
	{name: "ORDER BY and LIMIT", kind: "email", sql: "select email from customers order by id desc limit 1"},
	{name: "FETCH FIRST, LIMIT ROWS EXAMINED", kind: "email", sql: "select sql_no_cache sql_buffer_result email from customers order by id desc fetch first 1 rows only"},
	{name: "PROCEDURE ANALYSE", kind: "email", sql: "select email from customers where id > 900000 procedure analyse()", text: true},
	{name: "histogram in mysql.column_stats", kind: "email", sql: "select * from mysql.column_stats where table_name = 'skewed'"},
	{name: "row of more than 64 KiB", kind: "email", sql: "select body from wide where id = 1", cut: true},
	{name: "row of more than 64 KiB, value at its start", kind: "email", sql: "select body from wide where id = 3"},
	{name: "value at 40 KiB of a row", kind: "email", sql: "select body from wide where id = 2"},
	{name: "column aliases that fake another table", kind: "email", sql: "select email as `orders.note` from customers where id > 900000"},
	{name: "4,000 columns", kind: "email", sql: "select " + strings.Repeat("null, ", 3999) + "email from customers where id > 900000"},
	{name: "behind 300 statements of one text", kind: "email", sql: strings.Repeat("select 1;", 300) + "select email from customers where id > 900000", text: true},
	{name: "behind comments", kind: "email", sql: "/* ; */ # x\n -- y\n select email from customers where id > 900000 -- "},
	{name: "inside a version comment", kind: "email", sql: "/*!50000 select email*/ /*M!100100 from*/ customers where id > 900000"},
	{name: "several statements", kind: "email", sql: "select 1; select email from customers where id > 900000; select 2; do 1", text: true},
	{name: "200,000 rows", kind: "email", sql: "select g.seq, c.email from seq_1_to_200000 g left join customers c on c.id = 900001 and g.seq = 199999"},
	{name: "60 MB result", kind: "email", sql: "select repeat('z', 1000), if(seq = 30000, (select email from customers where id = 900001), '') from seq_1_to_60000", text: true},
	{name: "SHOW CREATE TABLE, default", kind: "email", sql: "show create table defaulted"},
	{name: "SHOW CREATE TABLE, comment", kind: "email", sql: "show create table commented"},
	{name: "SHOW CREATE TABLE, partition", kind: "email", sql: "show create table listed"},
	{name: "SHOW CREATE VIEW", kind: "email", sql: "show create view v_const"},
	{name: "SHOW CREATE PROCEDURE", kind: "email", sql: "show create procedure p_text"},
	{name: "SHOW PROCEDURE STATUS", kind: "email", sql: "show procedure status like 'p_text'"},
	{name: "SHOW FULL COLUMNS, comment", kind: "email", sql: "show full columns from commented"},
	{name: "DESCRIBE, default", kind: "email", sql: "describe defaulted"},
	{name: "DESCRIBE, name and members of a type", kind: "email", sql: "describe enumerated"},
	{name: "SHOW TABLES", kind: "api_key", sql: "show tables like 'sk%'"},
	{name: "information_schema.columns", kind: "email", sql: "select table_name, column_default from information_schema.columns where table_schema = 'crm' and table_name = 'defaulted'"},
	{name: "information_schema.views", kind: "email", sql: "select view_definition from information_schema.views where table_name = 'v_const'"},
	{name: "information_schema.partitions", kind: "email", sql: "select partition_description from information_schema.partitions where table_name = 'listed'"},
	{name: "information_schema.routines", kind: "email", sql: "select routine_comment from information_schema.routines where routine_name = 'p_text'"},
	{name: "EXPLAIN FORMAT=JSON of a constant in a view", kind: "email", sql: "explain format=json select * from v_const"},
	{name: "ANALYZE FORMAT=JSON of a constant in a view", kind: "email", sql: "analyze format=json select * from v_const", nocursor: true},
}

// myErrorWays put it into an error.
var myErrorWays = []myWay{
	errWay("error of EXTRACTVALUE", "select extractvalue(1, concat('~', (select api_key from customers where id = 900001)))", "api_key"),
	errWay("error of UPDATEXML", "select updatexml(1, concat('~', (select api_key from customers where id = 900001)), 1)", "api_key"),
	errWay("error of a duplicate key", "insert into uniq select email from customers where id > 900000"),
	errWay("error of a duplicate group (FLOOR(RAND(0)*2))", "select count(*), concat((select email from customers where id = 900001), floor(rand(0)*2)) x from information_schema.columns group by x"),
	errWay("error of SIGNAL in a procedure", "call p_signal()"),
	errWay("error of RESIGNAL in a procedure", "call p_resignal()"),
	errWay("error of SIGNAL in a function", "select f_error()"),
	errWay("error of SIGNAL in a trigger", "insert into checked (n) values (7)"),
	errWay("error behind a procedure's result", "call p_then_error()", "api_key"),
	errWay("error behind rows", "select if(c.id > 900000, f_error(), 1) from customers c order by c.id"),
	errWay("error of an integer", "insert into checked (n) select email from customers where id > 900000"),
	errWay("error of a date", "insert into checked (d) select email from customers where id > 900000"),
	errWay("error of syntax in dynamic SQL", "set @s = (select concat('x ', email) from customers where id = 900001); prepare s from @s"),
	errWay("error of a name in dynamic SQL", "set @s = (select concat('select * from `', email, '`') from customers where id = 900001); execute immediate @s"),
	errWay("error of a setting", "set character_set_client = (select email from customers where id = 900001)"),
	errWay("error of another setting", "set session sql_mode = (select api_key from customers where id = 900001)", "api_key"),
	errWay("error of a time zone", "set time_zone = (select email from customers where id = 900001)"),
	errWay("error in latin1", "set character_set_results = latin1; insert into uniq select email from customers where id > 900000"),
	errWay("error in a transaction", "begin; select 1; select extractvalue(1, concat('~', (select api_key from customers where id = 900001)))", "api_key"),
}

func errWay(name, sql string, kind ...string) myWay {
	w := myWay{name: name, channel: "error", kind: "email", sql: sql, stmt: sql[max(0, len(sql)-12):]}
	if len(kind) > 0 {
		w.kind = kind[0]
	}
	w.text = strings.Contains(sql, ";") || strings.Contains(sql, "(1, concat('~'") // prepared, the server takes constants alone
	return w
}
