package baseline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/engine/sqlfacts"
)

var (
	pg  = sqlfacts.Env{Flavour: sqlfacts.PostgreSQL, ANSIQuotes: true, NoBackslash: true, PipesConcat: true}
	my  = sqlfacts.Env{Flavour: sqlfacts.MySQL}
	now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	web = Principal{"main", "shop", "10.0.0.1", "worker 17 [3 of 10]"}
	id  = Identity{"main", "shop", "worker # [# of #]"}
)

func lexed(sql string, env sqlfacts.Env) *sqlfacts.Text {
	var t sqlfacts.Text
	t.Lex([]byte(sql), env)
	return &t
}

func has(b *Book, sql string, env sqlfacts.Env) bool {
	k := b.Of(id)
	return k != nil && k.Has(lexed(sql, env))
}

func TestAShapeIsKnownWhateverItsValuesAndLayout(t *testing.T) {
	l := NewLearner(nil, now)
	l.Saw(web, "s1", lexed("SELECT a,\n\t b FROM t -- list\nWHERE id = 5 AND c IN ('x', 'y') AND \"odd  name\" = $1", pg), now)
	l.Saw(web, "s1", lexed("DELETE FROM t WHERE x = 1.5", pg), now)
	name := filepath.Join(t.TempDir(), "b.yaml")
	if err := Write(name, l.Book()); err != nil {
		t.Fatal(err)
	}
	b, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]bool{
		"select a, b from t where id = 777 and c in ('z') and \"odd  name\" = $3":          true,
		"select a, b from t where id = 777 and c in ('z') and \"odd name\" = $3":           false,
		"select a, b from t where id = 777 and c in ('z') and \"odd  name\" = $3 or 1 = 1": false,
		"delete from t where x = 2.25":                 true,
		"delete from t where x = 2":                    false,
		"delete from t where x = 2.25 -- and y = 1":    false,
		"/* request 5 */ delete from t where x = 2.25": true,
	} {
		if got := has(b, sql, pg); got != want {
			t.Errorf("%s: known %v, want %v", sql, got, want)
		}
	}
}

func TestAnEmptyStatementIsLearnedAndReadBack(t *testing.T) {
	l := NewLearner(nil, now)
	l.Saw(web, "s1", lexed("/* ping */ ;", pg), now)
	l.Saw(web, "s1", lexed("", pg), now)
	name := filepath.Join(t.TempDir(), "b.yaml")
	if err := Write(name, l.Book()); err != nil {
		t.Fatal(err)
	}
	b, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	if !has(b, "-- ping", pg) || has(b, "SELECT 1", pg) {
		t.Errorf("shapes %+v", b.Of(id).Shapes())
	}
}

func TestTheFileIsOneLineAShapeInOneOrderAndKeepsComments(t *testing.T) {
	l := NewLearner(nil, now)
	for _, sql := range []string{"SELECT b FROM t", "SELECT a FROM t WHERE c = 'it''s'", "SELECT a FROM t WHERE c = 'x'", "SELECT a FROM t -- end"} {
		l.Saw(web, "s1", lexed(sql, my), now)
	}
	l.Saw(Principal{"main", "app", "h", ""}, "s2", lexed("SELECT 1", my), now)
	name := filepath.Join(t.TempDir(), "b.yaml")
	if err := Write(name, l.Book()); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(name)
	text := string(b)
	if i, j := strings.Index(text, "user: \"app\""), strings.Index(text, "user: \"shop\""); i < 0 || j < i {
		t.Errorf("identities in another order:\n%s", text)
	}
	if n := strings.Count(text, "- {hash:"); n != 4 {
		t.Errorf("%d lines of shapes, want 4:\n%s", n, text)
	}
	// A person forgets a shape, adds another and comments.
	var edited []string
	for _, line := range strings.Split(text, "\n") {
		switch {
		case strings.Contains(line, "SELECT b"):
			continue
		case strings.Contains(line, `"SELECT a FROM t WHERE c = 'x'"`):
			edited = append(edited, "      # the shop's search", line+" # asked for by Ann", `      - sql: "select z from zz where y = 0"`)
			continue
		case strings.Contains(line, "- server") && len(edited) > 0 && strings.Contains(strings.Join(edited, ""), "app"):
			edited = append(edited, "  # the shop")
		}
		edited = append(edited, line)
	}
	if err := os.WriteFile(name, []byte(strings.Join(edited, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	book, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	if has(book, "SELECT b FROM t", my) || !has(book, "SELECT z FROM zz WHERE y = 9", my) {
		t.Error("the edits do not count")
	}
	next := NewLearner(book, now.AddDate(0, 0, 1))
	next.Saw(web, "s1", lexed("SELECT a FROM t WHERE c = 'x'", my), now.AddDate(0, 0, 1))
	if err := Write(name, next.Book()); err != nil {
		t.Fatal(err)
	}
	b, _ = os.ReadFile(name)
	for _, want := range []string{"      # the shop's search\n", "# asked for by Ann\n", "count: 3, first: 2026-11-22, last: 2026-11-23", "  # the shop\n  - server", "select z from zz"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%q is not in\n%s", want, b)
		}
	}
	again := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(again, b, 0o600); err != nil {
		t.Fatal(err)
	}
	book, err = Read(again)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(again, book); err != nil {
		t.Fatal(err)
	}
	if c, _ := os.ReadFile(again); string(c) != string(b) {
		t.Errorf("written twice it differs:\n%s\n%s", b, c)
	}
}

func TestAMistakeInTheFileIsNamedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"version: 1\nidentities:\n  - user: a\n    shapes:\n      - {sql: x, count: many}\n": "b.yaml:5: count \"many\"",
		"version: 2\n": "b.yaml:1: version 2",
		"version: 1\nidentities:\n  - aplication: x\n":                                          "b.yaml:3: unknown key \"aplication\"",
		"version: 1\nidentities:\n  - user: a\n    shapes:\n      - {count: 1}\n":               "b.yaml:5: a shape without sql",
		"version: 1\nidentities:\n  - server: a\n":                                              "b.yaml:3: an identity without user",
		"version: 1\nidentities: [\n":                                                           "b.yaml: line 2",
		"version: 1\nidentities:\n  - user: a\n    shapes:\n      - {sql: x, marks: [strange]}": "b.yaml:5: there is no mark",
		"version: 1\nversion: 1\n":                                                              "b.yaml",
	} {
		if _, err := Parse("b.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestWhatATrippedSessionTaughtIsTakenBack(t *testing.T) {
	l := NewLearner(nil, now)
	other := Principal{"main", "shop", "10.0.0.2", web.Application}
	renamed := web
	renamed.Application = "psql"
	l.Saw(web, "old", lexed("SELECT a FROM t", my), now)
	l.Saw(web, "tripped", lexed("SELECT b FROM t", my), now)
	l.Saw(web, "tripped", lexed("SELECT e FROM t", my), now)
	l.Saw(web, "old", lexed("SELECT e FROM t", my), now)
	later := now.Add(2 * time.Hour)
	l.Saw(renamed, "beside", lexed("SELECT secret FROM t", my), later)
	l.Saw(other, "other", lexed("SELECT f FROM t", my), later)
	l.Distrust(web, "tripped", "sql-injection", later)
	l.Saw(web, "new", lexed("SELECT c FROM t", my), later.Add(time.Minute))
	l.Saw(renamed, "new", lexed("SELECT d FROM t", my), later.Add(time.Hour-1))
	b := l.Book()
	for sql, want := range map[string]bool{
		"SELECT a FROM t": true,  // long before, and by another session
		"SELECT b FROM t": false, // by the session itself, whenever
		"SELECT e FROM t": true,  // by another one too
		"SELECT f FROM t": true,  // from another host
		"SELECT c FROM t": false, // too soon
	} {
		if has(b, sql, my) != want {
			t.Errorf("%s: known is %v", sql, !want)
		}
	}
	if b.Of(Identity{"main", "shop", "psql"}) != nil {
		t.Error("what was taught under another name just before or after stays")
	}
	p := l.Progress()
	if len(p.Distrusted) != 1 || p.Distrusted[0] != (Distrusted{"main", "shop", "10.0.0.1", "sql-injection", 1, later.Add(time.Hour)}) || p.Left != 2 || p.Shapes != 3 {
		t.Errorf("%+v", p)
	}

	l.Saw(web, "new", lexed("SELECT c FROM t", my), later.Add(time.Hour))
	if !has(l.Book(), "SELECT c FROM t", my) {
		t.Error("an attempt keeps the application from teaching for ever")
	}
}

func TestAStatementThatTheServerRefusedIsNotLearned(t *testing.T) {
	l := NewLearner(nil, now)
	x := lexed("SELEC a FROM t", my)
	l.Saw(web, "s1", x, now)
	l.Unsaw(web, x)
	if has(l.Book(), "SELEC a FROM t", my) {
		t.Error("learned")
	}
}

func TestALearnerIsBoundedAndSaysSo(t *testing.T) {
	l := NewLearner(nil, now)
	var x sqlfacts.Text
	for i := range maxShapes + 100 {
		x.Lex(fmt.Appendf(nil, "SELECT c%d FROM t", i), my)
		l.Saw(web, "s1", &x, now)
	}
	x.Lex([]byte("SELECT "+strings.Repeat("a,", maxText)+"b"), my)
	l.Saw(web, "s1", &x, now)
	if p := l.Progress(); p.Overflow != 101 || p.Shapes != maxShapes {
		t.Errorf("%+v", p)
	}
}

func FuzzAFileThatIsReadIsWrittenTheSame(f *testing.F) {
	f.Add([]byte("version: 1\nidentities:\n  - user: a\n    # b\n    shapes:\n      - {sql: \"select 1\", marks: [stacked]} # c\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, n, err := parse("x", in)
		if err != nil {
			return
		}
		out := b.encode(n)
		again, m, err := parse("x", out)
		if err != nil {
			t.Fatalf("%q becomes %q: %v", in, out, err)
		}
		if i, s := b.Size(); true {
			if j, r := again.Size(); i != j || s != r {
				t.Fatalf("%q becomes %q: %d identities and %d shapes, then %d and %d", in, out, i, s, j, r)
			}
		}
		_ = again.encode(m)
	})
}

// Who reads the catalogue all day will read it tomorrow: that is told from the
// file, where a person can change it.
func TestWhatManyShapesHaveIsUsual(t *testing.T) {
	l := NewLearner(nil, now)
	for i, sql := range []string{"SELECT a FROM pg_class", "SELECT b FROM pg_class", "SELECT c FROM pg_class", "SELECT d FROM pg_proc"} {
		l.Saw(web, "s1", lexed(sql, pg), now, []string{"schema-enumeration", "odd-subquery"}[:1+i/3]...)
	}
	l.Saw(web, "s1", lexed("SELECT 1", pg), now)
	name := filepath.Join(t.TempDir(), "baseline.yaml")
	if err := Write(name, l.Book()); err != nil {
		t.Fatal(err)
	}
	b, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	k := b.Of(Identity{Server: web.Server, User: web.User, Application: Fold(web.Application)})
	for detector, want := range map[string]bool{"schema-enumeration": true, "odd-subquery": false, "tautology": false} {
		if got := k.Usual(detector); got != want {
			t.Errorf("%s usual: %v, want %v", detector, got, want)
		}
	}
	many := NewBook()
	id := Identity{Server: "main", User: "app"}
	for i := range 40 {
		s := Shape{SQL: "SELECT " + strings.Repeat("a", i+1) + " FROM t", Count: 1}
		if i < usualShapes {
			s.Weak = []string{"schema-enumeration"}
		}
		many.Add(id, s)
	}
	if many.Of(id).Usual("schema-enumeration") {
		t.Error("what three of forty shapes have is usual")
	}
}
