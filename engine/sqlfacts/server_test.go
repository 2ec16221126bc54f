package sqlfacts

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/internal/myserver"
	"honeyrow/internal/pgserver"
)

func TestMain(m *testing.M) {
	code := m.Run()
	myserver.Cleanup()
	os.Exit(code)
}

// canonical writes a text anew from what the lexer found: comments as spaces
// and each string in a spelling that leaves no doubt. If the lexer reads a text
// as the server does, the server answers both alike.
func canonical(t *Text) []byte {
	return t.rewrite(nil, t.plain, func(dst []byte, l *Literal) []byte {
		if l.Kind != StringLiteral {
			return append(dst, t.Raw[l.From:l.To]...)
		}
		n := 0
		for n = range t.Literals {
			if &t.Literals[n] == l {
				break
			}
		}
		v := t.Decode(n, nil)
		if t.rules.my {
			if simple(v) {
				return append(append(append(dst, '\''), v...), '\'')
			}
			if t.Env.Charset == "utf8mb4" {
				dst = append(dst, "_utf8mb4 "...)
			}
			return fmt.Appendf(dst, "x'%s'", hex.EncodeToString(v))
		}
		if simple(v) {
			return append(append(append(dst, '\''), v...), '\'')
		}
		if t.Env.Charset != "utf8" {
			return fmt.Appendf(dst, `convert_from(decode('%x', 'hex'), '%s')`, v, t.Env.Charset)
		}
		dst = append(dst, 'E', '\'')
		for _, c := range v {
			dst = fmt.Appendf(dst, "\\x%02x", c)
		}
		return append(dst, '\'')
	})
}

// refused are texts that servers, or some versions of them, refuse for what
// they make of them later, where the lexer need not.
var refused = map[string]bool{
	"SELECT 1\u00a0": true, `SELECT E'\ud83d\ude00'`: true, "SELECT 'a'\n E'b'": true, `SELECT U&'\006'`: true, "SELECT 0x1F": true, "SELECT 0b11": true, "SELECT 1_000": true,
	"SELECT 1e0union SELECT 2": true, "SELECT 1.union SELECT 2": true, "SELECT 1e": true, `SELECT U&'\0061\+000062'`: true,
	`SELECT U&'!0061' UESCAPE '!'`: true, `SELECT U&'\\'`: true, `SELECT u&'a' uescape '!'`: true, `SELECT E'a\'b'`: true,
	`SELECT 'a\'b'`: true, "SELECT 'it''s'||E'\\''": true,
}

func simple(v []byte) bool {
	for _, c := range v {
		if c < ' ' || c > '~' || c == '\\' || c == '\'' {
			return false
		}
	}
	return true
}

// answers compares what a server says to a text and to its canonical form.
func answers(t *testing.T, env Env, text string, ask func(string) string) {
	t.Helper()
	var x Text
	x.Lex([]byte(text), env)
	bad := x.Marks&BadEncoding != 0
	x.wide = false // names stay in the session's character set
	form := string(canonical(&x))
	got, want := ask(form), ask(text)
	if x.Marks&Unclosed != 0 {
		if !strings.Contains(want, "error") {
			t.Errorf("%q: the lexer finds something unclosed, the server says\n  %s", text, want)
		}
		return
	}
	if strings.Contains(want, "error") && (bad || refused[text]) {
		return
	}
	if got != want {
		t.Errorf("%q: the server says\n  %s\nand to the lexer's reading %q\n  %s", text, want, form, got)
	}
}

var mySamples = []string{
	"SELECT 1 /*! +1 */", "SELECT 1 /*!50000 +1 */", "SELECT 1 /*!50699 +1 */", "SELECT 1 /*!50700 +1 */",
	"SELECT 1 /*!80400 +1 */", "SELECT 1 /*!99999 +1 */", "SELECT 1 /*!100100 +1 */", "SELECT 1 /*!101199 +1 */",
	"SELECT 1 /*!100000 +1 */", "SELECT 1 /*!1001001 +1 */", "SELECT 1 /*!32302 +1 */", "SELECT 1 /*!5000 +1 */", "SELECT 1 /*!0 +1 */",
	"SELECT 1 /*M! +1 */", "SELECT 1 /*M!100100 +1 */", "SELECT 1 /*M!999999 +1 */", "SELECT 1 /*M!50701 +1 */", "SELECT 1 /*m!100100 +1 */", "SELECT 1 /*M!80400 +1*/",
	"SELECT 1 /* M! +1 */", "SELECT 1 /*M +1 */", "SELECT 1 /*+1*/", "SELECT 1 /*!+1*/", "SELECT 1 /*!50000+1*/", "SELECT 1 /*!50000 1*/",
	"SELECT 1 /*!99999 /* x */ +1 */ +2", "SELECT 1 /*!99999 /* x /* y */ +1 */ +2", "SELECT 1 /* /* x */ +1", "SELECT 1 /* /* x */ +1 */",
	"SELECT 1 /*! /* x */ +1 */ +2", "SELECT 1 /*! +1 /*! +2 */ +4 */ +8", "SELECT 1 /*! +1 /*!99999 +2 */ +4 */ +8", "SELECT 1 /*! +1 /* */ +2", "SELECT 1 /*!99999 '*/' */",
	"SELECT 1 /*! + '*/' */", "SELECT 1 /*!99999/*/ +1*/", "SELECT 1 /*/ +1*/", "SELECT 1 /**/ +1", "SELECT 1 /***/ +1", "SELECT 1 /****/+1 */",
	"SELECT 1 /*! -- x */ +1\n +2 */ +4", "SELECT 1 /*! # x */ +1\n +2 */ +4", "SEL/**/ECT 1", "SEL/*!*/ECT 1", "SELECT/**/1", "SELECT/*!1*/", "SELECT 1/*!+1",
	"SELECT 1--1", "SELECT 1-- 1", "SELECT 1--\t1", "SELECT 1--", "SELECT 1--\x011", "SELECT 1--\x7f1", "SELECT 1--\n-1", "SELECT 1#-1", "SELECT 1#\n+1", "SELECT 1#\r+1", "SELECT 1-- x\r+1", "SELECT 5---2", "SELECT 5--(2)",
	"SELECT 'a' 'b'", "SELECT 'a''b'", `SELECT 'a\'b'`, `SELECT "a\"b"`, `SELECT 'a"b'`, `SELECT 'a\\'`, `SELECT 'a\nb\0c\Z\%\_\x'`, `SELECT "a""b"`, `SELECT 'a'"b"`, "SELECT 'a' \n 'b' 'c'", "SELECT 'a' /**/ 'b'", "SELECT 'a' x",
	`SELECT 'a\'`, "SELECT 'a", "SELECT '\\", "SELECT N'a'", "SELECT n'a\\'b'", "SELECT _latin1'a'", "SELECT _utf8mb4 'a' 'b'", "SELECT x'41'", "SELECT X'4142'", "SELECT x'414'", "SELECT x'4g'", "SELECT 0x41", "SELECT 0X41", "SELECT 0x4g", "SELECT 0x414", "SELECT 0b01000001", "SELECT 0B01", "SELECT b'01000001'", "SELECT b'012'", "SELECT _latin1 x'41'",
	"SELECT 1e0union SELECT 2", "SELECT 1.union SELECT 2", "SELECT 1.e1", "SELECT 1e", "SELECT 1e1", "SELECT .5", "SELECT 1 AS 1a", "SELECT 1e+1", "SELECT 1e+", "SELECT 1union SELECT 2", "SELECT 0xunion", "SELECT -1", "SELECT - 1", "SELECT 3 -1", "SELECT 3-1", "SELECT 1=-1", "SELECT 1 IN (-1)", "SELECT 1..2", "SELECT 1.5.2", "SELECT @a:=-1",
	"SELECT 1 `a``b`", "SELECT 1 AS `x", "SELECT @'a'", "SELECT @`a`", "SELECT @@version_comment", "SELECT @@global.port > 0", "SELECT @a.b", "SELECT @", "SELECT \\N", "SELECT {d '2020-01-01'}", "SELECT DATE'2020-01-01'", "SELECT 1 a, 2 $b", "SELECT 1;", "SELECT 1; ", "SELECT 1;-- x", ";SELECT 1",
	"SELECT\v1", "SELECT\f1", "SELECT\xa01", "SELECT\x001", "SELECT 1\x00", "SELECT 1\x00\x00", "SELECT 1\x00 ", "SELECT 1 \x00", "SELECT 1;\x00", "SELECT 1\x00+1", "SELECT 1--/**/1", "SELECT 1-/**/-1", "SELECT 1--1", "SELECT 5----2", "SELECT 'a' /*!'b'*/", "SELECT 'a' /*x*/ /*y*/ 'b'", "SELECT 'a' -- x\n 'b'", "SELECT 1 -- x\x00 +1\n+1", "SELECT 'a\x00b'", "SELECT\x1f1", "SELECT 1\u00a0",
	"SELECT 'a' '' 'b'", "SELECT ''''", "SELECT ''", "SELECT '' ''", "SELECT 'a'b", "SELECT 'a'1", "SELECT 1'a'", "SELECT concat('a','b')", "SELECT 1 /*!50000*/ + /*!*/ 1", "SELECT $$a$$", "SELECT 'a' LIKE 'a' ESCAPE '!'", "SELECT 'a' COLLATE utf8mb4_bin", "SELECT 1 div 1", "SELECT 1||0", "SELECT 'a'||'b'", "SELECT 1<=>1", "SELECT 1<=-1", "SELECT 1!=-1", "SELECT 2*-1", "SELECT !-1", "SELECT ~-1", "SELECT CAST(1 AS DECIMAL(10,2))",
}

func TestMariaDBReadsTextsAsTheLexerDoes(t *testing.T) {
	s, err := myserver.Start(t.Context(), myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	db, err := sql.Open("mysql", s.DSN("root", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, m := range []struct{ mode, charset string }{
		{"", ""},
		{"ANSI_QUOTES", ""},
		{"NO_BACKSLASH_ESCAPES", ""},
		{"PIPES_AS_CONCAT,ANSI_QUOTES,NO_BACKSLASH_ESCAPES", ""},
		{"", "latin1"},
		{"", "gbk"},
		{"", "sjis"},
		{"", "big5"},
		{"", "cp932"},
		{"", "utf8mb3"},
		{"", "euckr"},
		{"", "gb2312"},
		{"", "binary"},
		{"", "ascii"},
	} {
		t.Run(m.mode+m.charset, func(t *testing.T) {
			ask, env := askMaria(t, db, m.mode, m.charset)
			samples := mySamples
			if m.charset != "" {
				samples = append(wideSamples, samples...)
			}
			for _, text := range samples {
				answers(t, env, text, ask)
			}
		})
	}
}

// wideSamples hold characters whose second byte looks like a backslash, a quote
// or a letter, and halves of such.
var wideSamples = []string{
	"SELECT HEX('\xbf\x5c')", "SELECT HEX('\xbf\x5c' OR 1=1 -- ')", "SELECT HEX('\xbf\\' OR 1=1 -- ')", "SELECT HEX('\x81\x5c'),1 -- ')", "SELECT HEX('\x83\x5c'),1 -- ')", "SELECT HEX('\xa5\x5c'),1 -- ')", "SELECT HEX('\xfc\x5c'),1 -- ')",
	"SELECT HEX('\xbf')", "SELECT HEX('\xbf'),1 -- ')", "SELECT HEX('\xbf''\xbf\x5c''')", "SELECT HEX(\"\x83\x22\")", "SELECT 1 AS `\x83\x60`", "SELECT 1 AS `\x83\x60``", "SELECT 1 AS \x83\x5c", "SELECT 1 AS \x83\x60", "SELECT 1 AS a\xbf\x5c,2", "SELECT HEX('\x81\x30\x81\x30')", "SELECT HEX('\x81\x30\x5c')", "SELECT HEX('\xa1\xa1')", "SELECT HEX('\xa1\x5c\x5c')", "SELECT HEX('\xe0\x5c\x5c\xe0')", "SELECT 1 AS \xbf-- x", "SELECT 1 AS \xbf /*!+1*/", "SELECT HEX('a\xff\x5c'),1 -- ')", "SELECT HEX('\xb1\x5c'),1 -- ')",
}

// askMaria gives a function that sends a text on a session of its own and
// gives the answer as text.
func askMaria(t *testing.T, db *sql.DB, mode, charset string) (func(string) string, Env) {
	t.Helper()
	ctx := t.Context()
	c, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if charset == "" {
		charset = "utf8mb4"
	}
	for _, q := range []string{"SET SESSION sql_mode = '" + mode + "'", "SET NAMES " + charset} {
		if _, err := c.ExecContext(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	var version string
	if err := c.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		t.Fatal(err)
	}
	var a, b, p int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &a, &b, &p); err != nil {
		t.Fatal(err)
	}
	env := Env{
		Flavour: MariaDB, Version: a*10000 + b*100 + p, Charset: charset,
		ANSIQuotes: strings.Contains(mode, "ANSI"), NoBackslash: strings.Contains(mode, "NO_BACK"), PipesConcat: strings.Contains(mode, "PIPES"),
	}
	return func(q string) string { return rowsOf(ctx, c, q) }, env
}

func rowsOf(ctx context.Context, c *sql.Conn, q string) string {
	rows, err := c.QueryContext(ctx, q)
	if err != nil {
		var e *mysql.MySQLError
		if errors.As(err, &e) {
			return fmt.Sprint("error ", e.Number)
		}
		return err.Error()
	}
	defer rows.Close()
	cols, _ := rows.Columns()
	var out bytes.Buffer
	vals := make([]sql.RawBytes, len(cols))
	ptrs := make([]any, len(cols))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return err.Error()
		}
		for _, v := range vals {
			fmt.Fprintf(&out, "%q ", v)
		}
		out.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		var e *mysql.MySQLError
		if errors.As(err, &e) {
			return fmt.Sprint("error ", e.Number)
		}
		return err.Error()
	}
	return out.String()
}

var pgSamples = []string{
	"SELECT 1 /* +1 */", "SELECT 1 /* /* x */ +1 */ +2", "SELECT 1 /*! +1 */", "SELECT 1 -- +1", "SELECT 1--1", "SELECT 1--\n+1", "SELECT 1--\r+1", "SELECT 1 /*/ +1 */", "SELECT 1/**/+1", "SELECT 1 /* x", "SELECT 1 + /* x */ + 1", "SELECT 3 +-1", "SELECT 3 +--1\n1", "SELECT 3 - -1",
	"SELECT 'a''b'", `SELECT 'a\'`, `SELECT 'a\'b'`, `SELECT E'a\'b'`, `SELECT e'a\\'`, `SELECT E'\x41\101\u0041\U00000041\n\b\q'`, `SELECT E'\ud83d\ude00'`, `SELECT E'a''b'`, "SELECT 'a' 'b'", "SELECT 'a'\n'b'", "SELECT 'a'\n  'b'\n 'c'", "SELECT 'a' -- x\n 'b'", "SELECT 'a' /* x\n */ 'b'", "SELECT E'a'\n'\\n'", "SELECT 'a'\n E'b'", "SELECT 'a",
	`SELECT U&'\0061\+000062'`, `SELECT U&'!0061' UESCAPE '!'`, `SELECT U&'\\'`, `SELECT u&'a' uescape '!'`, `SELECT U&"\0061" FROM (SELECT 1 AS a) x`, `SELECT U&'\006'`, `SELECT U & 'a'`, "SELECT N'a'", "SELECT n'a''b'",
	"SELECT $$a'b$$", "SELECT $x$a$$b$x$", "SELECT $x$a$X$b$x$", "SELECT $1a$ x $1a$", "SELECT $é$a$é$", "SELECT a$b FROM (SELECT 1 AS a$b) x", "SELECT 1$$a$$", "SELECT $$a", "SELECT $$$$", "SELECT $a$ $b$ $a$", "SELECT 'x'$$a$$", "SELECT a$$b$$ FROM (SELECT 1 AS a) x",
	"SELECT B'01'", "SELECT X'1f'", "SELECT x'1g'", "SELECT length(b'01'\n'01') > 0", "SELECT 0x1F", "SELECT 0b11", "SELECT 1_000", "SELECT 1e0", "SELECT 1e0union SELECT 2", "SELECT 1.union SELECT 2", "SELECT 1.e1", "SELECT .5", "SELECT 1e", "SELECT 1e+", "SELECT 1..2", "SELECT -1", "SELECT 1=-1", "SELECT 1 =- 1", "SELECT 1<>-1", "SELECT @-1", "SELECT 1 IN (-1)", "SELECT 2*-1", "SELECT 2^-1", "SELECT 1 a1",
	"SELECT 5 # 3", "SELECT 5 #3", "SELECT 1 # x\n+1", "SELECT '{}'::json #> '{a}'", "SELECT '{\"a\":1}'::json->>'a'", "SELECT 1 ? 2", "SELECT '{\"a\":1}'::jsonb ? 'a'", "SELECT 1 `a`", "SELECT @ -5", "SELECT |/ 4",
	"SELECT 1 AS \"a\"\"b\"", "SELECT 1 AS \"x", "SELECT ARRAY[1]", "SELECT (ARRAY[1,2])[1]", "SELECT '1'::int", "SELECT CAST('1' AS numeric(10,2))", "SELECT date'2020-01-01'", "SELECT interval '1' day", "SELECT 'a' LIKE 'a' ESCAPE '!'", "SELECT 'a' COLLATE \"C\"",
	"SELECT\v1", "SELECT\f1", "SELECT\u00a01", "SELECT 1\x01", "SELECT 1; ", ";SELECT 1", "SELECT 1;;", "SELECT 'a'b", "SELECT 'é'", "SELECT 1 AS é", "SELECT 1 é/**/", "SELECT 'a'||'b'", "SELECT 'it''s'||E'\\''", "SELECT ''", "SELECT ''''",
}

func TestPostgreSQLReadsTextsAsTheLexerDoes(t *testing.T) {
	s, err := pgserver.Start(t.Context(), pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for _, m := range []struct{ conforming, charset string }{{"on", "utf8"}, {"off", "utf8"}, {"on", "sjis"}, {"on", "latin1"}, {"off", "gbk"}, {"off", "big5"}} {
		t.Run(m.conforming+m.charset, func(t *testing.T) {
			c, err := pgconn.Connect(t.Context(), s.DSN("postgres", "postgres"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(context.WithoutCancel(t.Context()))
			ask := func(q string) string {
				var out strings.Builder
				rs, err := c.Exec(t.Context(), q).ReadAll()
				for _, r := range rs {
					for _, row := range r.Rows {
						fmt.Fprintf(&out, "%q\n", row)
					}
				}
				var e *pgconn.PgError
				if errors.As(err, &e) {
					return out.String() + "error " + e.Code
				}
				return out.String()
			}
			if got := ask("SET escape_string_warning = off; SET standard_conforming_strings = " + m.conforming + "; SET client_encoding = " + m.charset); got != "" {
				t.Fatal(got)
			}
			env := Env{Flavour: PostgreSQL, ANSIQuotes: true, PipesConcat: true, NoBackslash: m.conforming == "on", Charset: m.charset}
			fmt.Sscan(ask("SHOW server_version_num")[2:8], &env.Version)
			samples := pgSamples
			if m.charset != "utf8" {
				samples = append(wideSamplesPG, samples...)
			}
			for _, text := range samples {
				answers(t, env, text, ask)
			}
		})
	}
}

var wideSamplesPG = []string{
	"SELECT length('\x83\x5c')", "SELECT length(E'\x83\x5c')", "SELECT length('\xb1\x5c')", "SELECT length('\xa5\x5c'), 1 -- ')", "SELECT 1 AS \"\x83\x5c\"",
}
