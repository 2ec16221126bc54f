package baseline

import (
	"testing"
	"time"

	"honeyrow/engine/sqlfacts"
)

// taught is what an application is known to send.
func taught(env sqlfacts.Env, texts ...string) *Known {
	b := NewBook()
	id := Identity{Server: "main", User: "shop"}
	for _, sql := range texts {
		b.Add(id, Shape{SQL: string(lexed(sql, env).Readable(nil)), Count: 1, First: time.Unix(0, 0), Last: time.Unix(0, 0)})
	}
	return b.Of(id)
}

var postgres = sqlfacts.Env{Flavour: sqlfacts.PostgreSQL, ANSIQuotes: true, NoBackslash: true, PipesConcat: true}

func TestWhatIsPutIntoAKnownStatementIsTold(t *testing.T) {
	k := taught(postgres,
		"SELECT 1", "SELECT name FROM items WHERE id = 5", "SELECT id FROM users WHERE email = 'x' AND password = 'y'",
		"SELECT id, name FROM items ORDER BY name LIMIT 10", "SELECT id FROM items WHERE (kind = 'x') AND price IN (1, 2)", "INSERT INTO notes (a, b) VALUES ('x', 5)",
		"SELECT a FROM t WHERE b = $1",
	)
	const none = Made(255)
	for _, c := range []struct {
		sql string
		was Made
		cut bool
	}{
		{"select name from items where id = 5 or id is not null", Choice, false},
		{"SELECT name FROM items WHERE id = (select max(id) from users)", Query, false},
		{"SELECT name FROM items WHERE id = 5 UNION TABLE users", Query, false},
		{"SELECT name FROM items WHERE id = 5; TABLE users", Query, false},
		{"SELECT name FROM items WHERE id = abs(id)", Call, false},
		{"SELECT id FROM users WHERE email = 'x' or email <> '' AND password = 'y'", Choice, false},
		{"SELECT id FROM users WHERE email = 'x' -- ' AND password = 'y'", Plain, true},
		{"SELECT id FROM users WHERE email = 'x' and 1 = 1 -- ' AND password = 'y'", Plain, true},
		{"SELECT id, name FROM items ORDER BY (select 1) LIMIT 10", Query, false},
		{"SELECT id, name FROM items ORDER BY case when true then id end LIMIT 10", Choice, false},
		{"SELECT id FROM items WHERE (kind = 'x' or '' = '') AND price IN (1)", Choice, false},
		{"SELECT id FROM items WHERE (kind = 'x') AND price IN (1, 2, 3, (select 4))", Query, false},
		{"INSERT INTO notes (a, b) VALUES ('x' || version() || '', 5)", Choice, false},
		{"INSERT INTO notes (a, b) VALUES ('x', 5), ((select p from users), 5)", Query, false},
		// What applications do to their own statements.
		{"SELECT name FROM items WHERE id = 5 AND price > 7", Plain, false},
		{"SELECT name FROM items WHERE id = 5 ORDER BY name", Plain, false},
		{"SELECT name FROM items WHERE id = 5 AND price IN (SELECT price FROM prices)", Call, false},
		{"SELECT 1 FROM users WHERE a = 5 OR b = 6", none, false},
		{"SELECT kind FROM items WHERE id = 5 OR 1 = 1", none, false},
		{"SELECT a FROM t WHERE b = $1 OR c = $2", none, false}, // bound values stay where they are
		{"", none, false},
	} {
		g := k.Graft(lexed(c.sql, postgres))
		got := none
		if g != nil {
			got = g.Made
		}
		if got != c.was || g != nil && g.Cut != c.cut {
			t.Errorf("%s: %+v, want %d, cut %v", c.sql, g, c.was, c.cut)
		}
	}
}

func TestAGraftIsSearchedOnce(t *testing.T) {
	k := taught(postgres, "SELECT name FROM items WHERE id = 5")
	x := lexed("SELECT name FROM items WHERE id = 5 OR 1 = 1", postgres)
	first := k.Graft(x)
	if first == nil || k.Graft(x) != first {
		t.Fatalf("%+v, then another", first)
	}
	if n := testing.AllocsPerRun(100, func() { k.Graft(x) }); n > 0 {
		t.Errorf("%.0f allocations to ask again", n)
	}
}

// A graft is found in any text, and its parts are the text's own words.
func FuzzGraft(f *testing.F) {
	f.Add("SELECT a FROM t WHERE b = 5", " OR 1 = 1")
	f.Add("SELECT a FROM t WHERE b = 'x'", "' UNION SELECT 'x")
	f.Add("INSERT INTO t VALUES (1, x'00')", ", (2)")
	f.Fuzz(func(t *testing.T, known, more string) {
		k := taught(postgres, known)
		for _, sql := range []string{known, known + more, more} {
			x := lexed(sql, postgres)
			g := k.Graft(x)
			if g != nil && sql == known && len(x.Literals) == 0 {
				t.Errorf("%q grew on itself: %+v", sql, g)
			}
		}
	})
}
