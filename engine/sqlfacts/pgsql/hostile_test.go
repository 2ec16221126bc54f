package pgsql

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// chainOf is SELECT 1 with n of the operator behind it.
func chainOf(op string, n int) string { return "SELECT 1" + strings.Repeat(op, n) }

// TestNothingHostileKillsAnything sends what is known to kill the C parser, and
// its neighbours, through one worker, which lives through all of it.
func TestNothingHostileKillsAnything(t *testing.T) {
	deep := func(open, core, shut string, n int) string {
		return "SELECT " + strings.Repeat(open, n) + core + strings.Repeat(shut, n)
	}
	syntax := errors.New("a syntax error or a limit")
	none := error(nil)
	cases := []struct {
		name, text string
		want       error
	}{
		{"48 KB of 1+1+...", chainOf("+1", 24_000), ErrLimit},
		{"as much as is let through of 1+1+...", chainOf("+1", maxChain), none},
		{"one more", chainOf("+1", maxChain+1), ErrLimit},
		{"casts", chainOf("::int", maxChain/2), none},
		{"too many casts", chainOf("::int", 6000), ErrLimit},
		{"concatenation", chainOf("||a", maxChain/2), none},
		{"cross joins", "SELECT * FROM a" + strings.Repeat(" CROSS JOIN b", maxChain-1), none},
		{"too many joins", "SELECT * FROM a" + strings.Repeat(" JOIN b", 4000), ErrLimit},
		{"UNION", "SELECT 1" + strings.Repeat(" UNION SELECT 1", maxChain), none},
		{"too many UNIONs", "SELECT 1" + strings.Repeat("\nuNiOn SELECT 1", 2100), ErrLimit},
		{"OR", chainOf(" OR 1", maxChain), none},
		{"unary operators without spaces", "SELECT " + strings.Repeat("+-", 2000) + "1", ErrLimit},
		{"NOT", deep("NOT ", "a", "", maxChain), none},
		{"subscripts", "SELECT a" + strings.Repeat("[1]", maxChain), none},
		{"fields", "SELECT a" + strings.Repeat(".b", 10_000), none},
		{"COLLATE", `SELECT a` + strings.Repeat(` COLLATE "C"`, maxChain), none},
		{"parentheses", deep("(", "1", ")", 16_000), syntax},
		{"few parentheses", deep("(", "1", ")", 1000), none},
		{"open parentheses", "SELECT " + strings.Repeat("(", 32_000), syntax},
		{"calls in calls", deep("f(", "1", ")", 10_000), syntax},
		{"CASE", deep("CASE WHEN a THEN ", "1", " END", 1400), none},
		{"sub-queries", deep("(SELECT ", "1", ")", 3000), syntax},
		{"sub-queries in FROM", "SELECT * FROM " + strings.Repeat("(SELECT * FROM ", 1600) + "a" + strings.Repeat(") x", 1600), syntax},
		{"arrays", deep("ARRAY[", "1", "]", 1900), none},
		{"rows", deep("ROW(", "1", ")", 6000), syntax},
		{"CTEs in CTEs", strings.Repeat("WITH a AS (", 2000) + "SELECT 1" + strings.Repeat(") SELECT 1", 2000), syntax},
		{"many statements", strings.Repeat("SELECT 1;", 3600), none},
		{"empty statements", strings.Repeat(";", maxText), none},
		{"a long list", "SELECT 1" + strings.Repeat(",1", 16_000), none},
		{"a long IN", "SELECT a IN (1" + strings.Repeat(",1", 16_000) + ")", none},
		{"many rows", "INSERT INTO t VALUES (1)" + strings.Repeat(",(1)", 8000), none},
		{"a long name", "SELECT " + strings.Repeat("a", 32_000), none},
		{"megabytes", "SELECT '" + strings.Repeat("x", 8<<20) + "'", ErrLimit},
		{"invalid UTF-8", "SELECT '\xff\xfe'", ErrEncoding},
		{"half a character", "SELECT 'ä"[:9], ErrEncoding},
		{"NUL", "SELECT 1\x00; DROP TABLE t", ErrEncoding},
		{"controls", "SELECT\x01\x02\x7f1", syntax},
		{"an open string", "SELECT 'a", syntax},
		{"an open comment", "SELECT /* a", syntax},
		{"comments in comments", strings.Repeat("/* ", 900) + "SELECT 1", syntax},
		{"an open dollar quote", "SELECT $a$ b", syntax},
		{"a bad escape", `SELECT E'\u0000', U&'\FFFF'`, syntax},
		{"a great parameter", "SELECT $99999999999999999999", none},
		{"a great number", "SELECT " + strings.Repeat("9", 32_000), none},
	}
	p, deaths := start(t, nil)
	if _, err := ask(p, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	worker := p.pid()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ask(p, c.text)
			var refused *SyntaxError
			switch {
			case errors.Is(c.want, syntax):
				if !errors.As(err, &refused) && !errors.Is(err, ErrLimit) {
					t.Errorf("got %v", err)
				}
			case !errors.Is(err, c.want):
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if got, err := ask(p, "SELECT a"); err != nil || got != "(select (targets (column a)))" {
		t.Errorf("afterwards: %s, %v", got, err)
	}
	if p.pid() != worker || len(deaths) != 0 {
		t.Errorf("the worker died: process %d is now %d, %d reported", worker, p.pid(), len(deaths))
	}
}

func TestOperatorsAreCountedAsThePostgresLexerCutsThem(t *testing.T) {
	cases := []struct {
		text string
		want int
	}{
		{"", 0},
		{"SELECT a, b FROM t", 0},
		{"a + b", 1},
		{"a->>'b' = c", 2},
		{"a::int::text", 2},
		{"+-+-+-", 6},
		{"a=-1", 2},
		{"a[1][2]", 2},
		{"x UNION ALL y Intersect z EXCEPT w", 3},
		{"unionjoin join_ join1 \u00e4join notin", 0},
		{"a JOIN b NATURAL JOIN c", 2},
		{"NOT a AND b OR c IS NULL", 4},
		{"a in (1) collate", 2},
	}
	for _, c := range cases {
		if got := chained([]byte(c.text)); got != c.want {
			t.Errorf("%q: %d, want %d", c.text, got, c.want)
		}
	}
}

func TestABadConfigurationIsRefusedWithWhatToDo(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{Workers: 0, Timeout: 0, Memory: 1}.Validate()
	for _, want := range []string{"workers is 0: use 1", "timeout is 0s: use 10ms", "memory is 1: use 268435456"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// FuzzDecode reads what a worker might send: whatever it is, the decoder says
// what it thinks of it, and trees that it accepts are written as they were read.
func FuzzDecode(f *testing.F) {
	for _, c := range conversions {
		trees, err := parse([]byte(c.sql))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(appendTrees(nil, trees))
	}
	f.Add([]byte{codeVersion, 1, 1, 0, hasArgs, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Add([]byte{codeVersion, 0xff, 0xff, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		trees, err := decodeTrees(data)
		if err != nil {
			return
		}
		again, err := decodeTrees(appendTrees(nil, trees))
		if err != nil || show(again...) != show(trees...) {
			t.Errorf("%x: %s\nagain: %s, %v", data, show(trees...), show(again...), err)
		}
	})
}

// FuzzReply reads a worker's frames.
func FuzzReply(f *testing.F) {
	f.Add([]byte{8, 0, 0, 0, 1, 0, 0, 0, replySyntax, 3, 'n', 'o'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		p := New(DefaultConfig(), nil)
		r := strings.NewReader(string(data))
		for {
			_, body, _, err := readFrame(r, nil, 1<<10)
			if err != nil {
				return
			}
			if len(body) > 1<<10 {
				t.Fatalf("a body of %d bytes", len(body))
			}
			if len(body) > 0 {
				_, _ = p.understand(body[0], body[1:])
			}
		}
	})
}

// FuzzParse parses in this process, with the limits alone to protect it, and
// checks that a tree survives the pipe's encoding.
func FuzzParse(f *testing.F) {
	for _, list := range [][]struct{ name, sql, want string }{conversions, definitions} {
		for _, c := range list {
			f.Add(c.sql)
		}
	}
	for _, c := range expressions {
		f.Add("SELECT " + c.sql)
	}
	for _, c := range relationCases {
		f.Add("SELECT * FROM " + c.sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		if len(sql) > 4<<10 {
			return
		}
		trees, err := parse([]byte(sql))
		if err != nil {
			return
		}
		again, err := decodeTrees(appendTrees(nil, trees))
		if err != nil {
			t.Fatalf("%q: %v", sql, err)
		}
		if got, want := fmt.Sprint(show(again...)), show(trees...); got != want {
			t.Errorf("%q:\n got %s\nwant %s", sql, got, want)
		}
	})
}
