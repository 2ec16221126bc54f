package waysout

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// myEveryday is what applications, reports and administrators ask MariaDB for all day.
var myEveryday = []string{
	"select * from customers where id = 7",
	"select * from customers where id between 1 and 300",
	"select * from customers where id < 900000 order by id desc limit 20",
	"select * from customers where name = 'Agatha' limit 50",
	"select * from customers where name like 'Agatha' and email like 'agatha1%'",
	"select * from customers where phone like '+44 20 7946 0_0_'",
	"select email, phone from customers where email like '%@shop.example'",
	"select count(*), sum(salary), avg(length(email)) from customers",
	"select count(*) from customers where id > 900000",
	"select name, count(*) from customers where id < 900000 group by name with rollup",
	"select exists (select 1 from customers where id = 900001)",
	"select 1 from customers where id = 900001",
	"select * from orders where customer = 900001 and note = 'special'",
	"select customer, note from orders where note = 'special'",
	"select 900001, '900001', cast('900001' as unsigned), json_array(900001)",
	"select 187250.00, cast(187250.00 as char), 'salary of 187250.00'",
	"select date '1971-03-09'", "select 1971", "select -12345", "select 253", "select time '-31:07:08'", "select timestamp '2019-08-22 11:12:13'",
	"select 'Agatha Falkenstein'",
	"select 'Falkenstein', 'Agatha', 'ledger.decoy.example', '@ledger.decoy.example'",
	"select '+44 20 7946 09580', 'x+44 20 7946 0958', 'sk_live_HR0a1B2c3D4e5F6g7H8i9', '49291234567812345', 0.4929123456781230",
	"select md5(seq), seq, rand(), uuid(), char(32 + seq % 90), now(6), seq / 7, unhex(md5(seq)) from seq_1_to_20000",
	"select repeat(md5(seq), 3000) from seq_1_to_50",
	"select json_arrayagg(email) from customers where id < 100",
	"select group_concat(email, phone, card) from customers where id < 100",
	"select born, joined, seen, shift, since, score, ratio, flags, level, medium, uid from customers where id < 900000",
	"insert into sink values (900001, 'a note') returning *",
	"update customers set salary = salary + 1 where id = 12",
	"delete from sink where v = 'a note' returning id",
	"select c.id, c.email, o.note from customers c join orders o on o.customer = c.id where c.id < 50",
	"with recursive x as (select 1 n union all select n + 1 from x where n < 50) select * from x",
	"explain select * from customers where id > 900000",
	"explain extended select * from customers where id > 900000",
	"explain format=json select * from customers where id > 900000",
	"analyze select * from customers where id > 900000",
	"create temporary table mine as select * from customers where id < 100",
	"select * from mine",
	"show warnings",
	"select cast('x' as signed)",
	"show warnings",
	"select nosuch",
	"show full processlist",
	"show table status like 'orders'",
	"show index from customers",
	"show create table customers",
	"show global status",
	"show engine innodb status",
	"select * from information_schema.statistics where table_schema = 'crm'",
	"select extractvalue('<a>b</a>', '/a'), extractvalue(1, '~agatha7@shop.example')",
	"set @a = 900001; select @a; do sleep(0)",
	"handler customers open; handler customers read first where id < 900000; handler customers close",
	"begin; select * from customers where id = 5 for update; rollback",
	"load data infile '/nosuch' into table sink",
	"select @@version_comment limit 1",
	"select database(), user(), connection_id(), @@sql_mode, @@session.tx_isolation",
	"set names utf8mb4 collate utf8mb4_unicode_ci",
	"set session character_set_results = utf16",
	"select email, name, 'x' from customers where id < 100",
	"set names utf8mb4",
}

func TestOrdinaryWorkOnMariaDBRaisesNoAlarm(t *testing.T) {
	f := mariadb(t)
	p := newTap(t, &f.alert)
	for _, caps := range []uint32{oldCaps, newCaps, mariaCaps} {
		c := dialMy(t, p.port(), caps)
		quiet := func(how, sql string) {
			t.Helper()
			for _, d := range f.alert.seen() {
				t.Errorf("%s, %.100s: %s %+v", how, sql, d.Summary, d.Hits)
			}
		}
		for _, sql := range myEveryday {
			c.query(sql)
			quiet("text", sql)
			if strings.Contains(sql, ";") || strings.HasPrefix(sql, "create") {
				continue
			}
			c.binary(sql)
			quiet("binary", sql)
			if strings.HasPrefix(sql, "select") {
				c.cursor(sql, 1000)
				quiet("cursor", sql)
			}
		}
		c.binary("select ?", "187250.00") // beside the key it would be proof
		c.binary("select ?, ?", "Agatha Falkenstein", "Falkenstein@ledger.decoy.example")
		for _, table := range []string{"customers", "orders", "wide", "v_customers"} {
			c.fieldList(table)
		}
		c.need("drop temporary table mine")
		c.close()
	}
	for _, d := range f.alert.take(t) {
		t.Errorf("%s %+v", d.Summary, d.Hits)
	}
	f.followed(t)
}

func TestMariaDBsToolsAndDriversRaiseNoAlarm(t *testing.T) {
	f := mariadb(t)
	p := newTap(t, &f.alert)
	out := mariadbClient(t, p.port(), "status\nselect 1;\nuse other\nuse crm\nrehash\ndescribe customers;\nshow tables where tables_in_crm not like 'sk%';\nwarnings\nselect * from customers where id < 5\\G\n", "--auto-rehash", "--table")
	if !strings.Contains(out, "Threads:") || strings.Contains(out, "ERROR") {
		t.Errorf("mariadb: %s", out)
	}
	at := append([]string{"--host=127.0.0.1", "--port=" + p.port(), "--user=clerk"}, f.db.NoTLS()...)
	for _, tool := range [][]string{
		{"mariadb-admin", "status", "ping", "version", "extended-status", "variables", "processlist", "flush-tables"},
		{"mariadb-show", "crm", "orders"},
		{"mariadb-check", "crm", "customers"},
		{"mariadb-dump", "crm", "orders"},
		{"mariadb-dump", "--no-data", "crm", "customers"},
		{"mariadb-slap", "--query=select * from crm.orders where id = 7", "--concurrency=4", "--iterations=3", "--number-of-queries=100"},
	} {
		args := append(append([]string{}, at...), tool[1:]...)
		if _, err := f.db.Tool(t.Context(), tool[0], args...); err != nil {
			t.Errorf("%s: %v", tool[0], err)
		}
	}
	for _, params := range []string{"", "?interpolateParams=true&multiStatements=true&charset=latin1", "?parseTime=true&collation=utf8mb4_unicode_ci&compress=true"} {
		db, err := sql.Open("mysql", fmt.Sprintf("clerk@tcp(127.0.0.1:%s)/crm%s", p.port(), params))
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := db.QueryRowContext(t.Context(), "select count(*) from customers where id < ?", 900000).Scan(&n); err != nil || n != 300 {
			t.Errorf("go-sql-driver%s: %d, %v", params, n, err)
		}
		_ = db.Close()
	}
	for _, d := range f.alert.take(t) {
		t.Errorf("%s %+v", d.Summary, d.Statement)
	}
	f.followed(t)
}
