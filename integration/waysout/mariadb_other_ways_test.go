package waysout

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
)

const myHoney = "select email from customers where id > 900000"

// myOtherWays need more than a statement.
var myOtherWays = []myWay{
	{name: "prepared, run twice", channel: "row", kind: "email", stmt: "id > ?", do: func(x *myTry) {
		id := x.prepare("select email from customers where id > ?")
		x.execute(id, "1000000")
		x.execute(id, "900000")
	}},
	{name: "prepared and run at once (MariaDB's id -1)", channel: "row", kind: "email", stmt: myHoney, do: func(x *myTry) {
		x.forget()
		x.command(mysql.COM_STMT_PREPARE, myHoney)
		x.command(mysql.COM_STMT_EXECUTE, executeBody(0xffffffff, 0))
		x.prepared()
		x.results()
	}},
	{name: "prepared, reset, the first one closed, run", channel: "row", kind: "key", stmt: "select id from customers", do: func(x *myTry) {
		first := x.prepare("select note from orders")
		id := x.prepare("select id from customers where id > 900000")
		x.command(mysql.COM_STMT_CLOSE, string(binary.LittleEndian.AppendUint32(nil, first)))
		x.simple(mysql.COM_STMT_RESET, string(binary.LittleEndian.AppendUint32(nil, id)))
		x.execute(id)
	}},
	{name: "cursor, fetched one by one", channel: "row", kind: "card_number", stmt: "select card", do: func(x *myTry) {
		x.cursor("select card from customers where id > 290 order by id", 1)
	}},
	{name: "two cursors side by side", channel: "row", kind: "email", stmt: "select email", do: func(x *myTry) {
		a := x.prepare("select note from orders")
		b := x.prepare("select email from customers order by id")
		for _, id := range []uint32{a, b} {
			x.command(mysql.COM_STMT_EXECUTE, executeBody(id, 1))
			x.results()
		}
		for range 4 {
			x.fetch(a, 100)
			x.fetch(b, 100)
		}
	}},
	{name: "cursor that is not read to its end", channel: "row", kind: "email", stmt: "select email", do: func(x *myTry) {
		id := x.prepare("select email from customers order by id desc")
		x.command(mysql.COM_STMT_EXECUTE, executeBody(id, 1))
		x.results()
		x.fetch(id, 2)
		x.simple(mysql.COM_STMT_RESET, string(binary.LittleEndian.AppendUint32(nil, id)))
	}},
	{name: "OUT parameters of a prepared CALL", channel: "row", kind: "email", stmt: "call p_out(?, ?)", do: func(x *myTry) {
		x.binary("call p_out(?, ?)", "", "")
	}},
	{name: "INOUT parameter of a prepared CALL", channel: "row", kind: "email", stmt: "call p_inout(?)", do: func(x *myTry) {
		x.binary("call p_inout(?)", "")
	}},
	{name: "OUT parameters in user variables", channel: "row", kind: "phone", stmt: "select @p", do: func(x *myTry) {
		x.query("call p_out(@e, @p)")
		x.query("select @p")
	}},
	{name: "SELECT INTO a user variable", channel: "row", kind: "email", stmt: "select @e", do: func(x *myTry) {
		x.query("select email into @e from customers where id = 900001")
		x.query("select @e")
	}},
	{name: "SQL PREPARE and EXECUTE", channel: "row", kind: "email", stmt: "execute q", do: func(x *myTry) {
		x.query("prepare q from 'select * from customers where id > ?'")
		x.query("set @k = 900000")
		x.query("execute q using @k")
	}},
	{name: "HANDLER READ", channel: "row", kind: "email", stmt: "handler c read", do: func(x *myTry) {
		x.query("handler customers open as c")
		x.query("handler c read `primary` last")
		x.query("handler c close")
	}},
	{name: "HANDLER READ prepared", channel: "row", kind: "key", stmt: "handler customers read", do: func(x *myTry) {
		x.query("handler customers open")
		x.binary("handler customers read `primary` = (900001)")
		x.query("handler customers close")
	}},
	{name: "DELETE RETURNING, rolled back", channel: "row", kind: "email", stmt: "delete from customers", do: func(x *myTry) {
		x.query("begin")
		x.query("delete from customers where id > 900000 returning email")
		x.query("rollback")
	}},
	{name: "in a transaction, with a savepoint", channel: "row", kind: "email", stmt: myHoney, do: func(x *myTry) {
		x.query("begin; savepoint a; select nosuch")
		x.query("rollback to a")
		x.query(myHoney)
		x.query("rollback")
	}},
	{name: "locked tables", channel: "row", kind: "email", stmt: myHoney, do: func(x *myTry) {
		x.query("lock tables customers read")
		x.query(myHoney)
		x.query("unlock tables")
	}},
	{name: "temporary table", channel: "row", kind: "email", stmt: "select e from loot", do: func(x *myTry) {
		x.query("create temporary table loot as select email as e from customers where id > 900000")
		x.query("select e from loot")
	}},
	{name: "table renamed", channel: "row", kind: "api_key", stmt: "select * from b_loot", do: func(x *myTry) {
		x.query("create table a_loot as select api_key from customers where id > 900000; rename table a_loot to b_loot")
		x.query("select * from b_loot")
		x.query("drop table b_loot")
	}},
	{name: "laundered into a table, read by another session", channel: "row", kind: "email", stmt: "select * from laundry", do: func(x *myTry) {
		x.admin("create or replace table laundry as select email as a, 1 as b from customers where id > 900000")
		x.query("select * from laundry")
	}},
	{name: "MEMORY, MyISAM, Aria and CSV tables", channel: "row", kind: "email", stmt: "select * from e_memory", do: engines("memory", "myisam", "aria", "csv")},
	{name: "file read by LOAD_FILE", channel: "row", kind: "email", stmt: "load_file", do: func(x *myTry) {
		name := fmt.Sprintf("%s/leak-%d.txt", my.db.Dir, x.id)
		x.admin("select email from customers where id > 900000 into outfile '" + name + "'")
		x.query("select load_file('" + name + "')")
	}},
	{name: "file read by LOAD DATA INFILE", channel: "row", kind: "email", stmt: "select v from f", do: func(x *myTry) {
		name := fmt.Sprintf("%s/leak-%d.txt", my.db.Dir, x.id)
		x.query("select email from customers where id > 900000 into dumpfile '" + name + "'")
		x.query("create temporary table f (v varchar(200)); load data infile '" + name + "' into table f")
		x.query("select v from f")
	}},
	{name: "statement of another session, SHOW PROCESSLIST", channel: "row", kind: "email", stmt: "show full processlist", do: func(x *myTry) {
		busy(x, func() { x.query("show full processlist") })
	}},
	{name: "statement of another session, information_schema", channel: "row", kind: "email", stmt: "processlist", do: func(x *myTry) {
		busy(x, func() { x.binary("select info from information_schema.processlist") })
	}},
	{name: "statement of another session, COM_PROCESS_INFO", channel: "row", kind: "email", stmt: "-- COM_PROCESS_INFO", do: func(x *myTry) {
		busy(x, func() { x.forget(); x.command(mysql.COM_PROCESS_INFO, ""); x.results() })
	}},
	{name: "statement of another session, innodb_trx", channel: "row", kind: "email", stmt: "innodb_trx", do: func(x *myTry) {
		busy(x, func() { x.query("select trx_query from information_schema.innodb_trx") })
	}},
	{name: "statement of another session, SHOW EXPLAIN's warnings", channel: "row", kind: "email", stmt: "show warnings", do: func(x *myTry) {
		busy(x, func() {
			id := x.ask("select id from information_schema.processlist where info like 'select%%Falkenstein%%' and info not like '%%processlist%%' limit 1")
			x.query("show explain for " + id)
			x.query("show warnings")
		})
	}},
	{name: "general log", channel: "row", kind: "email", stmt: "general_log", do: func(x *myTry) {
		x.admin("set global general_log = on; select 1 from dual where 'x' = '" + honeyMail + "'; set global general_log = off")
		x.query("select argument from mysql.general_log")
		x.admin("truncate mysql.general_log")
	}},
	{name: "binary log, SHOW BINLOG EVENTS", channel: "row", kind: "api_key", stmt: "show binlog events", do: func(x *myTry) {
		x.admin("reset master; set session binlog_format = statement; insert into orders (note) values ('" + honeyAPIKey + "')")
		x.query("show binlog events limit 100000")
		x.admin("delete from orders where note = '" + honeyAPIKey + "'; reset master")
	}},
	{name: "XA RECOVER", channel: "row", kind: "api_key", stmt: "xa recover", do: func(x *myTry) {
		x.admin("xa start '" + honeyAPIKey + "'; insert into orders (note) values ('xa'); xa end '" + honeyAPIKey + "'; xa prepare '" + honeyAPIKey + "'")
		x.query("xa recover")
		x.admin("xa rollback '" + honeyAPIKey + "'")
	}},
	warnWay("EXPLAIN EXTENDED of a look-up, SHOW WARNINGS", "email", "explain extended "+myHoney+" and id = 900001"),
	warnWay("cast's warning, SHOW WARNINGS", "email", "set @x = (select cast(email as signed) from customers where id = 900001)"),
	warnWay("SIGNAL of a warning, SHOW WARNINGS", "email", "call p_warn()"),
	warnWay("truncated date, SHOW WARNINGS", "email", "set @x = (select date(email) from customers where id = 900001)"),
	warnWay("INSERT IGNORE of a duplicate, SHOW WARNINGS", "email", "insert ignore into uniq select email from customers where id > 900000"),
	{name: "GET DIAGNOSTICS", channel: "row", kind: "email", stmt: "select @m", do: func(x *myTry) {
		x.query("insert ignore into uniq select email from customers where id > 900000")
		x.query("get diagnostics condition 1 @m = message_text")
		x.query("select @m")
	}},
	{name: "optimizer trace", channel: "row", kind: "email", stmt: "optimizer_trace", do: func(x *myTry) {
		x.query("set optimizer_trace = 'enabled=on'")
		x.query("select 1 from v_const")
		x.query("select * from information_schema.optimizer_trace")
	}},
	{name: "column's label", channel: "label", kind: "email", stmt: "select * from v_label", do: func(x *myTry) { x.query("select * from v_label") }},
	{name: "column's label in the binary protocol", channel: "label", kind: "email", stmt: "-", do: func(x *myTry) { x.prepare("select * from v_label") }},
	{name: "column's label in utf16", channel: "label", kind: "email", stmt: "select * from v_label", do: func(x *myTry) {
		x.query("set character_set_results = utf16")
		x.query("select * from v_label")
	}},
	{name: "table's name among the definitions", channel: "row", kind: "api_key", stmt: "information_schema.tables", do: func(x *myTry) {
		x.query("select table_name from information_schema.tables where table_schema = 'crm'")
	}},
	{name: "default in COM_FIELD_LIST", channel: "label", kind: "email", stmt: "-- COM_FIELD_LIST", do: func(x *myTry) { x.fieldList("defaulted") }},
	{name: "label in COM_FIELD_LIST", channel: "label", kind: "email", stmt: "-- COM_FIELD_LIST", do: func(x *myTry) { x.fieldList("v_label") }},
	{name: "session tracking of a setting", channel: "parameter", kind: "api_key", stmt: "set default_master_connection", do: func(x *myTry) {
		x.query("set default_master_connection = (select api_key from customers where id = 900001)")
	}},
	{name: "setting, SHOW VARIABLES", channel: "row", kind: "api_key", stmt: "show global variables", do: func(x *myTry) {
		x.admin("set global init_connect = (select concat('/*', api_key, '*/') from crm.customers where id = 900001)")
		x.query("show global variables like 'init%'")
		x.admin("set global init_connect = ''")
	}},
	{name: "error of a prepared execution", channel: "error", kind: "email", stmt: "insert into uniq", do: func(x *myTry) {
		x.binary("insert into uniq select email from customers where id > ?", "900000")
	}},
	{name: "error of COM_STMT_FETCH", channel: "error", kind: "email", stmt: "order by c.id", do: func(x *myTry) {
		x.cursor("select if(c.id > 900000, f_error(), 1) from customers c order by c.id", 1)
	}},
	{name: "table's alias made by dynamic SQL", channel: "label", kind: "api_key", text: true, stmt: "execute immediate", sql: "set @a = (select concat('select note from orders `', api_key, '` limit 1') from customers where id = 900001); execute immediate @a"},
	{name: "cursor, fetched in another character set than it was opened in", channel: "row", kind: "person_name", stmt: "select name", do: func(x *myTry) {
		id := x.prepare("select name from customers where id > 900000")
		x.command(mysql.COM_STMT_EXECUTE, executeBody(id, 1))
		x.results()
		x.query("set character_set_results = utf16")
		x.fetch(id, 10)
		x.query("set names utf8mb4")
	}},
	{name: "character set of file names", channel: "row", kind: "email", stmt: "select email", do: func(x *myTry) {
		x.query("set character_set_results = filename")
		x.query("select email from customers where id > 900000")
		x.query("set names utf8mb4")
	}},
	{name: "error in the character set of file names", channel: "error", kind: "email", stmt: "insert into uniq", do: func(x *myTry) {
		x.query("set character_set_results = filename")
		x.query("insert into uniq select email from customers where id > 900000")
		x.query("set names utf8mb4")
	}},
	{name: "column's label in the character set of file names", channel: "label", kind: "email", stmt: "select * from v_label", do: func(x *myTry) {
		x.query("set character_set_results = filename")
		x.query("select * from v_label")
		x.query("set names utf8mb4")
	}},
	{name: "key in a row of more than 64 KiB", channel: "row", kind: "key", stmt: "select id, repeat", do: func(x *myTry) {
		x.query("select id, repeat('x', 100000) from customers where id > 900000")
	}},
	{name: "card number in a row of more than 64 KiB, binary protocol", channel: "row", kind: "card_number", stmt: "select repeat", cut: true, do: func(x *myTry) {
		id := x.prepare("select repeat('x', 100000), card from customers where id > 900000")
		x.command(mysql.COM_STMT_EXECUTE, executeBody(id, 0))
		bigDrain(x)
	}},
	{name: "name and salary in a row of more than 64 KiB", channel: "row", kind: "person_name", stmt: "select concat(name)", do: func(x *myTry) {
		x.query("select concat(name), salary + 0, repeat('x', 100000) from customers where id > 900000")
	}},
	{name: "RETURNING of a bulk execution (MariaDB)", channel: "row", kind: "email", stmt: "insert into sink", do: func(x *myTry) {
		id := x.prepare("insert into sink (id) values (?) returning (select email from customers where id > 900000)")
		b := append(binary.LittleEndian.AppendUint32(nil, id), 128, 0, 0xfd, 0)
		for _, v := range []string{"1", "2"} {
			b = append(append(b, 0), lstr(v)...)
		}
		x.forget()
		x.command(0xfa, string(b))
		x.results()
	}},
	charsetWay("latin1"), charsetWay("utf8mb3"), charsetWay("binary"), charsetWay("gbk"), charsetWay("sjis"), charsetWay("cp932"), charsetWay("big5"),
	charsetWay("euckr"), charsetWay("koi8r"), charsetWay("swe7", "api_key"),
	resultsWay("utf16"), resultsWay("ucs2"), resultsWay("utf32"), resultsWay("utf16le"), resultsWay("NULL"), resultsWay("utf16, binary protocol"), resultsWay("utf32, cursor"),
	{name: "whole row in utf16", channel: "row", kind: "key", stmt: "select id, name", do: func(x *myTry) {
		x.query("set character_set_results = utf16")
		x.query("select id, name, salary from customers where id > 900000")
	}},
	{name: "row of 17 MiB, value behind its first packet", channel: "row", kind: "email", stmt: "select concat(repeat", cut: true, do: func(x *myTry) {
		x.command(mysql.COM_QUERY, "select concat(repeat('x', 17000000), ' ', email, repeat('y', 100)) from customers where id > 900000")
		bigDrain(x)
	}},
	{name: "row of 17 MiB, value on the border of its packets", channel: "row", kind: "email", stmt: "select concat(repeat", cut: true, do: func(x *myTry) {
		x.command(mysql.COM_QUERY, "select concat(repeat('x', 16777215 - 9 - 20), email, repeat('y', 500000)) from customers where id > 900000")
		bigDrain(x)
	}},
	{name: "row of 17 MiB in the binary protocol", channel: "row", kind: "email", stmt: "select concat(repeat", cut: true, do: func(x *myTry) {
		id := x.prepare("select concat(repeat('x', 17000000), ' ', email), card from customers where id > 900000")
		x.command(mysql.COM_STMT_EXECUTE, executeBody(id, 0))
		bigDrain(x)
	}},
	{name: "statement of 2 MB", channel: "row", kind: "email", stmt: "select", do: func(x *myTry) {
		x.query("select email /*" + strings.Repeat("x", 2<<20) + "*/ from customers where id > 900000")
	}},
	{name: "statement of 17 MB", channel: "row", kind: "email", stmt: "select", do: func(x *myTry) {
		x.query("select email /*" + strings.Repeat("x", 17<<20) + "*/ from customers where id > 900000")
	}},
	{name: "statement sent byte by byte", channel: "row", kind: "email", stmt: myHoney, do: func(x *myTry) {
		x.forget()
		for _, b := range frames(0, append([]byte{mysql.COM_QUERY}, myHoney...)) {
			_, _ = x.conn.Write([]byte{b})
		}
		x.results()
	}},
	{name: "pipelined among other statements", channel: "row", kind: "email", stmt: myHoney, do: func(x *myTry) {
		x.forget()
		for i := range 9 {
			sql := "select 1"
			if i == 4 {
				sql = myHoney
			}
			x.command(mysql.COM_QUERY, sql)
		}
		for range 9 {
			x.results()
		}
	}},
	{name: "several statements by COM_SET_OPTION", channel: "row", kind: "email", stmt: "select 1; " + myHoney, do: func(x *myTry) {
		x.simple(mysql.COM_SET_OPTION, "\x01\x00") // off
		x.simple(mysql.COM_SET_OPTION, "\x00\x00")
		x.query("select 1; " + myHoney)
	}},
	{name: "after COM_RESET_CONNECTION", channel: "row", kind: "email", stmt: myHoney, do: func(x *myTry) {
		x.simple(mysql.COM_RESET_CONNECTION, "")
		x.query("use crm")
		x.query(myHoney)
	}},
	{name: "from another schema", channel: "row", kind: "key", stmt: "from crm.customers", schema: "other", do: func(x *myTry) {
		x.simple(mysql.COM_INIT_DB, "other")
		x.query("select id from crm.customers where id > 900000")
		x.query("use crm")
	}},
	{name: "with oracle's sql_mode", channel: "row", kind: "email", stmt: "execute immediate", do: func(x *myTry) {
		x.query("set sql_mode = oracle")
		x.query("begin execute immediate 'select email from customers where id > 900000'; end;")
		x.query("set sql_mode = default")
	}},
	{name: "ANSI_QUOTES, NO_BACKSLASH_ESCAPES", channel: "row", kind: "email", stmt: "\"email\"", do: func(x *myTry) {
		x.query("set sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
		x.query(`select "email" from customers where id > 900000 and name <> '\'`)
	}},
	{name: "mariadb client", channel: "row", kind: "email", stmt: "select", do: func(x *myTry) { mariadbClient(x.t, x.port, myHoney+";\n") }},
	{name: "mariadb client, --quick and vertical", channel: "row", kind: "email", stmt: "select", do: func(x *myTry) {
		mariadbClient(x.t, x.port, "select * from customers where id > 900000\\G\n", "--quick")
	}},
	{name: "mariadb client, --compress", channel: "row", kind: "email", stmt: "select", do: func(x *myTry) { mariadbClient(x.t, x.port, myHoney, "--compress") }},
	{name: "mariadb client, --xml", channel: "row", kind: "email", stmt: "select", do: func(x *myTry) { mariadbClient(x.t, x.port, myHoney, "--xml") }},
	{name: "mariadb-dump", channel: "row", kind: "email", stmt: "SELECT", do: func(x *myTry) {
		_, _ = my.db.Tool(x.t.Context(), "mariadb-dump", append(my.db.NoTLS(), "--host=127.0.0.1", "--port="+x.port, "--user=clerk", "--single-transaction", "crm", "customers")...)
	}},
	{name: "mariadb-dump --quick --compress --hex-blob", channel: "row", kind: "email", stmt: "SELECT", do: func(x *myTry) {
		_, _ = my.db.Tool(x.t.Context(), "mariadb-dump", append(my.db.NoTLS(), "--host=127.0.0.1", "--port="+x.port, "--user=clerk", "--quick", "--compress", "--hex-blob", "crm", "customers")...)
	}},
	driverWay("go-sql-driver, text", true), driverWay("go-sql-driver, binary", false),
	{name: "go-mysql's client, text", channel: "row", kind: "email", stmt: "select", do: goMySQLWay()},
	{name: "go-mysql's client, prepared", channel: "row", kind: "email", stmt: "select", do: goMySQLWay(900000)},
}

// engines reads the value from tables of storage engines.
func engines(names ...string) func(x *myTry) {
	return func(x *myTry) {
		for _, e := range names {
			x.admin("create or replace table e_" + e + " (e varchar(100) not null) engine = " + e + "; insert into e_" + e + " select email from customers where id > 900000")
		}
		x.query("select * from e_" + strings.Join(names, " union all select * from e_"))
	}
}

// busy runs f while another session runs a statement with a honey value in it.
func busy(x *myTry, f func()) {
	other := dialMy(x.t, fmt.Sprint(my.db.Port), oldCaps)
	other.command(mysql.COM_QUERY, "select sleep(30), count(*) from orders where note <> '"+honeyMail+"' /* mine "+fmt.Sprint(x.id)+" */ for update")
	eventually(x.t, "the statement runs", func() bool {
		return x.ask("select count(*) from information_schema.processlist where id = %d and state = 'User sleep'", other.id) == "1"
	})
	f()
	x.admin(fmt.Sprintf("kill %d", other.id))
	_ = other.conn.Close()
	other.conn = nil
}

func warnWay(name, kind, sql string) myWay {
	return myWay{name: name, channel: "row", kind: kind, stmt: "show warnings", do: func(x *myTry) {
		x.query(sql)
		x.query("show warnings")
	}}
}

// charsetWay is for a character set that agrees with ASCII, at least in what the token's value holds.
func charsetWay(name string, kind ...string) myWay {
	return myWay{name: "SET NAMES " + name, channel: "row", kind: append(kind, "email")[0], stmt: "select * from customers", do: func(x *myTry) {
		x.need("set names " + name)
		x.query("select * from customers where id > 900000")
		x.query("set names utf8mb4")
	}}
}

func resultsWay(what string) myWay {
	name, how, _ := strings.Cut(what, ", ")
	return myWay{name: "character_set_results " + what, channel: "row", kind: "email", stmt: "select email", do: func(x *myTry) {
		x.need("set character_set_results = " + name)
		switch how {
		case "":
			x.query("select email, e_utf16 from customers join forms using (id)")
		case "cursor":
			x.cursor("select email, card from customers", 100)
		default:
			x.binary("select email, card from customers where id > 900000")
		}
	}}
}

// bigDrain reads one answer, or up to the end of the session.
func bigDrain(x *myTry) {
	for {
		p, err := x.read()
		if err != nil || p[0] == 0 || p[0] == 0xff || p[0] == 0xfe && len(p) < 9 {
			return
		}
	}
}

func driverWay(name string, interpolate bool) myWay {
	return myWay{name: name, channel: "row", kind: "email", stmt: "select id, name", do: func(x *myTry) {
		db, err := sql.Open("mysql", fmt.Sprintf("clerk@tcp(127.0.0.1:%s)/crm?interpolateParams=%t&connectionAttributes=program_name:%s", x.port, interpolate, application))
		if err != nil {
			x.t.Fatal(err)
		}
		defer db.Close()
		rows, err := db.QueryContext(x.t.Context(), "select id, name, email, card, ref from customers where id > ?", 900000)
		if err != nil {
			return
		}
		defer rows.Close()
		for rows.Next() {
		}
		_ = rows.Err() // the refusal
	}}
}

func goMySQLWay(args ...any) func(x *myTry) {
	return func(x *myTry) {
		c, err := gomysql.Connect("127.0.0.1:"+x.port, "clerk", "", "crm", func(c *gomysql.Conn) error {
			c.SetAttributes(map[string]string{"program_name": application})
			return nil
		})
		if err != nil {
			x.t.Fatal(err)
		}
		defer c.Close()
		q := myHoney
		if len(args) > 0 {
			q = strings.ReplaceAll(q, "900000", "?")
		}
		_, _ = c.Execute(q, args...)
	}
}
