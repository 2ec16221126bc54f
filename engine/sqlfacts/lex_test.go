package sqlfacts

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	maria = Env{Flavour: MariaDB, Version: 101119}
	my8   = Env{Flavour: MySQL, Version: 80400}
	pg15  = Env{Flavour: PostgreSQL, Version: 150018, ANSIQuotes: true, PipesConcat: true, NoBackslash: true}
)

var markNames = []string{
	"CommentTail", "CommentSplit", "CommentExec", "CommentSkip", "Unclosed", "Stacked", "OddSpace", "MixedCase",
	"OddNumber", "CharBuild", "Oversize", "BadEncoding", "DoubleEncoded",
}

func (m Marks) names() string {
	var out []string
	for i, n := range markNames {
		if m&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return strings.Join(out, " ")
}

func lexed(env Env, s string) *Text {
	var t Text
	t.Lex([]byte(s), env)
	return &t
}

func values(t *Text) string {
	var out []string
	for i, l := range t.Literals {
		if !l.Joined {
			out = append(out, fmt.Sprintf("%d=%s", l.Slot, t.Decode(i, nil)))
		}
	}
	return strings.Join(out, " ")
}

func TestATextsReadableFormValuesAndMarks(t *testing.T) {
	for _, c := range []struct {
		env                           Env
		text, readable, values, marks string
	}{
		{maria, "SELECT a FROM t WHERE id = 12 AND n = 'it''s \\' x'", "SELECT a FROM t WHERE id = 0 AND n = 'x'", "0=12 1=it's ' x", ""},
		{maria, "select 1 from t -- x", "select 0 from t ", "0=1", "CommentTail"},
		{maria, "select 1 from t -- x\n where 2", "select 0 from t \n where 0", "0=1 1=2", ""},
		{maria, "select 1 from t #", "select 0 from t ", "0=1", "CommentTail"},
		{maria, "/* app:web */ select 1", " select 0", "0=1", ""},
		{maria, "select 1 /* app:web */", "select 0 ", "0=1", ""},
		{maria, "select /* app:web */ 1", "select  0", "0=1", ""},
		{maria, "select 1 /* x", "select 0 ", "0=1", "CommentTail Unclosed"},
		{maria, "1/**/union/**/select", "0 union select", "0=1", "CommentSplit"},
		{maria, "1 /**/ union", "0  union", "0=1", "CommentSplit"},
		{maria, "1 union-- x\nselect", "0 union \nselect", "0=1", "CommentSplit"},
		{maria, "f(a/* first */, b)", "f(a , b)", "", ""},
		{maria, "select 1 /*!50000 +2 */ /*!99999 +3 */", "select 0  +0  ", "0=1 1=2", "CommentExec CommentSkip"},
		{my8, "select 1 /*!80000 +2 */ /*!99999 +3 */ /*M! +4 */", "select 0  +0   ", "0=1 1=2", "CommentExec CommentSkip"},
		{my8, "select 1 /*!080000 +2 */ /*!0999990 +3*/", "select 0  +0  0 +0 ", "0=1 1=2 2=90 3=3", "CommentExec"},
		{maria, "select 1; drop table t", "select 0; drop table t", "0=1", "Stacked"},
		{maria, "select 1;", "select 0;", "0=1", ""},
		{maria, "select 1; -- x", "select 0; ", "0=1", "CommentTail"},
		{maria, "select\v1\x0bfrom\ft", "select 0 from t", "0=1", "OddSpace"},
		{maria, "SeLeCt 1 UNion SELECT 2", "SeLeCt 0 UNion SELECT 0", "0=1 1=2", "MixedCase"},
		{maria, "Select 1 Union select firstName From t", "Select 0 Union select firstName From t", "0=1", ""},
		{maria, "select 1e0union select 2.", "select 0e0 union select 0.0", "0=1e0 1=2.", "OddNumber"},
		{pg15, "START_REPLICATION SLOT \"s\" LOGICAL 0/16B3748", "START_REPLICATION SLOT \"s\" LOGICAL 0/0 B3748", "0=0 1=16", ""},
		{pg15, "select 1/1UNION select 2", "select 0/0 UNION select 0", "0=1 1=1 2=2", "OddNumber"},
		{maria, "select concat(0x7e, 0x41)", "select concat(x'00', x'00')", "0=~ 1=A", "CharBuild"},
		{maria, "select char(97,98,99)", "select char(0,0,0)", "0=97 1=98 2=99", "CharBuild"},
		{maria, "create table t (a char(10), b nchar(20))", "create table t (a char(0), b nchar(0))", "0=10 1=20", ""},
		{pg15, "select chr(97)||chr(98)", "select chr(0)||chr(0)", "0=97 1=98", "CharBuild"},
		{maria, "select 'a' 'b' \"c\"", "select 'x' ", "0=abc", ""},
		{pg15, "select 'a'\n'b', \"c\"", "select 'x' , \"c\"", "0=ab", ""},
		{pg15, "select $t$a'$$b$t$, $1, E'\\x41\\'', U&'d!0061t' UESCAPE '!'", "select 'x', $1, 'x', 'x'", "0=a'$$b 1=A' 2=dat", ""},
		{maria, "select 'x%27 or', '&#39;'", "select 'x', 'x'", "0=x%27 or 1=&#39;", "DoubleEncoded"},
		{maria, "select 'a\xff'", "select 'x'", "0=a\xff", "BadEncoding"},
		{maria, "select cast(a as decimal(10,2)), b = 10", "select cast(a as decimal(10,2)), b = 0", "-1=10 -1=2 0=10", ""},
		{maria, "a in (1,2,3) and b in ('x') and c in (1,'y','z')", "a in (0 ) and b in ('x') and c in (0,'x' )", "0=1 0=2 0=3 1=x 2=1 3=y 3=z", ""},
		{maria, "a in (1,2+3,4)", "a in (0,0+0,0)", "0=1 1=2 2=3 3=4", ""},
		{maria, "a in (?,?, ?) and b = ?", "a in (? ) and b = ?", "", ""},
		{pg15, "a in ($1,$2, $3) and b = any(array[1,2,3])", "a in ($1 ) and b = any(array[0 ])", "0=1 0=2 0=3", ""},
		{maria, "insert into t values (1,'a',-2),(3,null,4),(5,'b',+6) on duplicate key update a=values(a)", "insert into t values (0,'x',0)  on duplicate key update a=values(a)", "0=1 1=a 2=-2 0=3 2=4 0=5 1=b 2=6", ""},
		{maria, "insert into t values (1,now()),(2,now()),(3,f(4))", "insert into t values (0,now()) ,(0,f(0))", "0=1 0=2 1=3 2=4", ""},
		{maria, "(a,b) in ((1,2),(3,4))", "(a,b) in ((0,0) )", "0=1 1=2 0=3 1=4", ""},
		{maria, "set names 'latin2' collate 'x', a = 'b'", "set names 'x' collate 'x', a = 'x'", "0=latin2 1=x 2=b", ""},
		{maria, "select _latin2'a', _utf8 0x41, _x", "select 'x',  x'00', _x", "0=a 1=A", ""},
		{maria, "select 'a", "select 'x'", "0=a", "Unclosed"},
		{maria, "", "", "", ""},
	} {
		x := lexed(c.env, c.text)
		if got := string(x.Readable(nil)); got != c.readable || values(x) != c.values || x.Marks.names() != c.marks {
			t.Errorf("%q:\n got %q, %q, %q\nwant %q, %q, %q", c.text, got, values(x), x.Marks.names(), c.readable, c.values, c.marks)
		}
	}
}

func TestWhatIsOneShapeAndWhatIsNot(t *testing.T) {
	for _, c := range []struct {
		env  Env
		a, b string
		same bool
	}{
		{maria, "SELECT a FROM t WHERE x=1", "select A  from T\nwhere x = 22", true},
		{maria, "select `a`", "select `A`", false},
		{maria, "select a /* x */ from t", "select a from t", true},
		{maria, "select a from t -- ", "select a from t", false},
		{maria, "x in (1)", "x in (1,2,3)", true},
		{maria, "x in (1)", "x in ('1')", false},
		{maria, "x in (1,2)", "x in (1,a)", false},
		{maria, "values (1,2)", "values (1,2),(3,4)", true},
		{maria, "values (1,2)", "values (1,2),(3,4,5)", false},
		{maria, "values (1,2),(null,3)", "values (1,2)", true},
		{maria, "values (1,2),((select 1),3)", "values (1,2)", false},
		{maria, "x = 1", "x = 1.5", false},
		{maria, "x = -1", "x = 1", true},
		{maria, "x - 1", "x = 1", false},
		{maria, "ab c", "a bc", false},
		{maria, "abcdefgh ij", "abcdefghij", false},
		{maria, "a_b", "a\x7fb", false},
		{maria, "f(1,2)", "f(1,2,3)", false},
		{pg15, "$1 = a", "$2 = a", true},
		{pg15, `"A"`, "a", false},
		{maria, "varchar(10)", "varchar(20)", false},
		{maria, "a < = b", "a <= b", false},
		{maria, "select 1 /*!99999 x */", "select 1", false},
	} {
		if got := lexed(c.env, c.a).Shape == lexed(c.env, c.b).Shape; got != c.same {
			t.Errorf("%q and %q: one shape: %v", c.a, c.b, got)
		}
	}
	var a, b Text
	a.Lex([]byte("select 1"), maria)
	b.Lex([]byte("select 1"), pg15)
	if a.Key() == b.Key() {
		t.Error("one key for two dialects")
	}
}

var pieces = []string{
	"select", "from", "t", "a.b", "'x'", "'it''s'", "1", "-2", "3.5", "1e5", "(", ")", ",", "in (1,2,3)", "values (1,'a'),(2,'b')", " ", "\n",
	"/* c */", "-- c\n", "#c\n", "/*!50000 x */", "/*!99999 y */", "/*M! z */", "=", "<", "--", "-", "+", "||", "*", "/", ";", "`q`", "\"d\"", "@v", "@@s", "$1", "?", "$$a$$",
	"E'\\n'", "U&'a' UESCAPE '!'", "x'41'", "0x41", "b'1'", "N'a'", "_utf8'a'", "'a' 'b'", "null", "array[1,2]", "decimal(10,2)", "\xbf\x5c", "é", "\x00", "\v", "0b1", "1.", ".5", "'", "\"", "`", "\\", "escape '!'", "charset 'x'", "::int", "[1]", "/*", "*/", "'a'/**/'b'", "in ((1,2),(3,4))", "--/**/1", "in ($1,$2)", "in (?,?)",
}

var envs = []Env{maria, my8, pg15, {Flavour: PostgreSQL}, {Flavour: MariaDB, Charset: "gbk"}, {Flavour: MariaDB, Charset: "sjis", ANSIQuotes: true}, {Flavour: MySQL, NoBackslash: true, Charset: "latin1"}, {Flavour: PostgreSQL, Charset: "big5"}, {Flavour: MariaDB, Charset: "gb18030"}}

var adjacent = regexp.MustCompile("'\\s+'|\"'|'\"")

// checkText holds what is true of every text.
func checkText(t *testing.T, raw []byte, env Env) {
	t.Helper()
	var x, y Text
	x.Lex(raw, env)
	last := int32(0)
	for i, l := range x.Literals {
		if l.From < last || l.To < l.From || int(l.To) > len(raw) || l.in < l.From || l.out > l.To || l.in > l.out {
			t.Fatalf("%q: literal %d is %+v behind %d", raw, i, l, last)
		}
		if int(l.Slot) >= x.Slots() || l.Slot < -1 {
			t.Fatalf("%q: literal %d has slot %d of %d", raw, i, l.Slot, x.Slots())
		}
		last = l.To
		x.Decode(i, nil)
	}
	at := int32(0)
	for _, e := range x.edits {
		if e.from < at || e.to < e.from || int(e.to) > len(raw) {
			t.Fatalf("%q: edits %v", raw, x.edits)
		}
		at = e.to
	}
	for s := range x.Slots() {
		if l, ok := x.First(s); !ok || int(l.Slot) != s || l.Joined {
			t.Fatalf("%q: slot %d is %+v", raw, s, l)
		}
	}
	if x.Marks&(Unclosed|BadEncoding) != 0 || x.wide || x.nul {
		x.Surrogate(nil)
		return
	}
	if env.Flavour != PostgreSQL && adjacent.Match(x.Surrogate(nil)) {
		return // the server joins strings that the lexer takes for two
	}
	for name, form := range map[string][]byte{"surrogate": x.Surrogate(nil), "readable": x.Readable(nil)} {
		env2 := env
		y.Lex(form, env2)
		if y.Pattern != x.Pattern {
			t.Fatalf("%q (%+v): the %s %q has another pattern", raw, env, name, form)
		}
		if y.Slots() != x.Slots() {
			t.Fatalf("%q: the %s %q has %d slots, not %d", raw, name, form, y.Slots(), x.Slots())
		}
	}
	for i, l := range x.Literals {
		_ = i
		if l.Kind == StringLiteral && l.stands == kwNone && !l.Joined && l.Slot >= 0 {
			first, _ := y.First(int(l.Slot))
			if first.Kind != StringLiteral {
				t.Fatalf("%q: slot %d is a %v", raw, l.Slot, first.Kind)
			}
		}
	}
}

func TestTextsOfAnyPiecesKeepTheirShape(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60_000 {
		var b []byte
		for range 1 + r.IntN(9) {
			b = append(b, pieces[r.IntN(len(pieces))]...)
			if r.IntN(3) > 0 {
				b = append(b, ' ')
			}
		}
		checkText(t, b, envs[r.IntN(len(envs))])
	}
}

func FuzzLex(f *testing.F) {
	for i := range envs {
		f.Add([]byte("select 'a' from t where x in (1,2) -- x"), uint8(i))
		f.Add([]byte("insert into t values (1,'a'),(2,'b') /*!50000 x */"), uint8(i))
	}
	f.Fuzz(func(t *testing.T, raw []byte, n uint8) {
		checkText(t, raw, envs[int(n)%len(envs)])
	})
}

func TestWhatWasQuotedIsTheValue(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	alphabet := []byte("ab'\"\\%_\n\x00\x80\xe9 $!0-")
	for range 20_000 {
		v := make([]byte, r.IntN(12))
		for i := range v {
			v[i] = alphabet[r.IntN(len(alphabet))]
		}
		doubled := "'" + strings.ReplaceAll(string(v), "'", "''") + "'"
		escaped := "'" + strings.NewReplacer("'", "\\'", "\\", "\\\\").Replace(string(v)) + "'"
		for _, c := range []struct {
			env  Env
			text string
		}{
			{pg15, doubled},
			{pg15, "E" + escaped},
			{pg15, "$q$" + string(v) + "$q$"},
			{Env{Flavour: PostgreSQL}, escaped},
			{Env{Flavour: MariaDB, NoBackslash: true}, doubled},
			{maria, escaped},
			{maria, fmt.Sprintf("x'%x'", v)},
			{maria, fmt.Sprintf("0x%x", v)},
		} {
			if c.text == "0x" || strings.HasPrefix(c.text, "$q$") && bytes.Contains(v, []byte("$")) {
				continue
			}
			x := lexed(c.env, "select "+c.text+" from t")
			if got := x.Value(0, nil); !bytes.Equal(got, v) {
				t.Fatalf("%q: value %q, want %q", c.text, got, v)
			}
		}
	}
}

func TestSlotsAreReadBackFromAnyLiteral(t *testing.T) {
	for _, slot := range []int{0, 7, 99_999} {
		s := fmt.Sprint(slotBase + slot)
		for _, form := range []string{s, s + ".5", s + "e0", fmt.Sprint(float64(slotBase + slot))} {
			if got, ok := SlotOfNumber(form); !ok || got != slot {
				t.Errorf("%s is %d, %v; want %d", form, got, ok, slot)
			}
		}
		if got, ok := SlotOfString("?" + s); !ok || got != slot {
			t.Errorf("string: %d, %v", got, ok)
		}
		if got, ok := SlotOfHex(fmt.Sprintf("%x", slotBase+slot)); !ok || got != slot {
			t.Errorf("hex: %d, %v", got, ok)
		}
	}
	for _, s := range []string{"", "1", "99999", "-2000000001", "20000000001", "NaN", "1e400", "2147483648"} {
		if got, ok := SlotOfNumber(s); ok {
			t.Errorf("%q is slot %d", s, got)
		}
	}
}

// longer is what work takes that grows with the square of these texts; work in
// proportion takes milliseconds, even on a busy machine.
const longer = time.Minute

func TestLexTakesTimeInProportion(t *testing.T) {
	var x Text
	x.Limit = 1 << 20
	for _, env := range []Env{maria, pg15} {
		for _, p := range append(slices.Clone(pieces), "'a' ", "'a'\n", "/**/", "/*!", "/*!99999 ", "$a$", "$a", "in (1,", "values (1),", "((", "--\n", "'\\", "/*/", "1-", "'a'/*x*/", "escape", "E'", "''", "U&'a' ") {
			raw := bytes.Repeat([]byte(p), (512<<10)/len(p))
			start := time.Now()
			x.Lex(raw, env)
			if d := time.Since(start); d > longer {
				t.Errorf("512 KiB of %q took %v", p, d)
			}
		}
	}
}

func TestOnlyTheBeginningOfAnOversizeTextIsLexed(t *testing.T) {
	raw := append(bytes.Repeat([]byte(" "), TextLimit), "union select"...)
	x := lexed(maria, string(raw))
	if x.Marks&Oversize == 0 || x.Lexemes != 0 || len(x.Raw) != TextLimit {
		t.Errorf("marks %s, %d lexemes, %d bytes", x.Marks.names(), x.Lexemes, len(x.Raw))
	}
}

func TestWhereATextWasCutNothingIsTakenToBeLeftOpen(t *testing.T) {
	for _, sql := range []string{
		"insert into t (a) values ('one'), ('two", "select 1 /* padding", "select 1 -- ", "select a from t where b = 1 #", "select \"a", "select $$a", "select 1 /*!50000 + 1",
	} {
		for _, env := range []Env{maria, pg15} {
			var whole, part Text
			whole.Lex([]byte(sql), env)
			part.LexPart([]byte(sql), len(sql)+100, env)
			if left := part.Marks & (Unclosed | CommentTail | CommentCut); left != 0 || part.Marks&Oversize == 0 {
				t.Errorf("%q: marks %s", sql, part.Marks.names())
			}
			if part.LexPart([]byte(sql), len(sql), env); part.Marks != whole.Marks || part.Shape != whole.Shape {
				t.Errorf("%q, all of it: marks %s, want %s", sql, part.Marks.names(), whole.Marks.names())
			}
		}
	}
}

func TestLexAndLookUpAllocateNothing(t *testing.T) {
	var x Text
	a := NewAnalyser(Config{}, nil)
	x.Lex(benchText, maria)
	a.Analyse(t.Context(), &x)
	if n := testing.AllocsPerRun(100, func() {
		x.Lex(benchText, maria)
		if _, ok := a.Facts(&x); !ok {
			t.Fatal("not in the cache")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var benchText = []byte("SELECT u.id, u.name, u.email, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.email = 'alice.smith@example.com' AND o.status IN (1, 2, 3) AND o.created_at > '2026-01-01' ORDER BY o.id LIMIT 20")

// BenchmarkHit is the cost of a statement of a known shape: lexer and look-up.
func BenchmarkHit(b *testing.B) {
	var x Text
	a := NewAnalyser(Config{}, nil)
	x.Lex(benchText, maria)
	a.Analyse(b.Context(), &x)
	b.ReportAllocs()
	b.SetBytes(int64(len(benchText)))
	for b.Loop() {
		x.Lex(benchText, maria)
		if _, ok := a.Facts(&x); !ok {
			b.Fatal("not in the cache")
		}
	}
}

func BenchmarkLookUp(b *testing.B) {
	var x Text
	a := NewAnalyser(Config{}, nil)
	x.Lex(benchText, maria)
	a.Analyse(b.Context(), &x)
	for b.Loop() {
		a.Facts(&x)
	}
}

func TestWordsWithAnUnderscoreAndSlipsAreNotOfMixedCase(t *testing.T) {
	for sql, want := range map[string]bool{
		"select pg_sleep(20)": false, "SELECT PG_SLEEP(20)": false, "Select 1": false,
		"select group_concat(a)": false, "SELECT GROUP_CONCAT(a)": false, "select pg_SLeep(20)": true, "SeLeCt 1": true,
		"SELECT CASE WHEN a THEN 1 ElSE 2 END, CASE b WHEN 3 THEN 4 ElSE 5 END FROM t": false, "sELECT a FROM t": false,
		"SELECT CASE WHEN a THEN 1 ElSE 2 END FRoM t": true, "SELECT 1 UnION SELECT 2 ORdER BY 1": true, "select 1 oR 2": true, "select 1 grOUp by 1": true,
		"select dIstinct a": false, "select row_couNt()": false,
	} {
		var x Text
		x.Lex([]byte(sql), Env{Flavour: PostgreSQL, ANSIQuotes: true, NoBackslash: true})
		if got := x.Marks&MixedCase != 0; got != want {
			t.Errorf("%s: %v, want %v", sql, got, want)
		}
	}
}
