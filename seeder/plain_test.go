package seeder

import (
	"strings"
	"testing"
)

func TestCommentsAndTextsHideNoStatementAndMakeNone(t *testing.T) {
	my := Dialect{MySQL: true}
	ansi := Dialect{MySQL: true, AnsiQuotes: true}
	for _, c := range []struct {
		d          Dialect
		sql, plain string // blanks count once
	}{
		{my, "UPDATE # it's a trap\n stock SET n = 1", "UPDATE stock SET n = 1"},
		{my, "SET @a = '#'; DELETE FROM stock # '", "SET @a = ''; DELETE FROM stock"},
		{my, `SET @a = 'it\'s'; DELETE FROM stock; SET @b = 'x'`, "SET @a = ''; DELETE FROM stock; SET @b = ''"},
		{Dialect{MySQL: true, NoEscapes: true}, `SET @a = 'it\'; DELETE FROM stock; SET @b = 'x'`, "SET @a = ''; DELETE FROM stock; SET @b = ''"},
		{my, `SET @a = "/*"; DELETE FROM stock; SET @b = "*/"`, "SET @a = ''; DELETE FROM stock; SET @b = ''"},
		{my, "SET n = 5--1; UPDATE stock SET n = 0", "SET n = 5--1; UPDATE stock SET n = 0"},
		{my, "SET n = 5 -- UPDATE stock SET n = 0\n;", "SET n = 5 ;"},
		{my, "/*!50003 UPDATE stock */ /*M! SET n = 0 */", "UPDATE stock SET n = 0"},
		{my, "/* UPDATE stock SET n = 0 */ SET @a = 1", "SET @a = 1"},
		{my, "INSERT INTO`the stock`VALUES (1)", "INSERT INTO `the stock` VALUES (1)"},
		{my, "UPDATE/**/stock/* */SET n = 0", "UPDATE stock SET n = 0"},
		{ansi, "INSERT INTO\"a `stock` \"\"b\"\"\" VALUES (1)", "INSERT INTO `a ``stock`` \"b\"` VALUES (1)"},
		{Dialect{}, `x := E'it\'s'; UPDATE stock SET n = 0; y := 'z'`, "x := E''; UPDATE stock SET n = 0; y := ''"},
		{Dialect{}, `x := 'it\'; UPDATE stock SET n = 0; y := 'z'`, "x := ''; UPDATE stock SET n = 0; y := ''"},
		{Dialect{}, "/* a /* b */ ' */ UPDATE stock SET n = 0; x := 'y'", "UPDATE stock SET n = 0; x := ''"},
		{Dialect{}, "n := 5 # 3; UPDATE stock SET n = 0", "n := 5 # 3; UPDATE stock SET n = 0"},
		{Dialect{}, "n := 5 --1; UPDATE stock SET n = 0\n;", "n := 5 ;"},
		{Dialect{}, `UPDATE "the ""stock" SET n = 0`, `UPDATE "the ""stock" SET n = 0`},
		{my, "SET @a = 'never ended", "SET @a = ''"},
		{my, "SET @a = 1 /* never ended", "SET @a = 1"},
	} {
		if got := strings.Join(strings.Fields(c.d.Plain(c.sql, false)), " "); got != c.plain {
			t.Errorf("%+v: %s\nbecomes %s\nwant    %s", c.d, c.sql, got, c.plain)
		}
	}
	if got := (Dialect{}).Plain("PERFORM pg_notify('a--b' /* c */, 'd')", true); got != "PERFORM pg_notify('a--b'  , 'd')" {
		t.Errorf("with its texts it becomes %s", got)
	}
}
