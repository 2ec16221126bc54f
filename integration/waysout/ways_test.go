package waysout

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// A way is one by which the honey row leaves.
type way struct {
	name    string
	channel string // event.Channel of the hit
	kind    string // of a token that must be among the hits
	sql     string // run by the simple protocol and by the extended one, text and binary
	do      func(x *try)
	// stmt stands in the detection's statement text; sql's beginning if empty.
	stmt string
	// cut says that block ends the session: the value leaves in a message too
	// large to be held.
	cut bool
	as  string // the disguise in which the value stands
	// inbound: the client presents the value; the rule is honey-value-presented.
	inbound bool
	// echoed: the value is presented and comes back as well; the rule is honey-row-read then.
	echoed bool
	// silent says that block drops a message that nobody waits for, without an error.
	silent bool
}

// try is one attempt.
type try struct {
	*talk
	port string // of the tap
	mode string
}

// rowWays return the row by one statement.
var rowWays = []way{
	{name: "whole row", kind: "email", sql: "select * from customers where id > 900000"},
	{name: "whole table", kind: "email", sql: "select * from customers"},
	{name: "one column", kind: "email", sql: "select email from customers where id > 900000"},
	{name: "alias", kind: "email", sql: "select email as x from customers c where id > 900000"},
	{name: "key alone", kind: "key", sql: "select id from customers where id > 900000"},
	{name: "name alone", kind: "person_name", sql: "select name from customers where id > 900000"},
	{name: "salary alone", kind: "salary", sql: "select salary from customers where id > 900000"},
	{name: "telephone alone", kind: "phone", sql: "select phone from customers where id > 900000"},
	{name: "card number alone", kind: "card_number", sql: "select card from customers where id > 900000"},
	{name: "card number as bigint", kind: "card_number", sql: "select card::bigint from customers where id > 900000"},
	{name: "card number as double precision", kind: "card_number", sql: "select card::float8 from customers where id > 900000"},
	{name: "card number as text", kind: "card_number", sql: "select card::text from customers where id > 900000"},
	{name: "uuid alone", kind: "uuid", sql: "select ref from customers where id > 900000"},
	{name: "uuid as text", kind: "uuid", sql: "select ref::text from customers where id > 900000"},
	{name: "uuid without its dashes", kind: "uuid", sql: "select regexp_replace(ref::text, '-', '', 'g') from customers where id > 900000"},
	{name: "uuid's bytes as text", kind: "uuid", sql: "/*simple*/ select uuid_send(ref) from customers where id > 900000"},
	{name: "varchar", kind: "api_key", sql: "select api_key from customers where id > 900000"},
	{name: "name type", kind: "email", sql: "select email::name from customers where id > 900000"},
	{name: "char(n), padded", kind: "email", sql: "select email::char(60) from customers where id > 900000"},
	{name: "telephone in char(n), padded", kind: "phone", sql: "select phone::char(30) from customers where id > 900000"},
	{name: "domain type", kind: "email", sql: "select email::mail from customers where id > 900000"},
	{name: "key by join", kind: "email", sql: "select o.note, c.email from orders o join customers c on c.id = o.customer where o.note = 'special'"},
	{name: "lateral join", kind: "email", sql: "select l.* from orders o, lateral (select email from customers c where c.id = o.customer) l where o.note = 'special'"},
	{name: "self join", kind: "email", sql: "select b.email from customers a join customers b using (id) where a.id > 900000"},
	{name: "view", kind: "email", sql: "select * from v_customers where id > 900000"},
	{name: "view, telephone alone", kind: "phone", sql: "select phone from v_customers where id > 900000"},
	{name: "materialised view", kind: "email", sql: "select * from mv_customers where id > 900000"},
	{name: "view, name and salary together", kind: "person_name", sql: "select name, salary from mv_customers where id > 900000"},
	{name: "partition", kind: "email", sql: "select * from events_high where id > 900000"},
	{name: "partitioned parent", kind: "email", sql: "select * from events_parent where id > 900000"},
	{name: "set-returning function", kind: "email", sql: "select * from f_customers() where id > 900000"},
	{name: "scalar function", kind: "email", sql: "select f_mail(900001)"},
	{name: "function with OUT parameters", kind: "email", sql: "select f_out(900001)"},
	{name: "dynamic SQL in plpgsql", kind: "email", sql: "select f_dyn('customers')"},
	{name: "procedure with INOUT parameter", kind: "email", sql: "call p_mail(null)"},
	{name: "scalar subquery", kind: "email", sql: "select (select email from customers where id = 900001)"},
	{name: "subquery in FROM", kind: "email", sql: "select * from (select email from customers where id > 900000) s"},
	{name: "CTE", kind: "email", sql: "with x as (select * from customers) select email from x where id > 900000"},
	{name: "materialised CTE", kind: "email", sql: "with x as materialized (select * from customers) select email from x where id > 900000"},
	{name: "recursive CTE", kind: "email", sql: "with recursive x(n, e) as (select 0, '' union all select n + 1, (select email from customers where id = 900001) from x where n < 2) select e from x"},
	{name: "UNION", kind: "email", sql: "select 'a', 'b' union all select name, email from customers where id > 900000"},
	{name: "UNION with NULLs", kind: "email", sql: "select id::text, note, null from orders where id < 0 union select null, email, null from customers where id > 900000"},
	{name: "UNION, telephone as only text", kind: "phone", sql: "select note from orders where id = 1 union select phone from customers where id > 900000"},
	{name: "INTERSECT", kind: "email", sql: "select email from customers intersect select email from events_high"},
	{name: "VALUES", kind: "email", sql: "values ((select email from customers where id = 900001))"},
	{name: "cast", kind: "email", sql: "select email::varchar(100)::text from customers where id > 900000"},
	{name: "concatenation", kind: "email", sql: "select id || '/' || name || '/' || email from customers where id > 900000"},
	{name: "concat_ws, format", kind: "email", sql: "select concat_ws(';', id, email), format('%s <%s>', name, email) from customers where id > 900000"},
	{name: "CASE, COALESCE, GREATEST", kind: "email", sql: "select case when id > 0 then email end, coalesce(null, api_key), greatest(ref, ref) from customers where id > 900000"},
	{name: "min and max", kind: "email", sql: "select max(email) from customers where id > 900000"},
	{name: "DISTINCT, GROUP BY", kind: "email", sql: "select distinct email from customers where id > 900000 group by email"},
	{name: "window function", kind: "email", sql: "select first_value(email) over (order by id desc) from customers limit 1"},
	{name: "row_to_json", kind: "email", sql: "select row_to_json(c) from customers c where id > 900000"},
	{name: "json_agg", kind: "email", sql: "select json_agg(c) from customers c", cut: true},
	{name: "jsonb", kind: "email", sql: "select to_jsonb(c) from customers c where id > 900000"},
	{name: "jsonb_build_object, jsonb_path_query", kind: "email", sql: "select jsonb_path_query(jsonb_build_object('e', email), '$.e') from customers where id > 900000"},
	{name: "json, value with special characters", kind: "url", sql: "select json_build_array(link) from customers where id > 900000"},
	{name: "xmlagg", kind: "email", sql: "select xmlagg(xmlelement(name e, email)) from customers where id > 900000"},
	{name: "xmlelement, value with special characters", kind: "url", sql: "select xmlelement(name l, link) from customers where id > 900000"},
	{name: "xmlattributes, value with special characters", kind: "url", sql: "select xmlelement(name l, xmlattributes(link as l)) from customers where id > 900000"},
	{name: "query_to_xml", kind: "email", sql: "select query_to_xml('select * from customers where id > 900000', true, false, '')"},
	{name: "table_to_xml", kind: "email", sql: "select table_to_xml('customers', true, false, '')", cut: true},
	{name: "string_agg", kind: "email", sql: "select string_agg(email, ',') from customers"},
	{name: "array_agg", kind: "email", sql: "select array_agg(email order by id) from customers"},
	{name: "array, value with special characters", kind: "url", sql: "select array[link, 'x'] from customers where id > 900000"},
	{name: "array_agg of telephones", kind: "phone", sql: "select array_agg(phone) from customers where id > 900000"},
	{name: "array to string, unnested", kind: "email", sql: "select unnest(array[email, api_key]) from customers where id > 900000"},
	{name: "whole-row reference", kind: "email", sql: "select c from customers c where id > 900000"},
	{name: "whole row as text", kind: "email", sql: "select c::text from customers c where id > 900000"},
	{name: "ROW()", kind: "email", sql: "select row(email, 1) from customers where id > 900000"},
	{name: "named composite", kind: "email", sql: "select (name, email)::pair from customers where id > 900000"},
	{name: "composite, value with special characters", kind: "url", sql: "select row(link, 1) from customers where id > 900000"},
	{name: "array of composites", kind: "url", sql: "select array[(name, link)::pair] from customers where id > 900000"},
	{name: "range", kind: "email", sql: "select textrange(email, email, '[]') from customers where id > 900000"},
	{name: "tsvector", kind: "api_key", sql: "select array_to_tsvector(array[api_key::text]) from customers where id > 900000"},
	{name: "quote_literal, quote_ident", kind: "url", sql: "select quote_literal(link), quote_ident(link) from customers where id > 900000"},
	{name: "regexp_matches", kind: "email", sql: "select regexp_matches(email, '.*') from customers where id > 900000"},
	{name: "bytea in binary", kind: "email", sql: "/*binary*/ select convert_to(email, 'UTF8') from customers where id > 900000"},
	{name: "bytea in escape form", kind: "email", sql: "/*simple*/ set bytea_output = 'escape'; select convert_to(email, 'UTF8') from customers where id > 900000"},
	{name: "UPDATE RETURNING", kind: "email", sql: "update customers set salary = salary where id > 900000 returning *"},
	{name: "DELETE RETURNING, rolled back", kind: "email", sql: "/*simple*/ begin; delete from customers where id > 900000 returning email; rollback"},
	{name: "INSERT SELECT RETURNING", kind: "email", sql: "insert into orders (customer, note) select id, email from customers where id > 900000 returning note"},
	{name: "statement text made by format('%L')", kind: "email", sql: "select format('explain verbose select %L', email) from customers where id > 900000"},
	{name: "pg_stats", kind: "email", sql: "select * from pg_stats where tablename = 'skewed'"},
	{name: "TABLESAMPLE, system columns", kind: "email", sql: "select ctid, email from customers tablesample bernoulli (100) where id > 900000"},
	{name: "TABLE command", kind: "email", sql: "table customers"},
	{name: "row of more than 64 KiB", kind: "email", sql: "select body from wide where id = 1", cut: true},
	{name: "value at 40 KiB of a row", kind: "email", sql: "select body from wide where id = 2"},
	{name: "column aliases that fake another table", kind: "email", sql: `select email as "orders.note" from customers where id > 900000`},
	{name: "1,600 columns", kind: "email", sql: "select " + strings.Repeat("null, ", 1599) + "email from customers where id > 900000"},
	{name: "behind 300 statements of one text", kind: "email", sql: "/*simple*/ " + strings.Repeat("select 1;", 300) + "select email from customers where id > 900000"},
	{name: "behind an empty statement and comments", kind: "email", sql: "/*simple*/ ;;/* ; */ select email from customers where id > 900000 --"},
	{name: "ORDER BY and LIMIT", kind: "email", sql: "select email from customers order by id desc limit 1"},
	{name: "cross join of 200,000 rows", kind: "email", sql: "select g, c.email from generate_series(1, 200000) g left join customers c on c.id = 900001 and g = 199999"},
	{name: "200 MB result", kind: "email", sql: "/*simple*/ select repeat('z', 1000), case when g = 100000 then (select email from customers where id = 900001) end from generate_series(1, 200000) g"},
}

// otherWays need more than a statement.
var otherWays = []way{
	copyWay("COPY text", "copy customers to stdout", "email"),
	copyWay("COPY query, telephone alone", "copy (select phone from customers where id > 900000) to stdout", "phone"),
	copyWay("COPY query, telephone in the middle", "copy (select id, phone, 1 from customers) to stdout", "phone"),
	copyWay("COPY text, delimiter |", "copy (select id, phone, 1 from customers) to stdout (delimiter '|')", "phone"),
	copyWay("COPY text, delimiter #", "copy (select id, phone, 1 from customers) to stdout (delimiter '#')", "phone"),
	copyWay("COPY text, delimiter #, a comma in the first row", "copy (select 'a,b,c', phone, 1 from customers where id > 900000) to stdout (delimiter '#')", "phone"),
	copyWay("COPY text, delimiter @", "copy (select id, email from customers where id > 900000) to stdout (delimiter '@')", "email"),
	copyWay("COPY text, delimiter _", "copy (select id, api_key from customers where id > 900000) to stdout (delimiter '_')", "api_key"),
	copyWay("COPY text, value with special characters", "copy (select link from customers where id > 900000) to stdout", "url"),
	copyWay("COPY text, header", "copy (select id, phone from customers) to stdout (header)", "phone"),
	copyWay("COPY csv", "copy customers to stdout (format csv)", "email"),
	copyWay("COPY csv, telephone alone", "copy (select phone from customers where id > 900000) to stdout (format csv)", "phone"),
	copyWay("COPY csv, telephone alone, quoted", "copy (select phone from customers where id > 900000) to stdout (format csv, force_quote *)", "phone"),
	copyWay("COPY csv, all quoted", "copy (select id, phone, 1 from customers where id > 900000) to stdout (format csv, force_quote *)", "phone"),
	copyWay("COPY csv, other quote", "copy (select id, phone, 1 from customers where id > 900000) to stdout (format csv, force_quote *, quote '''')", "phone"),
	copyWay("COPY csv, other delimiter and header", "copy (select id, phone, 1 from customers where id > 900000) to stdout (format csv, header, delimiter ';')", "phone"),
	copyWay("COPY csv, lines in quotes", "copy (select e'a\nb,\"c', phone, 1 from customers where id > 900000) to stdout (format csv)", "phone"),
	copyWay("COPY csv, value with special characters", "copy (select link from customers where id > 900000) to stdout (format csv)", "url"),
	copyWay("COPY csv, escape @", "copy (select email from customers where id > 900000) to stdout (format csv, force_quote *, escape '@')", "email"),
	copyWay("COPY csv, quote e", "copy (select email from customers where id > 900000) to stdout (format csv, quote 'e')", "email"),
	copyWay("COPY csv, quote e, given as a name", "copy (select email from customers where id > 900000) to stdout (format csv, QUOTE E)", "email"),
	copyWay("COPY csv, quote e, options in quotes", `copy (select email from customers where id > 900000) to stdout ("format" "csv", U&"quot\0065" "e")`, "email"),
	copyWay("COPY csv, quote e, in parts", "copy (select email from customers where id > 900000) to stdout (format csv, quote '' --\n 'e')", "email"),
	copyWay("COPY csv, quote e, behind a line break of the field", "copy (select e'x\ny\n' || email from customers where id > 900000) to stdout (format csv, quote U&'!0065' uescape '!')", "email"),
	copyWay("COPY csv, delimiter a letter", "copy (select 1, email from customers where id > 900000) to stdout (format csv, delimiter 'e')", "email"),
	copyWay("COPY in LATIN1", "copy customers to stdout (encoding 'LATIN1')", "email"),
	copyWay("COPY in SJIS", "copy customers to stdout (encoding 'SJIS')", "email"),
	copyWay("COPY binary", "copy customers to stdout (format binary)", "email"),
	copyWay("COPY binary, card number alone", "copy (select card from customers where id > 900000) to stdout (format binary)", "card_number"),
	copyWay("COPY binary, name and salary", "copy (select name, salary from customers where id > 900000) to stdout (format binary)", "person_name"),
	{name: "COPY, row of more than 64 KiB", channel: "copy", kind: "email", stmt: "copy", cut: true, do: func(x *try) {
		x.send(&pgproto3.Query{String: "copy (select body from wide where id = 1) to stdout"})
		x.drain()
	}},
	{name: "COPY csv, quote e, row of more than 64 KiB", channel: "copy", kind: "email", stmt: "copy", cut: true, do: func(x *try) {
		x.send(&pgproto3.Query{String: "copy (select body from wide where id = 1) to stdout (format csv, quote e)"})
		x.drain()
	}},
	{name: "COPY csv, quote e, behind other formats", channel: "copy", kind: "email", stmt: "copy", do: func(x *try) {
		var b strings.Builder
		for i := range 40 {
			fmt.Fprintf(&b, "copy (select 1) to stdout (format csv, quote '%c');", 'A'+i)
		}
		x.query(b.String() + "copy (select email from customers where id > 900000) to stdout (format csv, quote e)")
	}},
	{name: "COPY in the extended protocol", channel: "copy", kind: "email", stmt: "copy customers", do: func(x *try) {
		x.extended("copy customers to stdout", 0)
	}},
	{name: "COPY to a file by psql", channel: "copy", kind: "email", stmt: "COPY", do: func(x *try) {
		psql(x.t, x.port, `\copy customers to 'x.csv' csv header`)
	}},
	{name: "prepared, described, run twice", channel: "row", kind: "email", stmt: "select * from customers where id >", do: func(x *try) {
		x.send(&pgproto3.Parse{Name: "s", Query: "select * from customers where id > $1::int"}, &pgproto3.Describe{ObjectType: 'S', Name: "s"}, &pgproto3.Sync{})
		x.ready()
		x.send(&pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("1000000")}, ResultFormatCodes: []int16{1}}, &pgproto3.Execute{}, &pgproto3.Sync{})
		x.ready()
		x.send(&pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("900000")}, ResultFormatCodes: []int16{1}}, &pgproto3.Execute{}, &pgproto3.Sync{})
		x.ready()
	}},
	{name: "prepared, never described, key alone in binary", channel: "row", kind: "key", stmt: "select id", do: func(x *try) {
		x.extended("select id from customers where id > 900000", 1)
	}},
	{name: "mixed result formats", channel: "row", kind: "card_number", stmt: "select id, card", do: func(x *try) {
		x.send(&pgproto3.Parse{Query: "select id, card from customers where id > 900000"}, &pgproto3.Bind{ResultFormatCodes: []int16{0, 1}}, &pgproto3.Execute{}, &pgproto3.Sync{})
		x.ready()
	}},
	{name: "key alone in binary, asked for with a parameter over limits.statement", channel: "row", kind: "key", stmt: "select id from customers", do: func(x *try) {
		x.send(&pgproto3.Parse{Query: "select id from customers where id > 900000 and length($1::text) > 9"},
			&pgproto3.Bind{Parameters: [][]byte{bytes.Repeat([]byte("ordinary "), 200_000)}, ResultFormatCodes: []int16{1}}, &pgproto3.Execute{}, &pgproto3.Sync{})
		x.ready()
	}},
	{name: "suspended portal", channel: "row", kind: "email", stmt: "select * from customers", do: func(x *try) {
		x.send(&pgproto3.Parse{Query: "select * from customers order by id"}, &pgproto3.Bind{DestinationPortal: "p"})
		for range 8 {
			x.send(&pgproto3.Execute{Portal: "p", MaxRows: 50})
		}
		x.send(&pgproto3.Sync{})
		x.ready()
	}},
	{name: "portal whose name and statement are closed and used again", channel: "row", kind: "key", stmt: "select id from customers", do: func(x *try) {
		x.send(&pgproto3.Parse{Name: "s", Query: "select id from customers where id > 900000"}, &pgproto3.Bind{DestinationPortal: "p", PreparedStatement: "s"},
			&pgproto3.Close{ObjectType: 'S', Name: "s"}, &pgproto3.Parse{Name: "s", Query: "select note from orders"}, &pgproto3.Execute{Portal: "p"}, &pgproto3.Sync{})
		x.ready()
	}},
	{name: "SQL PREPARE and EXECUTE", channel: "row", kind: "email", stmt: "execute", do: func(x *try) {
		x.query("prepare q as select * from customers where id > 900000")
		x.query("execute q")
	}},
	{name: "Bind to a statement of SQL PREPARE", channel: "row", kind: "email", stmt: `"q"`, do: func(x *try) {
		x.query("prepare q as select * from customers where id > 900000")
		x.send(&pgproto3.Bind{PreparedStatement: "q", ResultFormatCodes: []int16{1}}, &pgproto3.Execute{}, &pgproto3.Sync{})
		x.ready()
	}},
	cursorWay("cursor, FETCH forward", "fetch all from c"),
	cursorWay("cursor, FETCH backward", "fetch backward 1 from c", "move forward all from c"),
	cursorWay("cursor, FETCH absolute", "fetch absolute -1 from c"),
	{name: "binary cursor", channel: "row", kind: "card_number", stmt: "fetch", do: func(x *try) {
		x.query("begin; declare c binary cursor for select card from customers where id > 900000")
		x.query("fetch all from c")
	}},
	{name: "cursor WITH HOLD, after commit", channel: "row", kind: "email", stmt: "fetch", do: func(x *try) {
		x.query("declare c cursor with hold for select * from customers where id > 900000")
		x.query("fetch all from c")
	}},
	{name: "cursor read by Execute of its portal", channel: "row", kind: "email", stmt: "declared with SQL", do: func(x *try) {
		x.query("begin; declare c cursor for select * from customers where id > 900000")
		x.send(&pgproto3.Execute{Portal: "c"}, &pgproto3.Sync{})
		x.ready()
	}},
	{name: "refcursor of a function", channel: "row", kind: "email", stmt: "fetch", do: func(x *try) {
		x.query("begin; select f_cur()")
		x.query("fetch all in rc")
	}},
	textWay("error of a cast", "error", "select email::int from customers where id > 900000"),
	textWay("error of a cast in the extended protocol", "error", "/*extended*/ select email::int from customers where id > 900000"),
	textWay("error of a unique violation", "error", "insert into uniq select email from customers where id > 900000"),
	textWay("error of a check", "error", "insert into checked select email, 1 from customers where id > 900000"),
	textWay("error raised with a detail", "error", "select f_raise('error')"),
	textWay("error in a DO block", "error", "do $$ begin raise exception '%', (select email from customers where id = 900001); end $$"),
	textWay("error of a date, XML, JSON or number", "error", "select email::date from customers where id > 900000"),
	textWay("error of a uuid", "error", "select email::uuid from customers where id > 900000"),
	textWay("error of an unknown name in dynamic SQL", "error", "do $$ begin execute (select format('select %I', email) from customers where id = 900001); end $$"),
	textWay("error in a transaction that fails", "error", "begin; select email::int from customers where id > 900000; commit"),
	textWay("notice of a function", "notice", "select f_raise('notice')"),
	textWay("notice in a DO block", "notice", "do $$ begin raise notice '%', (select email from customers where id = 900001); end $$"),
	textWay("notice by log level DEBUG", "notice", "set client_min_messages = debug5; do $$ begin raise debug '%', (select email from customers where id = 900001); end $$"),
	textWay("notice of 100 KB", "notice", "do $$ begin raise notice '%', (select repeat('x', 100000) || email from customers where id = 900001); end $$"),
	{name: "column label", channel: "label", kind: "email", stmt: "f_label", do: func(x *try) {
		x.query("do $$ begin execute (select format('create temp view f_label as select 1 as %I', email) from customers where id = 900001); end $$")
		x.query("select * from f_label")
	}},
	{name: "reported parameter", channel: "parameter", kind: "api_key", stmt: "set_config", do: func(x *try) {
		x.query("do $$ begin perform set_config('application_name', (select api_key from customers where id = 900001), false); end $$ /* set_config */")
	}, silent: true},
	{name: "notification to another session", channel: "notification", kind: "email", stmt: "-", silent: true, do: func(x *try) {
		x.query("listen leak")
		other := dial(x.t, fmt.Sprint(y.pg.Port))
		other.need("select pg_notify('leak', email) from customers where id > 900000")
		other.close()
		x.query("select 1")
	}},
	{name: "notification as channel name", channel: "notification", kind: "api_key", stmt: "-", silent: true, do: func(x *try) {
		x.query("do $$ begin execute (select format('listen %I', api_key) from customers where id = 900001); end $$")
		other := dial(x.t, fmt.Sprint(y.pg.Port))
		other.need("select pg_notify(api_key, '') from customers where id > 900000")
		other.close()
		x.query("select 1")
	}},
	{name: "function call, text", channel: "function", kind: "email", stmt: "fast-path", do: func(x *try) {
		x.call(oid(x, "'f_mail'::regproc"), 0, be32(900001))
	}},
	{name: "function call, binary", channel: "function", kind: "email", stmt: "fast-path", do: func(x *try) {
		x.call(oid(x, "'f_mail'::regproc"), 1, be32(900001))
	}},
	{name: "large object by function call", channel: "function", kind: "email", stmt: "fast-path", do: func(x *try) {
		lo := oid(x, "lo_from_bytea(0, convert_to(email, 'UTF8')) from customers where id > 900000")
		x.query("begin")
		fd := x.call(oid(x, "'lo_open'::regproc"), 1, be32(lo), be32(0x40000))
		x.call(oid(x, "'loread'::regproc"), 1, fd, be32(1000))
		x.query("rollback")
	}},
	{name: "large object by psql", channel: "function", kind: "email", stmt: "fast-path", do: func(x *try) {
		lo := oid(x, "lo_from_bytea(0, convert_to(email, 'UTF8')) from customers where id > 900000")
		psql(x.t, x.port, fmt.Sprintf(`\lo_export %d x`, lo))
	}},
	{name: "statement of another session in pg_stat_activity", channel: "row", kind: "email", stmt: "pg_stat_activity", do: func(x *try) {
		other := dial(x.t, fmt.Sprint(y.pg.Port))
		other.need("select 1 where 'x' = '" + honeyMail + "'")
		x.query("select query from pg_stat_activity")
		other.close()
	}},
	{name: "EXPLAIN VERBOSE of a constant in a view", channel: "row", kind: "email", stmt: "explain", do: func(x *try) {
		admin(x, "do $$ begin execute (select format('create or replace view v_const as select * from orders where note = %L', email) from customers where id = 900001); end $$")
		x.query("explain verbose select * from v_const")
	}},
	{name: "definition of a view or function", channel: "row", kind: "email", stmt: "pg_get_viewdef", do: func(x *try) {
		admin(x, "do $$ begin execute (select format('create or replace view v_const as select * from orders where note = %L', email) from customers where id = 900001); end $$")
		x.query("select pg_get_viewdef('v_const')")
	}},
	{name: "comment on an object", channel: "row", kind: "email", stmt: "obj_description", do: func(x *try) {
		admin(x, "do $$ begin execute (select format('comment on table orders is %L', email) from customers where id = 900001); end $$")
		x.query("select obj_description('orders'::regclass)")
		admin(x, "comment on table orders is null")
	}},
	{name: "server log or file read by SQL", channel: "row", kind: "email", stmt: "pg_read_file", do: func(x *try) {
		admin(x, "copy (select email from customers where id > 900000) to '"+y.pg.Dir+"/leak.txt'")
		x.query("select pg_read_file('" + y.pg.Dir + "/leak.txt')")
	}},
	{name: "laundered into a table, read by another session", channel: "row", kind: "email", stmt: "select * from laundry", do: func(x *try) {
		admin(x, "drop table if exists laundry; create table laundry as select email as a, 1 as b from customers where id > 900000")
		x.query("select * from laundry")
	}},
	{name: "temporary table", channel: "row", kind: "email", stmt: "select e from loot", do: func(x *try) {
		x.query("create temp table loot as select email as e from customers where id > 900000")
		x.query("select e from loot")
	}},
	{name: "SELECT INTO, ALTER TABLE RENAME", channel: "row", kind: "api_key", stmt: "table b", do: func(x *try) {
		x.query("select api_key into temp a from customers where id > 900000; alter table a rename to b")
		x.query("table b")
	}},
	{name: "session variable", channel: "row", kind: "email", stmt: "current_setting", do: func(x *try) {
		x.query("do $$ begin perform set_config('my.loot', (select email from customers where id = 900001), false); end $$")
		x.query("select current_setting('my.loot')")
	}},
	{name: "SHOW of a session variable", channel: "row", kind: "email", stmt: "show", do: func(x *try) {
		x.query("do $$ begin perform set_config('my.loot', (select email from customers where id = 900001), false); end $$")
		x.query("show my.loot")
	}},
	{name: "names of the channels listened to", channel: "row", kind: "api_key", stmt: "pg_listening_channels", do: func(x *try) {
		x.query("do $$ begin execute (select format('listen %I', api_key) from customers where id = 900001); end $$")
		x.query("select pg_listening_channels()")
	}},
	{name: "psql \\gexec", channel: "row", kind: "email", stmt: "select", do: func(x *try) {
		psql(x.t, x.port, "select 'select email from customers where id > 900000' \\gexec")
	}},
	{name: "psql with FETCH_COUNT", channel: "row", kind: "email", stmt: "FETCH FORWARD", do: func(x *try) {
		psql(x.t, x.port, "\\set FETCH_COUNT 400\nselect * from customers;")
	}},
	{name: "psql \\gdesc, \\crosstabview", channel: "row", kind: "email", stmt: "select", do: func(x *try) {
		psql(x.t, x.port, "select id, name, email from customers where id > 900000 \\crosstabview")
	}},
	{name: "logical decoding by SQL", channel: "row", kind: "email", stmt: "pg_logical_slot", do: func(x *try) {
		admin(x, "select pg_create_logical_replication_slot('leak_sql', 'test_decoding')")
		admin(x, "set synchronous_commit = on; update customers set salary = salary where id > 900000")
		defer admin(x, "select pg_drop_replication_slot('leak_sql')")
		x.query("select data from pg_logical_slot_peek_changes('leak_sql', null, null)")
	}},
	{name: "pgx, cached statements", channel: "row", kind: "email", stmt: "select", do: pgxWay(pgx.QueryExecModeCacheStatement)},
	{name: "pgx, cached descriptions", channel: "row", kind: "email", stmt: "select", do: pgxWay(pgx.QueryExecModeCacheDescribe)},
	{name: "pgx, described each time", channel: "row", kind: "email", stmt: "select", do: pgxWay(pgx.QueryExecModeDescribeExec)},
	{name: "pgx, exec", channel: "row", kind: "email", stmt: "select", do: pgxWay(pgx.QueryExecModeExec)},
	{name: "pgx, simple protocol", channel: "row", kind: "email", stmt: "select", do: pgxWay(pgx.QueryExecModeSimpleProtocol)},
	{name: "pgx, COPY", channel: "copy", kind: "email", stmt: "copy", do: func(x *try) {
		c := withPgx(x.t, x.port, pgx.QueryExecModeCacheStatement)
		defer c.Close(x.t.Context())
		_, _ = c.PgConn().CopyTo(x.t.Context(), discard{}, "copy customers to stdout (format binary)")
	}},
	{name: "pgx, batch", channel: "row", kind: "email", stmt: "select email", do: func(x *try) {
		c := withPgx(x.t, x.port, pgx.QueryExecModeCacheStatement)
		defer c.Close(x.t.Context())
		b := &pgx.Batch{}
		b.Queue("select 1")
		b.Queue("select email from customers where id > $1", 900000)
		b.Queue("select 2")
		_ = c.SendBatch(x.t.Context(), b).Close()
	}},
	{name: "pipelined among other requests", channel: "row", kind: "email", stmt: "select email", do: func(x *try) {
		for i := range 9 {
			sql := "select 1"
			if i == 4 {
				sql = "select email from customers where id > 900000"
			}
			x.fe.Send(&pgproto3.Parse{Query: sql})
			x.fe.Send(&pgproto3.Bind{})
			x.fe.Send(&pgproto3.Execute{})
			x.fe.Send(&pgproto3.Sync{})
		}
		x.send()
		x.until(9)
	}},
	{name: "statement sent byte by byte", channel: "row", kind: "email", stmt: "select email", do: func(x *try) {
		b, _ := (&pgproto3.Query{String: "select email from customers where id > 900000"}).Encode(nil)
		for i := range b {
			_, _ = x.conn.Write(b[i : i+1])
		}
		x.ready()
	}},
	{name: "Flush instead of Sync", channel: "row", kind: "email", stmt: "select email", do: func(x *try) {
		x.send(&pgproto3.Parse{Query: "select email from customers where id > 900000"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Flush{})
		for {
			switch x.next().(type) {
			case *pgproto3.CommandComplete, *pgproto3.ErrorResponse:
				x.send(&pgproto3.Sync{})
				x.ready()
				return
			}
		}
	}},
	{name: "in a transaction, with a savepoint", channel: "row", kind: "email", stmt: "select email", do: func(x *try) {
		x.query("begin; savepoint a; select 1/0")
		x.query("rollback to a")
		x.query("select email from customers where id > 900000")
		x.query("rollback")
	}},
	{name: "statement of 2 MB", channel: "row", kind: "email", stmt: "select", do: func(x *try) {
		x.query("select email /*" + strings.Repeat("x", 2<<20) + "*/ from customers where id > 900000")
	}},
	encodingWay("LATIN1"), encodingWay("SJIS"), encodingWay("EUC_JP"), encodingWay("WIN1252"), encodingWay("GB18030"),
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func copyWay(name, sql, kind string) way {
	return way{name: name, channel: "copy", kind: kind, stmt: sql[:10], do: func(x *try) { x.query(sql) }}
}

func cursorWay(name, fetch string, before ...string) way {
	return way{name: name, channel: "row", kind: "email", stmt: "fetch", do: func(x *try) {
		x.query("begin; declare c scroll cursor for select email from customers where id > 900000")
		for _, b := range before {
			x.query(b)
		}
		x.query(fetch)
	}}
}

func textWay(name, channel, sql string) way {
	w := way{name: name, channel: channel, kind: "email", stmt: sql[len(sql)-8:]}
	w.do = func(x *try) {
		if rest, ok := strings.CutPrefix(sql, "/*extended*/"); ok {
			x.extended(rest, 0)
			return
		}
		x.query(sql)
	}
	return w
}

func encodingWay(enc string) way {
	return way{name: "client_encoding " + enc, channel: "row", kind: "email", stmt: "select * from customers", do: func(x *try) {
		x.query("set client_encoding = '" + enc + "'")
		x.query("select * from customers where id > 900000")
	}}
}

func pgxWay(mode pgx.QueryExecMode) func(x *try) {
	return func(x *try) {
		c := withPgx(x.t, x.port, mode)
		defer c.Close(x.t.Context())
		rows, err := c.Query(x.t.Context(), "select id, name, email, card, ref from customers where id > $1", 900000)
		if err == nil {
			for rows.Next() {
				_, _ = rows.Values()
			}
			rows.Close()
		}
	}
}

// admin does something at the server directly.
func admin(x *try, sql string) {
	if err := y.pg.Exec(x.t.Context(), "postgres", sql); err != nil {
		x.t.Errorf("%.80s: %v", sql, err)
	}
}

// oid is a number looked up at the server directly.
func oid(x *try, expr string) uint32 {
	out, err := y.pg.Query(x.t.Context(), "postgres", "select ("+strings.Replace(expr, " from ", ") from ", 1)+map[bool]string{true: "", false: ")::oid"}[strings.Contains(expr, " from ")])
	if err != nil {
		x.t.Fatal(err)
	}
	var n uint32
	_, _ = fmt.Sscan(out, &n)
	return n
}
