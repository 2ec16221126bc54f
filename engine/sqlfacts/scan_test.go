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
			"update(join:inner(table:t table:s column:id) targets(assign:t:a(number#0) assign:b(func:substring(query(select(targets(column:pw) from(table:u) limit(number#1))) number#2 number#3))) where(binary:>(func:ord(func:mid(column:x number#4 number#5)) number#6)) order(number#7) limit(number#8 number#9))",
			"[{ t true} { s true} { u false}]", "[substring ord mid]",
		},
		{
			pg15, "with a as (select 1) select x::int, E'a' || b from a, only c.b where exists (select 1 from pg_shadow) and y @> array[1,2] limit 3 offset 4",
			"select(with(derived~a(select(targets(number#0)))) targets(cast:int(column:x) binary:||(string#1 column:b)) from(table:a table:c:b) where(binary:and(unary:exists(query(select(targets(number#2) from(table:pg_shadow)))) binary:@>(column:y row:array(number#3)))) limit(number#4 number#5))",
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
			"select(targets(func:array_to_string(func:array(query(select(targets(func:quote_literal(column:x)) from(func:unnest~t(column:evttags))))) string#0)) from(table:pg_event_trigger~e))",
			"[{ pg_event_trigger false}]", "[array_to_string array quote_literal unnest]",
		},
		{
			pg15, "select a from f(b) g, lateral h(g.c) as i(d, e) join s(1) on true",
			"select(targets(column:a) from(func:f~g(column:b) join:inner(func:h~i(column:g:c) func:s(number#0) bool:true)))", "[]", "[f h s]",
		},
		{
			maria, "select a from t into outfile 'x'", "select(targets(column:a) from(table:t) into:outfile(string#0))", "[{ t false}]", "[]",
		},
		{maria, "1' union select", "other:~union", "", ""},
		{pg15, "fetch 1000 in bloboid", "other:fetch(binary:in(number#0 column:bloboid))", "[]", "[]"},
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
