package waysout

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// everyday is what applications, reports and administrators ask for all day. It
// reads the honey row's neighbours, its table's shape, and values like its own.
var everyday = []string{
	"select * from customers where id = 7",
	"select * from customers where id between 1 and 300",
	"select * from customers where id < 900000 order by id desc limit 20",
	"select * from customers where name = 'Agatha' limit 50",
	"select * from customers where name like 'Agatha' and email like 'agatha1%'",
	"select * from customers where phone like '+44 20 7946 0_0_'",
	"select email, phone from customers where email like '%@shop.example'",
	"select count(*), sum(salary), avg(length(email)) from customers",
	"select count(*) from customers where id > 900000",
	"select name, count(*) from customers where id < 900000 group by name",
	"select exists (select from customers where id = 900001)",
	"select from customers where id = 900001",
	"select * from orders where customer = 900001 and note = 'special'",
	"select customer, note from orders where note = 'special'",
	"select 900001, '900001', 900001::bigint, '{900001}'::int[]",
	"select 187250.00, 187250.00::text, 'salary of 187250.00'",
	"select 'Agatha Falkenstein'",
	"select 'Falkenstein', 'Agatha', 'ledger.decoy.example', '@ledger.decoy.example'",
	"select '+44 20 7946 09580', 'x+44 20 7946 0958', 'sk_live_HR0a1B2c3D4e5F6g7H8i9', '49291234567812345', 0.4929123456781230",
	"select md5(g::text), g, random()::text, md5(g::text)::uuid, chr(32 + g % 90) from generate_series(1, 50000) g",
	"select repeat(md5(g::text), 3000) from generate_series(1, 50) g",
	"select json_agg(c) from customers c where id < 100",
	"insert into orders (customer, note) values (900001, 'a note') returning *",
	"update customers set salary = salary + 1 where id = 12 returning id, name, salary",
	"delete from orders where note = 'a note'",
	"select c.id, c.email, o.note from customers c join orders o on o.customer = c.id where c.id < 50",
	"explain (analyze, verbose) select * from customers where id > 900000",
	"create temp table mine as select * from customers where id < 100",
	"select * from mine",
	"select 1/0",
	"select 'x'::int",
	"select * from pg_stat_activity",
	"select * from pg_stats where tablename = 'orders'",
	"copy (select * from customers where id < 900000) to stdout",
	"copy (select * from customers where id < 900000) to stdout (format csv, delimiter ';', quote '''', force_quote *)",
	"copy (select * from customers where id < 900000) to stdout (format binary)",
	"copy (select * from customers where id < 900000) to stdout (delimiter '@')",
	"begin; declare c cursor for select * from customers where id < 900000; fetch 100 from c; commit",
}

func TestOrdinaryWorkRaisesNoAlarm(t *testing.T) {
	c := dial(t, newTap(t, &y.alert).port())
	for _, sql := range everyday {
		c.query(sql)
		for _, d := range y.alert.seen() {
			t.Errorf("%.100s: %s %+v", sql, d.Summary, d.Hits)
		}
		if strings.Contains(sql, ";") || strings.HasPrefix(sql, "create") {
			continue
		}
		for _, format := range []int16{0, 1} {
			c.extended(sql, format)
			for _, d := range y.alert.seen() {
				t.Errorf("format %d, %.100s: %s %+v", format, sql, d.Summary, d.Hits)
			}
		}
	}
	c.send(&pgproto3.Parse{Query: "select $1::int8, $2::numeric, $3::text"},
		&pgproto3.Bind{Parameters: [][]byte{[]byte("900001"), []byte("187250.00"), []byte("Agatha Falkenstein")}}, &pgproto3.Execute{}, &pgproto3.Sync{})
	c.ready()
	c.close()
	for _, d := range y.alert.take(t) {
		// Name and salary of the honey row side by side are proof by design.
		if d.Hits[0].Means != "together" {
			t.Errorf("parameters: %s", d.Summary)
		}
	}
}

func TestAdministratorsToolsAndPgbenchRaiseNoAlarm(t *testing.T) {
	p := newTap(t, &y.alert)
	out := psql(t, p.port(), `\l+
\d+ customers
\d+
\df+ f_customers
\du
\dn+
\dT+
\dp
\sf f_customers
\sv v_customers
\dconfig
select * from information_schema.columns where table_name = 'customers';
select pg_size_pretty(pg_total_relation_size('customers'));
vacuum analyze customers;
`)
	if !strings.Contains(out, "v_customers") || strings.Contains(out, "ERROR") {
		t.Errorf("psql: %s", out)
	}
	for _, args := range [][]string{{"-i", "-s", "1", "-q"}, {"-S", "-c", "4", "-t", "200", "-M", "prepared"}, {"-c", "4", "-t", "50", "-M", "simple"}} {
		cmd := exec.CommandContext(t.Context(), y.pg.Bin+"/pgbench", append(args, "-h", "127.0.0.1", "-p", p.port(), "-U", "postgres", "postgres")...)
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("pgbench %v: %v\n%s", args, err, b)
		}
	}
	for _, d := range y.alert.take(t) {
		t.Errorf("%s %+v", d.Summary, d.Statement)
	}
}
