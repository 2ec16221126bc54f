package sqlfacts

import "testing"

func TestTry(t *testing.T) {
	my := Env{Flavour: MariaDB, Version: 101119}
	pg := Env{Flavour: PostgreSQL, Version: 150018, NoBackslash: true, ANSIQuotes: true, PipesConcat: true}
	var x Text
	for _, c := range []struct {
		e Env
		s string
	}{
		{my, "SELECT a FROM t WHERE id = 1 AND name = 'it''s \\' x' AND c IN (1,2, 3) -- x"},
		{my, "INSERT INTO t VALUES (1,'a',NULL,-5),(2,NULL,'x',6),(3,'c','d',.5) ON DUPLICATE KEY UPDATE a=VALUES(a)"},
		{my, "SELECT 1 /*!50000 +1 */ /*!99999 x */ /*M!100100 +2 */ /*M!999999 +3 /* y */ */ + 4"},
		{my, "UNION/**/ALL/**/SeLeCt CHAR(58,97), 1e0union 0x41 _utf8'abc' 'def' \"x\" `a``b` @@version @x"},
		{pg, "select E'a\\'b' || U&'d!0061t' UESCAPE '!' || $x$a'b$x$ /* a /* b */ c */, a::numeric(10,2), $1, x'1f' from \"T\" where a in ($1,$2,$3) and b = any(array[1,2,3])"},
		{pg, "select 'a'\n  'b'; drop table x --"},
	} {
		x.Lex([]byte(c.s), c.e)
		t.Logf("%s\n   marks %b lex %d kept %d depth %d chain %d slots %d", x.Surrogate(nil), x.Marks, x.Lexemes, x.Kept, x.Depth, x.Chain, x.Slots())
		t.Logf("   %s", x.Readable(nil))
		for i, l := range x.Literals {
			t.Logf("   %d %s = %q", l.Slot, x.Raw[l.From:l.To], x.Decode(i, nil))
		}
	}
}

var benchText = []byte("SELECT u.id, u.name, u.email, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.email = 'alice.smith@example.com' AND o.status IN (1, 2, 3) AND o.created_at > '2026-01-01' ORDER BY o.id LIMIT 20")

func BenchmarkLex(b *testing.B) {
	var x Text
	e := Env{Flavour: MariaDB, Version: 101119}
	b.ReportAllocs()
	b.SetBytes(int64(len(benchText)))
	for b.Loop() {
		x.Lex(benchText, e)
	}
}
