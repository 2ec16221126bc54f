package mysql

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"honeyrow/engine/sqlfacts"
)

var maria = sqlfacts.Env{Flavour: sqlfacts.MariaDB, Version: 101119}

// kinds are the names that outline has for the kinds, in their order.
var kinds = strings.Fields(`other select union insert update delete merge copy call set begin explain define grant show
	load prepare lock with targets from where group having order limit values into locking return conflict window options
	table derived join column star number string null bool hex param variable func binary unary case when cast query row
	interval assign missing`)

// outline writes a tree in one line.
func outline(n *sqlfacts.Node) string {
	var b strings.Builder
	b.WriteString(kinds[n.Kind])
	for _, x := range []string{n.Qualifier, n.Name} {
		if x != "" {
			b.WriteString(":" + x)
		}
	}
	if n.Alias != "" {
		b.WriteString("~" + n.Alias)
	}
	if n.Flag != "" {
		b.WriteString("!" + n.Flag)
	}
	if n.Slot >= 0 {
		fmt.Fprintf(&b, "#%d", n.Slot)
	}
	if len(n.Args) > 0 {
		var args []string
		for _, a := range n.Args {
			args = append(args, outline(a))
		}
		b.WriteString("(" + strings.Join(args, " ") + ")")
	}
	return b.String()
}

func analyser() *sqlfacts.Analyser { return analyserWithin(time.Minute) }

// analyserWithin gives a parse so much time; 0: what programs give by default.
func analyserWithin(limit time.Duration) *sqlfacts.Analyser {
	return sqlfacts.NewAnalyser(sqlfacts.Config{Timeout: limit}, map[sqlfacts.Flavour]sqlfacts.Dialect{
		sqlfacts.MariaDB: &Parser{}, sqlfacts.MySQL: &Parser{},
	})
}

func TestTreesAndTablesOfStatements(t *testing.T) {
	a := analyser()
	for _, c := range []struct {
		sql    string
		source sqlfacts.Source
		tree   string
		tables string
	}{
		{
			"SELECT a, b.c AS x FROM s.t AS u LEFT JOIN v ON u.i = v.i WHERE u.id = 1 AND n LIKE 'x' AND NOT z IN (1,2) OR 1=1 ORDER BY 1 LIMIT 2, 3", 0,
			"select(targets(column:a column:b:c~x) from(join:left(table:s:t~u table:v binary:=(column:u:i column:v:i))) where(binary:or(binary:and(binary:=(column:u:id number#0) binary:like(column:n string#1) unary:not(binary:in(column:z number#2))) binary:=(number#3 number#4))) order(number#5) limit(number#7 number#6))",
			"[{s t false} { v false}]",
		},
		{
			"SELECT id FROM users WHERE id = -1 UNION ALL SELECT NULL FROM mysql.user UNION ALL SELECT 0x41", 0,
			"union:union all(select(targets(column:id) from(table:users) where(binary:=(column:id number#0))) select(targets(null) from(table:mysql:user)) select(targets(hex#1)))",
			"[{ users false} {mysql user false}]",
		},
		{
			"INSERT INTO t (a, b) VALUES (1.5, 'x'), (2e3, 'y') ON DUPLICATE KEY UPDATE a = VALUES(a)", 0,
			"insert(table:t targets(column:a column:b) values(row:row(number#0 string#1)) conflict(assign:a(func:values(column:a))))",
			"[{ t true}]",
		},
		{
			"WITH c AS (SELECT 1 FROM t) UPDATE u JOIN c SET u.a = (SELECT pw FROM s WHERE x = ?) WHERE u.b BETWEEN 1 AND 2", 0,
			"update(with(derived~c(select(targets(number#0) from(table:t)))) table:u table:c targets(assign:u:a(query(select(targets(column:pw) from(table:s) where(binary:=(column:x param#0)))))) where(binary:between(column:u:b number#1 number#2)))",
			"[{ t false} { u true} { c true} { s false}]",
		},
		{
			"DELETE a FROM a JOIN b USING (id) WHERE EXISTS (SELECT * FROM c)", 0,
			"delete(table:a from(join:inner(table:a table:b row:row(column:id))) where(unary:exists(query(select(targets(star) from(table:c))))))",
			"[{ a true} { a false} { b false} { c false}]",
		},
		{
			"SELECT IF(1=1, SLEEP(5), CASE WHEN a THEN 'b' ELSE 'c' END), CAST(x AS CHAR(10)), @@version, CHAR(97,98), -a, DATE'2020-01-01', now() - INTERVAL 1 DAY", 0,
			"select(targets(func:if(binary:=(number#0 number#1) func:sleep(number#2) case(missing when(column:a string#3) string#4)) cast:char(column:x) variable:@@version func:char(number#6 number#7) unary:-(column:a) cast:date(string#8) func:date_sub(func:now interval:day(number#9))))",
			"[]",
		},
		{
			"SELECT id FROM t WHERE id = 1 AND 1=(SELECT CAST(pw AS NCHAR) FROM u LIMIT 1)", 1,
			"select(targets(column:id) from(table:t) where(binary:and(binary:=(column:id number#0) binary:=(number#1 query(select(targets(cast:char(column:pw)) from(table:u) limit(number#2)))))))",
			"[{ t false} { u false}]",
		},
		{
			"INSERT INTO t (a) VALUES (1) RETURNING id, (SELECT pw FROM u)", 1,
			"insert(table:t targets(column:a) values(row:row(number#0)) return(column:id query(select(targets(column:pw) from(table:u)))))",
			"[{ t true} { u false}]",
		},
		{
			"SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP'2020-01-01' AS x WHERE 1", 1,
			"select(targets(star) from(table:t~x) where(number#1) options:system_time(cast:timestamp(string#0)))",
			"[{ t false}]",
		},
		{
			"SELECT a FROM t LIMIT 1 PROCEDURE ANALYSE(EXTRACTVALUE(1, CONCAT(0x5c, (SELECT 1))), 1)", 1,
			"select(targets(column:a) from(table:t) limit(number#0) options:procedure(func:analyse(func:extractvalue(number#1 func:concat(hex#2 query(select(targets(number#3))))) number#4)))",
			"[{ t false}]",
		},
		{"SELECT a INTO DUMPFILE '/tmp/x' FROM t", 1, "select(targets(column:a) from(table:t) into:dumpfile(string#0))", "[{ t false}]"},
		{"SELECT a FROM t INTO OUTFILE '/tmp/x'", 0, "select(targets(column:a) from(table:t) into:outfile(string#0))", "[{ t false}]"},
		{"LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t", 0, "load!local(string#0 table:t)", "[{ t true}]"},
		{"SET GLOBAL general_log = 1", 0, "set:global:general_log(targets(assign:global:general_log(number#0)))", "[]"},
		{"PREPARE s FROM 'select 1'", 0, "prepare:s(string#0)", "[]"},
		{"DROP TABLE a, b.c", 0, "define:drop table(table:a table:b:c)", "[{ a true} {b c true}]"},
		{"CREATE TABLE x AS SELECT * FROM y", 0, "define:create table(table:x select(targets(star) from(table:y)))", "[{ x true} { y false}]"},
		{"SELECT a EXCEPT ALL SELECT b INTERSECT SELECT c", 0, "union:except all(select(targets(column:a)) select(targets(column:b)) select(targets(column:c)))", "[]"},
		{"HANDLER users READ FIRST", 2, "select(from(table:users))", "[{ users false}]"},
		{"SELECT 1 /*M!100100 UNION SELECT pw FROM users */", 0, "union:union(select(targets(number#0)) select(targets(column:pw) from(table:users)))", "[{ users false}]"},
		{"BEGIN", 0, "begin:begin", "[]"},
		{"CALL p(1)", 0, "call:p(func:p(number#0))", "[]"},
		{"SHOW TABLES FROM d", 0, "show:d:tables", "[]"},
		{"EXPLAIN SELECT 1", 0, "explain(select(targets(number#0)))", "[]"},
		{"GRANT SELECT ON d.t TO u", 0, "grant:grant(table:d:t)", "[{d t true}]"},
		{"SELECT rank, x SOUNDS LIKE 'a' FROM t COLLATE latin1_uca1400_as_cs", 2, "", ""},
		{"SELECT `rank` FROM t WHERE a = 'b' COLLATE uca1400_as_cs", 1, "select(targets(column:rank) from(table:t) where(binary:=(column:a string#0)))", "[{ t false}]"},
		{"SELECT 'a' FROM t AS 'b'", 2, "", ""},
	} {
		var x sqlfacts.Text
		x.Lex([]byte(c.sql), maria)
		f := a.Analyse(t.Context(), &x)
		if f.Source != c.source {
			t.Errorf("%s:\n source %d (%s), want %d", c.sql, f.Source, f.Why, c.source)
		}
		if c.tree == "" {
			continue
		}
		if got := outline(f.Statements[0]); got != c.tree || fmt.Sprint(f.Tables) != c.tables {
			t.Errorf("%s:\n got %s %v\nwant %s %s", c.sql, got, f.Tables, c.tree, c.tables)
		}
	}
}

func TestSessionModesChangeWhatAStatementMeans(t *testing.T) {
	a := analyser()
	for _, c := range []struct {
		env  sqlfacts.Env
		sql  string
		tree string
	}{
		{maria, `SELECT "a" || 'b'`, "select(targets(binary:or(string#0 string#1)))"},
		{sqlfacts.Env{Flavour: sqlfacts.MariaDB, ANSIQuotes: true, PipesConcat: true}, `SELECT "a" || 'b'`, "select(targets(func:concat(column:a string#0)))"},
		{maria, `SELECT 'a\' OR 1=1 -- '`, "select(targets(string#0))"},
		{sqlfacts.Env{Flavour: sqlfacts.MariaDB, NoBackslash: true}, `SELECT 'a\' OR 1=1 -- '`, "select(targets(binary:or(string#0 binary:=(number#1 number#2))))"},
		{sqlfacts.Env{Flavour: sqlfacts.MariaDB, Charset: "gbk"}, "SELECT '\xbf\x5c' OR 1=1 -- '", "select(targets(binary:or(string#0 binary:=(number#1 number#2))))"},
	} {
		var x sqlfacts.Text
		x.Lex([]byte(c.sql), c.env)
		if got := outline(a.Analyse(t.Context(), &x).Statements[0]); got != c.tree {
			t.Errorf("%q: %s, want %s", c.sql, got, c.tree)
		}
	}
}

// TestHowManyStatementsParse holds what was reached on captured traffic.
func TestHowManyStatementsParse(t *testing.T) {
	for _, c := range []struct {
		file string
		most float64 // scanned, in percent
	}{{"benign", 1}, {"sqlmap", 0.5}} {
		a := analyser()
		var n, scanned float64
		for _, sql := range samples(t, c.file) {
			var x sqlfacts.Text
			x.Lex([]byte(sql), maria)
			f := a.Analyse(t.Context(), &x)
			n++
			if f.Source == sqlfacts.Scanned {
				scanned++
				t.Logf("%s: %s", f.Why, sql)
			}
			checkSlots(t, f, &x)
		}
		if share := 100 * scanned / n; n < 300 || share > c.most {
			t.Errorf("%s: %.2f %% of %.0f statements do not parse, more than %.2f %%", c.file, share, n, c.most)
		}
	}
}

// checkSlots finds literals in trees that the text does not have.
func checkSlots(t *testing.T, f *sqlfacts.Facts, x *sqlfacts.Text) {
	t.Helper()
	for _, s := range f.Statements {
		sqlfacts.Walk(s, func(n *sqlfacts.Node, _ []*sqlfacts.Node) bool {
			if n.Kind != sqlfacts.Param && n.Slot >= x.Slots() || n.Kind == sqlfacts.Param && n.Slot >= len(x.Params) {
				t.Errorf("%s: slot %d of %d", x.Raw, n.Slot, x.Slots())
			}
			if n.Kind == sqlfacts.String && n.Slot < 0 || strings.Contains(n.Name+n.Alias+n.Qualifier+n.Flag, "?2000") {
				t.Errorf("%s: a literal without a slot in %s", x.Raw, outline(n))
			}
			return true
		})
	}
}

func samples(t testing.TB, name string) []string {
	t.Helper()
	fd, err := os.Open("testdata/" + name + ".jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	z, err := gzip.NewReader(fd)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		var s string
		if err := json.Unmarshal(sc.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// worked is the processor time of this process so far: what others do on the machine
// does not count.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestHugeAndDeepTextsAreBounded shows that nothing a client sends takes the
// parser long or much memory.
func TestHugeAndDeepTextsAreBounded(t *testing.T) {
	a := analyserWithin(0)
	for name, sql := range map[string]string{
		"brackets":        "SELECT " + strings.Repeat("(", 5_000_000) + "1",
		"closed brackets": "SELECT " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000),
		"unary minus":     "SELECT " + strings.Repeat("- ", 2_000_000) + "1",
		"sum":             "SELECT 1" + strings.Repeat("+a", 120_000),
		"or":              "SELECT 1" + strings.Repeat(" or a", 50_000),
		"not":             "SELECT " + strings.Repeat("not ", 60_000) + "a",
		"columns":         "SELECT a" + strings.Repeat(",a", 120_000),
		"columns allowed": "SELECT a" + strings.Repeat(",a", 9_000),
		"case":            "SELECT " + strings.Repeat("case when a then ", 12_000),
		"sub-selects":     "SELECT " + strings.Repeat("(select ", 30_000),
		"statements":      strings.Repeat("select a;", 28_000),
		"allowed":         strings.Repeat("select a from b where c;", 2_400),
		"unions":          "SELECT 1" + strings.Repeat(" union select a", 16_000),
		"joins":           "SELECT 1 from a" + strings.Repeat(" join a", 30_000),
		"in":              "SELECT 1 in (1" + strings.Repeat(",1", 120_000) + ")",
		"rows":            "INSERT INTO t VALUES (1,'a')" + strings.Repeat(",(1,'a')", 32_000),
		"mend":            "SELECT " + strings.Repeat("cast(a as nchar),", 4_800) + "1",
	} {
		var x sqlfacts.Text
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := worked(t)
		x.Lex([]byte(sql), maria)
		f := a.Analyse(t.Context(), &x)
		took := worked(t) - start
		runtime.ReadMemStats(&after)
		t.Logf("%s: %v, %d MiB, source %d %s", name, took, (after.TotalAlloc-before.TotalAlloc)>>20, f.Source, f.Why)
		if took > 3*time.Second || after.TotalAlloc-before.TotalAlloc > 256<<20 {
			t.Errorf("%s: took %v and %d MiB", name, took, (after.TotalAlloc-before.TotalAlloc)>>20)
		}
		if len(f.Statements) == 0 {
			t.Errorf("%s: no facts", name)
		}
	}
	if s := a.Stats(); s.Refused == 0 || s.Weight > 64<<20 {
		t.Errorf("stats %+v", s)
	}
}

func TestAParseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := new(Parser).Parse(ctx, []byte("select 1"), maria); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"benign", "sqlmap"} {
		for i, s := range samples(f, name) {
			if i%20 == 0 {
				f.Add([]byte(s), false)
			}
		}
	}
	a := analyser()
	f.Fuzz(func(t *testing.T, raw []byte, modes bool) {
		if len(raw) > 4096 {
			return
		}
		var x sqlfacts.Text
		env := maria
		if modes {
			env = sqlfacts.Env{Flavour: sqlfacts.MySQL, ANSIQuotes: true, PipesConcat: true, NoBackslash: true, Charset: "gbk"}
		}
		x.Lex(raw, env)
		facts := a.Analyse(t.Context(), &x)
		for _, s := range facts.Statements {
			sqlfacts.Walk(s, func(n *sqlfacts.Node, _ []*sqlfacts.Node) bool {
				if n.Kind != sqlfacts.Param && n.Slot >= x.Slots() || n.Kind == sqlfacts.Param && n.Slot >= len(x.Params) {
					t.Errorf("slot %d of %d", n.Slot, x.Slots())
				}
				return true
			})
		}
	})
}

func BenchmarkMiss(b *testing.B) {
	p := &Parser{}
	var x sqlfacts.Text
	x.Lex([]byte("SELECT u.id, u.name, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.email = 'a' AND o.status IN (1, 2, 3) ORDER BY o.id LIMIT 20"), maria)
	s := x.Surrogate(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Parse(b.Context(), s, maria); err != nil {
			b.Fatal(err)
		}
	}
}
