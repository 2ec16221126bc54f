package sqlfacts

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// outline writes a tree in one line.
func outline(n *Node) string {
	if n == nil {
		return "nil"
	}
	var b strings.Builder
	b.WriteString(kindName(n.Kind))
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
		b.WriteByte('(')
		for i, a := range n.Args {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(outline(a))
		}
		b.WriteByte(')')
	}
	return b.String()
}

func kindName(k Kind) string {
	names := strings.Fields(`other select union insert update delete merge copy call set begin explain define grant show load
		prepare lock with targets from where group having order limit values into locking return conflict window options
		table derived join column star number string null bool hex param variable func binary unary case when cast query
		row interval assign missing`)
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprint(uint8(k))
}

func TestScanReadsWhatParsersCannot(t *testing.T) {
	for _, c := range []struct {
		env                        Env
		text, trees, tables, funcs string
	}{
		{
			maria, "SELECT a, b.c x FROM t AS u JOIN s ON u.id=s.id WHERE id = 1 AND name LIKE 'x' OR 1=1 -- ",
			"select(targets(column:a column:b:c~x) from(join:inner(table:t~u table:s binary:=(column:u:id column:s:id))) where(binary:or(binary:and(binary:=(column:id number#0) binary:like(column:name string#1)) binary:=(number#2 number#3))))",
			"[{ t false} { s false}]", "[]",
		},
		{
			maria, "SELECT id FROM users WHERE id = -1 UNION ALL SELECT NULL,CONCAT(0x71,CAST(password AS NCHAR),0x72) FROM mysql.user-- x",
			"union:union all(select(targets(column:id) from(table:users) where(binary:=(column:id number#0))) select(targets(null func:concat(hex#1 cast:nchar(column:password) hex#2)) from(table:mysql:user)))",
			"[{ users false} {mysql user false}]", "[concat]",
		},
		{
			maria, "INSERT INTO t (a,b) VALUES (1,2),(3,4) RETURNING id",
			"insert(table:t targets(column:a column:b) values(row:row(number#0 number#1)) return(column:id))", "[{ t true}]", "[]",
		},
		{
			maria, "DELETE FROM t WHERE id NOT IN (SELECT id FROM s) ; DROP TABLE x",
			"delete(table:t where(unary:not(binary:in(column:id query(select(targets(column:id) from(table:s))))))) define:drop table(table:x)",
			"[{ t true} { s false} { x true}]", "[]",
		},
		{
			maria, "SELECT * FROM a WHERE x=1) AND (SELECT COUNT(*) FROM information_schema.tables)>5 AND (1=1",
			"select(targets(star) from(table:a) where(binary:=(column:x number#0)) binary:and(missing binary:and(binary:>(query(select(targets(func:count(star)) from(table:information_schema:tables))) number#1) binary:=(number#2 number#3))))",
			"[{ a false} {information_schema tables false}]", "[count]",
		},
		{
			maria, "update t join s using (id) set t.a = 5, b = substring((select pw from u limit 1) from 1 for 1) where ord(mid(x,1,1))>64 order by 1 limit 3,4",
			"update(join:inner(table:t table:s column:id) targets(assign:t:a(number#0) assign:b(func:substring(query(select(targets(column:pw) from(table:u) limit(number#1))) number#2 number#3))) where(binary:>(func:ord(func:mid(column:x number#4 number#5)) number#6)) order(number#7) limit(number#9 number#8))",
			"[{ t true} { s true} { u false}]", "[substring ord mid]",
		},
		{
			pg15, "with a as (select 1) select x::int, E'a' || b from a, only c.b where exists (select 1 from pg_shadow) and y @> array[1,2] limit 3 offset 4",
			"select(with(derived~a(select(targets(number#0)))) targets(cast:int4(column:x) binary:||(string#1 column:b)) from(table:a table:c:b) where(binary:and(unary:exists(query(select(targets(number#2) from(table:pg_shadow)))) binary:@>(column:y row:array(number#3)))) limit(number#4 number#5))",
			"[{c b false} { pg_shadow false}]", "[]",
		},
		{
			pg15, "copy (select * from users) to program 'nc' ; select case when (1=1) then pg_sleep(5) else 0 end",
			"copy:to!program(select(targets(star) from(table:users)) string#0) select(targets(case(missing when(binary:=(number#1 number#2) func:pg_sleep(number#3)) number#4)))",
			"[{ users false}]", "[pg_sleep]",
		},
		{
			pg15, "copy (select a from users) to '/tmp/x'; copy t from 'y' csv; copy t to stdout",
			"copy:to!file(select(targets(column:a) from(table:users)) string#0) copy:from!file(table:t string#1) copy:to!stdout(table:t)",
			"[{ users false} { t true} { t false}]", "[]",
		},
		{
			pg15, "select array_to_string(array(select quote_literal(x) from unnest(evttags) as t(x)), ', ') from pg_event_trigger e",
			"select(targets(func:array_to_string(row:array(query(select(targets(func:quote_literal(column:x)) from(func:unnest~t(column:evttags))))) string#0)) from(table:pg_event_trigger~e))",
			"[{ pg_event_trigger false}]", "[array_to_string quote_literal unnest]",
		},
		{
			pg15, "select a from f(b) g, lateral h(g.c) as i(d, e) join s(1) on true",
			"select(targets(column:a) from(func:f~g(column:b) join:inner(func:h~i!lateral(column:g:c) func:s(number#0) bool:true)))", "[]", "[f h s]",
		},
		{
			maria, "select a from t into outfile 'x'", "select(targets(column:a) from(table:t) into:outfile(string#0))", "[{ t false}]", "[]",
		},
		{
			pg15, "select a from t where b similar to 'x' and (c is distinct from 1) or d -> 'k' <> e and f in (1) order by g using <, h desc limit 3",
			"select(targets(column:a) from(table:t) where(binary:or(binary:and(binary:similar to(column:b string#0) binary:is distinct from(column:c number#1)) binary:and(binary:<>(binary:->(column:d string#2) column:e) binary:in(column:f number#3)))) order(column:g column:h!desc) limit(number#4))",
			"[{ t false}]", "[]",
		},
		{
			pg15, "(select a from t) union all (table b) order by 1 offset 5",
			"union:union all(select(targets(column:a) from(table:t)) select(targets(star) from(table:b)) order(number#0) limit(missing number#1))",
			"[{ t false} { b false}]", "[]",
		},
		{
			pg15, "select distinct on (a) count(*) filter (where b = 1) over (partition by c order by d), max(e) within group (order by f) from t group by rollup (a, c)",
			"select!distinct(options:distinct on(column:a) targets(func:count(star where(binary:=(column:b number#0)) window(group(column:c) order(column:d))) func:max(column:e order(column:f))) from(table:t) group(other:rollup(column:a column:c)))",
			"[{ t false}]", "[count max]",
		},
		{
			pg15, "create table a (b int default f(1) references c on delete set null, check (b > 2)) partition by range (b)",
			"define:create table(table:a func:f(number#0) other:constraint(table:c) binary:>(column:b number#1))", "[{ a true} { c false}]", "[f]",
		},
		{
			pg15, "create view v as select x from t; create unique index i on t (lower(x)); alter default privileges grant all on tables to group g; create database d connection limit = 10",
			"define:create view(table:v select(targets(column:x) from(table:t))) define:create index(table:t) define:alter default privileges define:create database",
			"[{ v true} { t false} { t true}]", "[]",
		},
		{
			pg15, "set time zone 'UTC'; set session authorization bob; lock table only s.t in share mode; vacuum (analyze) t; grant select (a) on table t, u to v; comment on table t is 'x'",
			"set:timezone(string#0) set:session:session_authorization lock:lock(table:s:t) lock:vacuum(table:t) grant:grant(table:t table:u) define:comment(table:t)",
			"[{s t false} { t false} { t true} { u true}]", "[]",
		},
		{
			maria, "select DISTINCTROW `A`, timestampadd(MINUTE, 1, b) + interval 2 day from `S`.`T` partition (p0), dual where a = b not rlike 'x' and match(c) against ('y' in boolean mode)",
			"select!distinct(targets(column:a func:date_add(func:timestampadd(interval:minute number#0 column:b) interval:day(number#1))) from(table:s:t missing) where(binary:and(binary:=(column:a unary:not(binary:regexp(column:b string#2))) func:match(column:c string#3))))",
			"[{s t false}]", "[date_add timestampadd match]",
		},
		{
			maria, "insert into t (a) values (1) on duplicate key update a = values(a); set @@global.x = 1, @y = 2; show columns from t like 'a'; use db; prepare s from 0x41; grant all on d.* to u",
			"insert(table:t targets(column:a) values(row:row(number#0)) conflict(assign:a(func:values(column:a)))) set:global:x(targets(assign:global:x(number#1) assign:y(number#2))) show:columns(table:t binary:like(missing string#3)) set:use prepare:s(hex#4) grant:grant",
			"[{ t true} { t false}]", "[values]",
		},
		{maria, "1' union select", "other:~union", "", ""},
		{pg15, "fetch 1000 in bloboid", "other:fetch~bloboid", "[]", "[]"},
		{pg15, "select a from t order by b fetch first 3 rows only", "select(targets(column:a) from(table:t) order(column:b) limit(number~rows#0))", "[{ t false}]", "[]"},
	} {
		x := lexed(c.env, c.text)
		f := NewFacts(x, Scan(x), Scanned, "")
		var trees []string
		for _, n := range f.Statements {
			trees = append(trees, outline(n))
		}
		if c.tables == "" {
			if len(trees) == 0 {
				t.Errorf("%s: no tree", c.text)
			}
			continue
		}
		if got := strings.Join(trees, " "); got != c.trees || fmt.Sprint(f.Tables) != c.tables || fmt.Sprint(f.Functions) != c.funcs {
			t.Errorf("%s:\n got %s %v %v\nwant %s %s %s", c.text, got, f.Tables, f.Functions, c.trees, c.tables, c.funcs)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add("SELECT a FROM t WHERE x = 1", true)
	f.Fuzz(func(t *testing.T, s string, my bool) {
		var x Text
		e := Env{Flavour: PostgreSQL}
		if my {
			e.Flavour = MariaDB
		}
		x.Lex([]byte(s), e)
		NewFacts(&x, Scan(&x), Scanned, "")
	})
}

func TestScanTakesTimeInProportion(t *testing.T) {
	for _, piece := range []string{
		"(", ")", "[", "{", "}", "select ", "select (", "(select ", "not ", "- ", "case ", "case when ", "1+", "1-", "a.", "a,", ",", ";",
		"union ", "union select ", "union (", "with a as (", "with ", "values ", "values (", "from ", "from (", "join ", "x join ", "in (", "between ", "exists (", "interval ",
		"cast(", "cast(a as ", "array[", "explain ", "prepare ", "insert into ", "copy (", "set a=", "into ", "limit ", "on ", "a like ", "a is ", "::int", "f(", "row(", "table ", "'a' ", "x'00'", "\"", "`", "at ", "for update ", "procedure ", "over (", "* ", ". ", ": ", "\\", "desc ", "call ", "do ", "call immediate ", "handler ", "use index (",
	} {
		for _, my := range []bool{true, false} {
			e := Env{Flavour: PostgreSQL}
			if my {
				e.Flavour = MariaDB
			}
			var x Text
			x.Lex([]byte(strings.Repeat(piece, 100_000/len(piece))), e)
			start := time.Now()
			f := NewFacts(&x, Scan(&x), Scanned, "")
			if d := time.Since(start); d > longer {
				t.Errorf("%q repeated (my %v) took %v", piece, my, d)
			}
			_ = f.weight()
		}
	}
}
