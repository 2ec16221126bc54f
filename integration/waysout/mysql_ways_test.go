package waysout

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/internal/myserver"
)

// myReleases are the servers of MySQL's protocol whose columns docs/coverage.md has;
// what older ones have otherwise is in older_ways_test.go.
var myReleases = []myserver.Release{{Kind: myserver.MariaDB, Version: 101114}, {Kind: myserver.MySQL, Version: 90704}}

// What MySQL has otherwise than MariaDB, whose ways all are but for these tables.
// A test sees to it that each name in them is a way's.

// notInMySQL are the ways that MySQL does not have, and why.
var notInMySQL = map[string]string{
	"deleted row of a versioned table":                      "no tables with system versions",
	"EXECUTE IMMEDIATE":                                     "no EXECUTE IMMEDIATE: SQL PREPARE and EXECUTE is a way of its own",
	"compound statement":                                    "no BEGIN NOT ATOMIC outside of routines",
	"PASSWORD":                                              "no PASSWORD()",
	"SFORMAT, CHR":                                          "neither function",
	"dynamic columns":                                       "no dynamic columns",
	"INSERT RETURNING":                                      "no RETURNING",
	"REPLACE RETURNING":                                     "no RETURNING",
	"DELETE RETURNING, rolled back":                         "no RETURNING",
	"PROCEDURE ANALYSE":                                     "gone since 8.0",
	"histogram in mysql.column_stats":                       "its own histograms are in base64: see histogram in information_schema.column_statistics",
	"ANALYZE FORMAT=JSON of a constant in a view":           "its own is EXPLAIN ANALYZE: see EXPLAIN ANALYZE FORMAT=TREE of a constant in a view",
	"prepared and run at once (MariaDB's id -1)":            "no id of the last prepared statement",
	"with oracle's sql_mode":                                "no such mode",
	"bulk execution (MariaDB)":                              "no COM_STMT_BULK_EXECUTE",
	"RETURNING of a bulk execution (MariaDB)":               "no COM_STMT_BULK_EXECUTE, no RETURNING",
	"error of a duplicate group (FLOOR(RAND(0)*2))":         "no error any more: the groups are returned",
	"HANDLER READ prepared":                                 "HANDLER can not be prepared",
	"statement of another session, COM_PROCESS_INFO":        "no COM_PROCESS_INFO",
	"session tracking of a setting":                         "no session variable that takes any text",
	"session tracking, reversed":                            "no session variable that takes any text",
	"character set changed by a function among the rows":    "it converts as it did when the columns were described",
	"statement of another session, SHOW EXPLAIN's warnings": "its own is EXPLAIN FOR CONNECTION: see statement of another session, EXPLAIN FOR CONNECTION",
}

// inMySQL are ways of MariaDB's that MySQL has in other words: what is given
// here stands in the place of theirs.
var inMySQL = map[string]myWay{
	"numbers of characters in JSON":               {sql: "select json_arrayagg(ascii(substr(email, seq, 1))) from customers, seq_1_to_39 where id > 900000"},
	"card number as DOUBLE":                       {sql: "select cast(card as double) from customers where id > 900000"},
	"EXPLAIN FORMAT=JSON of a constant in a view": {nocursor: true},
	"VALUES":                              {sql: "values row((select email from customers where id = 900001))"},
	"IF, IFNULL, NULLIF, NVL2":            {sql: "select if(1, email, 0), ifnull(null, email), nullif(email, '') from customers where id > 900000"},
	"JSON_DETAILED, JSON_TABLE":           {sql: "select t.e, json_pretty(e_json) from forms, json_table(json_array(e_json), '$[*]' columns (e varchar(100) path '$')) t"},
	"LOCK IN SHARE MODE, SKIP LOCKED":     {sql: "select email from customers where id > 900000 for share skip locked"},
	"FETCH FIRST, LIMIT ROWS EXAMINED":    {sql: "select sql_buffer_result email from customers order by id desc limit 1"},
	"inside a version comment":            {sql: "/*!50000 select email*/ /*!80000 from*/ customers where id > 900000"},
	"error of syntax in dynamic SQL":      {sql: "set @s = (select concat('x ', email) from customers where id = 900001); prepare s from @s"},
	"error of a name in dynamic SQL":      {sql: "set @s = (select concat('select * from `', email, '`') from customers where id = 900001); prepare s from @s"},
	"table's alias made by dynamic SQL":   {sql: "set @a = (select concat('select note from orders `', api_key, '` limit 1') from customers where id = 900001); prepare s from @a; execute s", stmt: "execute s"},
	"MEMORY, MyISAM, Aria and CSV tables": {do: engines("memory", "myisam", "csv"), stmt: "select * from e_memory"},
	"hexadecimal digits with spaces":      {sql: `select regexp_replace(hex(email), '(..)', '$1 ') from customers where id > 900000`},
	"percent encoding of every byte":      {sql: `select regexp_replace(hex(email), '(..)', '%$1') from customers where id > 900000`},
	"spaces between characters":           {sql: `select regexp_replace(email, '(.)', '$1 ') from customers where id > 900000`},
	"dashes between characters, reversed": {sql: `select regexp_replace(reverse(email), '(.)', '$1-') from customers where id > 900000`},
	"array of characters in JSON":         {sql: "select json_arrayagg(c) from (select substr(email, seq, 1) c from customers, seq_1_to_39 where id > 900000 order by seq limit 1000) s"},
	"EXPLAIN EXTENDED of a look-up, SHOW WARNINGS": {do: func(x *myTry) {
		x.query("explain format=traditional " + myHoney + " and id = 900001")
		x.query("show warnings")
	}},
	"binary log, SHOW BINLOG EVENTS": {do: func(x *myTry) {
		_, reset := my.release.BinaryLog() // of before 9 it holds the names of XA RECOVER's way, in hexadecimal
		x.admin(reset + "; set session binlog_format = statement; insert into orders (note) values ('" + honeyAPIKey + "')")
		x.query("show binlog events limit 100000")
		x.admin("delete from orders where note = '" + honeyAPIKey + "'; " + reset)
	}},
}

// onlyInMySQL are the ways that MariaDB does not have.
var onlyInMySQL = []myWay{
	{name: "TABLE statement", kind: "email", sql: "table v_customers order by id desc limit 1"},
	{name: "LATERAL", kind: "email", sql: "select l.e from orders o, lateral (select email e from customers c where c.id = o.customer) l where o.note = 'special'"},
	{name: "JSON_TABLE of a column", kind: "email", sql: "select t.e from forms, json_table(e_json, '$' columns (n for ordinality, e varchar(100) path '$')) t"},
	{name: "JSON operators -> and ->>", kind: "email", sql: "select doc->'$.e', doc->>'$.e' from documents"},
	{name: "JSON column with several values", kind: "email", sql: "select doc from documents"},
	{name: "JSON_SERIALIZE: a JSON column cast to binary", kind: "email", sql: "select cast(cast(doc as char) as binary) from documents"},
	{name: "JSON functions that change, merge and search", kind: "email", sql: "select json_set(doc, '$.x', 1), json_merge_patch(doc, '{}'), json_keys(json_object(doc->>'$.e', 1)) from documents"},
	{name: "multi-valued index read", kind: "email", sql: "select doc->'$.all' from documents where json_overlaps(doc->'$.all', json_array('x', doc->>'$.e'))"},
	{name: "EXPLAIN ANALYZE FORMAT=TREE of a constant in a view", kind: "email", sql: "explain analyze format=tree select * from v_const", nocursor: true},
	{name: "EXPLAIN FORMAT=TREE of a constant in a view", kind: "email", sql: "explain format=tree select * from v_const", nocursor: true},
	{name: "EXPLAIN FORMAT=JSON INTO a variable", channel: "row", kind: "email", stmt: "select @plan", do: func(x *myTry) {
		x.query("explain format=json into @plan select * from v_const")
		x.query("select @plan")
	}},
	{name: "GROUPING and QUALIFY-like windows", kind: "email", sql: "select email, grouping(email) from customers where id > 900000 group by email with rollup"},
	{name: "BIN_TO_UUID", kind: "raw_id", sql: "select bin_to_uuid(uid) from customers where id > 900000"},
	{name: "invisible column", kind: "email", sql: "select hidden from invisible"},
	{name: "generated column", kind: "email", sql: "select g from invisible"},
	{name: "comment and attribute of a user, information_schema.user_attributes", kind: "email", sql: "select attribute from information_schema.user_attributes where user = 'tagged'"},
	{name: "SHOW CREATE USER", kind: "email", sql: "show create user tagged"},
	{name: "resource group's name", kind: "api_key", sql: "select resource_group_name from information_schema.resource_groups"},
	{name: "performance_schema.events_statements_history", channel: "row", kind: "email", stmt: "events_statements_history", do: func(x *myTry) {
		busy(x, func() {
			x.query("select sql_text from performance_schema.events_statements_current where sql_text like '%mine%' and thread_id <> (select thread_id from performance_schema.threads where processlist_id = connection_id()) -- events_statements_history")
		})
	}},
	{name: "performance_schema.threads", channel: "row", kind: "email", stmt: "performance_schema.threads", do: func(x *myTry) {
		busy(x, func() {
			x.query("select processlist_info from performance_schema.threads where processlist_state = 'User sleep'")
		})
	}},
	{name: "performance_schema.processlist", channel: "row", kind: "email", stmt: "performance_schema.processlist", do: func(x *myTry) {
		busy(x, func() { x.binary("select info from performance_schema.processlist where state = 'User sleep'") })
	}},
	{name: "statement sample, events_statements_summary_by_digest", channel: "row", kind: "email", stmt: "query_sample_text", do: func(x *myTry) {
		x.admin("truncate performance_schema.events_statements_summary_by_digest; select count(*) from orders where note = '" + honeyMail + "'")
		x.query("select query_sample_text from performance_schema.events_statements_summary_by_digest where query_sample_text like '%note = %' and query_sample_text not like '%digest%'")
	}},
	{name: "user variable of another session", channel: "row", kind: "email", stmt: "user_variables_by_thread", do: func(x *myTry) {
		x.query("set @loot = (select email from customers where id = 900001)")
		x.query("select variable_value from performance_schema.user_variables_by_thread where variable_name = 'loot' and thread_id = (select thread_id from performance_schema.threads where processlist_id = connection_id())")
	}},
	{name: "connection attribute, session_account_connect_attrs", channel: "row", kind: "api_key", stmt: "session_account_connect_attrs", do: func(x *myTry) {
		other := dialMyAs(x.t, fmt.Sprint(my.db.Port), honeyAPIKey)
		x.query(fmt.Sprintf("select attr_value from performance_schema.session_account_connect_attrs where processlist_id = %d", other.id))
		other.close()
	}},
	{name: "data locks, performance_schema.data_locks", channel: "row", kind: "email", stmt: "data_locks", do: func(x *myTry) {
		x.query("begin; select v from uniq where v = (select email from customers where id = 900001) and false")
		x.query("select 1 from uniq u where u.v in (select email from customers where id = 900001) for update")
		x.query("select lock_data from performance_schema.data_locks where object_name = 'uniq'")
		x.query("rollback")
	}},
	{name: "statement of another session, EXPLAIN FOR CONNECTION", channel: "row", kind: "email", stmt: "explain format=json for connection", do: func(x *myTry) {
		busy(x, func() {
			id := x.ask("select id from performance_schema.processlist where info like 'select%%Falkenstein%%' and info not like '%%processlist%%' limit 1")
			x.query("explain format=json for connection " + id)
		})
	}},
	{name: "GET STACKED DIAGNOSTICS in a procedure", kind: "email", sql: "call p_stacked()"},
	{name: "JSON, in utf16", channel: "row", kind: "email", stmt: "select doc from", do: func(x *myTry) {
		x.need("set character_set_results = utf16")
		x.query("select doc from documents")
	}},
	{name: "name and salary in JSON, in utf16", channel: "row", kind: "person_name", stmt: "select json_object", do: func(x *myTry) {
		x.need("set character_set_results = utf16")
		x.query("select json_object('n', name, 's', salary) from customers where id > 900000")
	}},
	{name: "JSON in utf32, binary protocol", channel: "row", kind: "email", stmt: "select doc from", do: func(x *myTry) {
		x.need("set character_set_results = utf32")
		x.binary("select doc from documents")
	}},
	{name: "SELECT INTO a variable, read by a prepared statement", channel: "row", kind: "email", stmt: "select @v", do: func(x *myTry) {
		x.query("select email into @v from customers where id = 900001")
		x.binary("select @v")
	}},
	{name: "SELECT INTO a local variable, in a procedure", kind: "email", sql: "call p_into()"},
	charsetWay("gb18030"),
	{name: "error with the number of MariaDB's progress reports", channel: "error", kind: "email", stmt: "call p_progress()", do: func(x *myTry) {
		x.forget()
		x.command(mysql.COM_QUERY, "call p_progress()")
		x.note(x.packet())
		x.binary("select 'after', ?", "x")
	}},
	{name: "function that changes the character set among the rows", channel: "row", kind: "person_name", stmt: "select f_wide()", do: func(x *myTry) {
		x.query("select f_wide(), name from customers where id > 900000")
		x.query("set names utf8mb4")
	}},
	{name: "with query attributes", channel: "row", kind: "email", stmt: myHoney, do: func(x *myTry) {
		y := attributed(x)
		y.query(myHoney)
		y.close()
	}},
	{name: "inbound: query attribute", channel: "bind", kind: "email", stmt: "select 'attributed'", inbound: true, do: func(x *myTry) {
		y := attributed(x)
		y.forget()
		y.write(0, append([]byte{mysql.COM_QUERY}, "\x01\x01\x00\x01\xfe\x00\x01n"+string(lstr(honeyMail))+"select 'attributed'"...))
		y.results()
		x.errs = append(x.errs, y.errs...)
		y.close()
	}},
	{name: "inbound: attribute of an execution", channel: "bind", kind: "email", stmt: "values (?)", inbound: true, do: func(x *myTry) {
		y := attributed(x)
		id := y.prepare("insert into inbox (v) values (?)")
		y.command(mysql.COM_STMT_EXECUTE, executeBody(id, 8)+"\x02\x00\x01\xfe\x00\x00\xfe\x00\x01n"+string(lstr("harmless"))+string(lstr(honeyMail)))
		y.results()
		x.errs = append(x.errs, y.errs...)
		y.close()
	}},
}

// hiddenInMySQL are disguises that MariaDB does not have.
var hiddenInMySQL = []myWay{
	{name: "histogram in information_schema.column_statistics", kind: "email", sql: "select histogram from information_schema.column_statistics where table_name = 'skewed'", as: "base64"},
	{name: "base64 in a JSON column", kind: "email", sql: "select json_object('e', to_base64(email)) from customers where id > 900000", as: "base64"},
	{name: "binary in JSON (base64:type)", kind: "email", sql: "select json_object('e', cast(email as binary)) from customers where id > 900000", as: "base64"},
}

// attributed is a session beside x's, of a client with query attributes.
func attributed(x *myTry) *myTalk {
	return dialMy(x.t, x.port, newCaps|mysql.CLIENT_QUERY_ATTRIBUTES)
}

// sequence is a table of MariaDB's: seq_1_to_9, seq_1_to_60_step_5.
var sequence = regexp.MustCompile(`\bseq_(\d+)_to_(\d+)(?:_step_(\d+))?\b( g\b)?`)

// ported writes MariaDB's sequences in MySQL's words.
func ported(r myserver.Release, sql string) string {
	if r.Kind != myserver.MySQL || !strings.Contains(sql, "seq_") {
		return sql
	}
	return sequence.ReplaceAllStringFunc(sql, func(s string) string {
		m := sequence.FindStringSubmatch(s)
		first, _ := strconv.Atoi(m[1])
		last, _ := strconv.Atoi(m[2])
		step, _ := strconv.Atoi(m[3])
		alias := m[4]
		if alias == "" {
			alias = " s" + m[2]
		}
		return r.Sequence(first, last, max(step, 1)) + alias
	})
}

// of returns the ways of MariaDB as r has them.
func of(r myserver.Release, ws []myWay) []myWay {
	var out []myWay
	for _, w := range ws {
		if r.Kind == myserver.MySQL {
			if _, no := notInMySQL[w.name]; no && r.Version >= gone[w.name] {
				continue
			}
			w = w.other(inMySQL[w.name])
		}
		out = append(out, w)
	}
	return had(r, out)
}

// other is the way with what o gives.
func (w myWay) other(o myWay) myWay {
	switch {
	case o.sql != "" && w.channel == "error":
		w.stmt = o.sql[max(0, len(o.sql)-12):]
	case o.sql != "":
		w.stmt = ""
	}
	if o.sql != "" {
		w.sql = o.sql
	}
	if o.do != nil {
		w.do = o.do
	}
	if o.stmt != "" {
		w.stmt = o.stmt
	}
	w.text, w.nocursor = w.text || o.text, w.nocursor || o.nocursor
	return w
}

// mySchemaOf are the two parts of the schema in the words of r.
func mySchemaOf(r myserver.Release) (before, later string) {
	if r.Kind != myserver.MySQL {
		return olderSchema(r, mySchema, myLater)
	}
	before = strings.NewReplacer("ref uuid", "ref char(36)").Replace(mySchema)
	later = strings.NewReplacer(
		"create table history (id int, email varchar(120)) with system versioning;\ninsert into history select id, email from customers where id > 900000;\ndelete from history;\n", "",
		"set histogram_size = 10, histogram_type = json_hb;\nanalyze table skewed persistent for all;", "analyze table skewed update histogram on email with 10 buckets;",
		"begin execute immediate concat('select email from ', t, ' where id > 900000'); end//", "begin set @s = concat('select email from ', t, ' where id > 900000'); prepare s from @s; execute s; end//",
	).Replace(myLater)
	return olderSchema(r, before, immediate.ReplaceAllStringFunc(later+mysqlLater, concatenated))
}

// immediate is a statement that the schema puts together; part is one of its parts.
var (
	immediate = regexp.MustCompile(`(?m)^execute immediate concat\((.*)\);$`)
	part      = regexp.MustCompile(`'(?:[^']|'')*'|quote\(@[ek]\)|char\(96\)|@[ek]`)
)

// concatenated is the statement itself, for a server that has no EXECUTE IMMEDIATE
// and prepares few statements that define something.
func concatenated(s string) string {
	var b strings.Builder
	for _, p := range part.FindAllString(immediate.FindStringSubmatch(s)[1], -1) {
		switch p {
		case "quote(@e)":
			b.WriteString("'" + honeyMail + "'")
		case "char(96)":
			b.WriteString("`")
		case "@e":
			b.WriteString(honeyMail)
		case "@k":
			b.WriteString(honeyAPIKey)
		default:
			b.WriteString(strings.ReplaceAll(p[1:len(p)-1], "''", "'"))
		}
	}
	return b.String() + ";"
}

// mysqlLater is what only MySQL's ways need.
const mysqlLater = `
install component 'file://component_query_attributes', 'file://component_classic_hashing';
create table documents (id int primary key auto_increment, doc json, index ((cast(doc->'$.all' as char(120) array))));
insert into documents (doc) select json_object('e', email, 'n', 1, 'all', json_array(email, 'x')) from customers where id > 900000;
create table invisible (id int primary key auto_increment, hidden varchar(120) invisible, g varchar(120) as (concat(hidden, '')) virtual);
insert into invisible (hidden) select email from customers where id > 900000;
create user tagged@'%' identified by '' attribute '{"owner": "` + honeyMail + `"}';
execute immediate concat('create resource group ', char(96), @k, char(96), ' type = user');
delimiter //
create procedure p_stacked() begin
  declare m text; declare exit handler for sqlexception begin get stacked diagnostics condition 1 m = message_text; select m; end;
  insert into uniq select email from customers where id = 900001; end//
create procedure p_progress() begin declare e varchar(120); select email into e from customers where id = 900001; signal sqlstate '45000' set message_text = e, mysql_errno = 65535; end//
create procedure p_into() begin declare e varchar(120); select email into e from customers where id = 900001; select e; end//
delimiter ;
`
