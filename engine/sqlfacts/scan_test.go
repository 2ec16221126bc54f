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

func TestScanTry(t *testing.T) {
	my := Env{Flavour: MariaDB, Version: 101119}
	var x Text
	for _, s := range []string{
		"SELECT a, b.c x FROM t AS u JOIN s ON u.id=s.id WHERE id = 1 AND name LIKE 'x' OR 1=1 -- ",
		"SELECT id FROM users WHERE id = -1 UNION ALL SELECT NULL,CONCAT(0x71,CAST(password AS NCHAR),0x72) FROM mysql.user-- x",
		"INSERT INTO t (a,b) VALUES (1,2),(3,4) RETURNING id",
		"DELETE FROM t WHERE id IN (SELECT id FROM s) ; DROP TABLE x",
		"SELECT * FROM a WHERE x=1) AND (SELECT COUNT(*) FROM information_schema.tables)>5 AND (1=1",
		"update t join s using (id) set t.a = 5, b = substring((select pw from u limit 1) from 1 for 1) where ord(mid(x,1,1))>64 order by 1 limit 3,4",
		"SELECT CASE WHEN (1=1) THEN SLEEP(5) ELSE 0 END, IF(1,2,3), 'a' NOT LIKE 'b', x IS NOT NULL, y BETWEEN 1 AND 2, EXTRACTVALUE(1,2)",
		"with a as (select 1) select * from a, b procedure analyse(1,2)",
		"select * from t into outfile 'x'",
	} {
		x.Lex([]byte(s), my)
		f := NewFacts(&x, Scan(&x), Scanned, "")
		t.Log(s)
		for _, n := range f.Statements {
			t.Log("   ", outline(n))
		}
		t.Log("   ", f.Tables, f.Functions)
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
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("%q repeated (my %v) took %v", piece, my, d)
			}
			_ = f.weight()
		}
	}
}
