package engine

import (
	"strings"
	"testing"

	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
)

// What is a literal depends on the session: a reading that is not the server's
// shows what was to be hidden.
func TestRedactionReadsAsTheServerDoes(t *testing.T) {
	pg := event.Client{Protocol: "postgresql", ServerVersion: "15.4"}
	maria := event.Client{Protocol: "mysql", ServerVersion: "10.11.6-MariaDB"}
	for _, c := range []struct {
		who         event.Client
		set         [2]string
		text, wants string
	}{
		{pg, [2]string{}, `select 'it''s', E'a\'b', $$c$$, -1.5e3, "id" -- secret`, `select ?, ?, ?, ?, "id"`},
		{pg, [2]string{}, `select 'a\', 'secret'`, `select ?, ?`},
		{pg, [2]string{"standard_conforming_strings", "off"}, `select 'a\', ''secret'`, `select ?`},
		{pg, [2]string{}, "select 'a'\n'secret' /* secret */, x", "select ?  , x"},
		{maria, [2]string{}, "select \"secret\", 'a\\'secret', `id`, 0x4142, x'41' # secret", "select ?, ?, `id`, ?, ?"},
		{maria, [2]string{"sql_mode", "ANSI_QUOTES"}, `select "id", 'secret'`, `select "id", ?`},
		{maria, [2]string{"sql_mode", "NO_BACKSLASH_ESCAPES"}, `select 'a\', 'secret'`, `select ?, ?`},
		{maria, [2]string{"character_set_client", "gbk"}, "select '\xbf\\', 'secret'", "select ?, ?"},
		{maria, [2]string{}, "select 1 /*M!100100 union select 'secret' */", "select ?  union select ?"},
		{maria, [2]string{}, "select 1 /*!80000 union select 'secret' */", "select ?"},
	} {
		s := session{client: c.who}
		s.e = &Engine{}
		if c.set[0] != "" {
			s.setEnv(c.set[0], c.set[1])
		}
		if got := s.describe([]byte(c.text), len(c.text), true, nil); got.Text != c.wants || !got.Redacted {
			t.Errorf("%q: %q, want %q", c.text, got.Text, c.wants)
		}
		if got := s.describe([]byte(c.text), len(c.text), false, nil); got.Text != strings.ToValidUTF8(c.text, "\uFFFD") {
			t.Errorf("%q as it stands: %q", c.text, got.Text)
		}
	}
}

// FuzzText reads texts of clients: tags and redaction take any bytes.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"SELECT 'a''b', E'c\\'d', $$e$$, $t$f$t$, 1.5e-3, x1 -- c\n/* d /* e */ */", "'", "$$", "/*", "E'\\", "$a$b$", "\"a\"\"b\" `c`", "#x\n1",
		"select 1 /*traceparent='00-1',route='%2Fa'*/", "/*!50000 'a' */ 'b'",
	} {
		f.Add([]byte(s), uint8(0))
		f.Add([]byte(s), uint8(1))
		f.Add([]byte(s), uint8(2))
	}
	f.Fuzz(func(t *testing.T, sql []byte, kind uint8) {
		who := event.Client{Protocol: "postgresql", ServerVersion: "15.4"}
		if kind%3 > 0 {
			who = event.Client{Protocol: "mysql", ServerVersion: [...]string{"8.4.1", "10.11.6-MariaDB"}[kind%3-1]}
		}
		s := session{e: &Engine{}, client: who}
		d := s.describe(sql, len(sql), true, nil)
		if len(d.Text) > 4*len(sql)+2 || len(d.Tags) > maxTags {
			t.Fatalf("%d bytes became %d, with %d tags", len(sql), len(d.Text), len(d.Tags))
		}
		x := sqlfacts.Text{Limit: len(sql) + 1}
		x.Lex(sql, *s.environment())
		var buf []byte
		for i := range x.Literals {
			buf = x.Decode(i, buf[:0])
			if n := x.Size(i); n < 0 || n > len(sql) {
				t.Fatalf("literal %d of %q: size %d", i, sql, n)
			}
		}
	})
}
