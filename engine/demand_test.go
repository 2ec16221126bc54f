package engine

import (
	"strconv"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
	"honeyrow/token"
)

func TestStatementsAreAskedForTheFunctionsThatTheyName(t *testing.T) {
	for sql, want := range map[string]needs{
		"select * from t where id = 1":                     0,
		"select count(*), max(email), upper(name) from t":  0,
		"select sha512(v) from t":                          needsSHA2,
		`select "sha512" (v) from t`:                       needsSHA2,
		"SELECT SHA2(v, 512), CRC32(v)":                    needsSHA2 | needsFormulas | needsCRC,
		"prepare p from 'select crc32(v) from t'":          needsCRC,
		"select ascii(v)":                                  needsNumbers,
		"select v::bit(8)":                                 needsNumbers,
		"select hex(substr(v, 1, 1))":                      needsNumbers | needsFormulas | needsBeside,
		"select hex(id)":                                   needsFormulas,
		"select substr(v, 1, 3), encode(w, 'x')":           needsNumbers | needsFormulas | needsBeside,
		"select substr(v, 1, 3), left(w, 2)":               needsBeside,
		"select sha512, crc32 from t where f(a) in (1, 2)": 0,
		"select compress (v)":                              needsUnpack,
		"(((":                                              0, "": 0, "sha512": 0, "(sha512(": needsSHA2, "select my_sha512(v), sha512_of(v)": 0,
	} {
		if got := needsIn([]byte(sql)); got != want {
			t.Errorf("%q: %b, want %b", sql, got, want)
		}
	}
	text := []byte("insert into t (a, b, c) values (1, 2, 3), (lower('x'), now(), 4)")
	if n := testing.AllocsPerRun(100, func() { needsIn(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// cutting is a statement that names a function which cuts.
const cutting = "select substr(v, 1, 5) from t"

func TestPiecesAreLookedForWhereAFunctionIsNamedThatCuts(t *testing.T) {
	halves := []string{piecedMail[:20], piecedMail[20:]}
	chars := strings.Split(piecedMail, "")
	over := func(n int, at int) (rows [][]string) {
		for _, c := range chars {
			r := make([]string, n)
			r[at] = c
			rows = append(rows, r)
		}
		return rows
	}
	one := func(field string) [][]string { return [][]string{{field}} }
	const card = "4929123456781234"
	for name, c := range map[string]struct {
		sql   string
		table string // of which the columns are; empty: expressions
		rows  [][]string
		want  string // disguise
	}{
		"an array of pieces":                    {cutting, "", one("{Agath,a.Fal,kenst,ein@l,edger,.deco,y.exa,mple}"), "spaced"},
		"a JSON array":                          {cutting, "", one(`["` + strings.Join(halves, `", "`) + `"]`), "spaced"},
		"an array in binary format":             {cutting, "", one("\x00\x00\x00\x14" + halves[0] + "\x00\x00\x00\x13" + halves[1]), "spaced"},
		"a line break":                          {cutting, "", one(halves[0] + "\n" + halves[1]), "spaced"},
		"the same without the function":         {"select v from t", "", one(halves[0] + "\n" + halves[1]), ""},
		"letters between them":                  {cutting, "", one(halves[0] + "xy" + halves[1]), ""},
		"over rows of another table":            {cutting, "cut", over(1, 0), "pieces"},
		"over rows of it, without the function": {"select v from t", "cut", over(1, 0), ""},
		"over rows, in the fifth column":        {cutting, "", over(6, 4), "pieces"},
		"digits in groups":                      {cutting, "", one("4929 1234 5678 1234"), "spaced"},
		"digits in groups, to_char()":           {"select to_char(card, '9999 9999') from t", "", one(" 4929-1234-5678-1234 "), "spaced"},
		"digits in groups, not asked for":       {"select v from t", "", one("4929 1234 5678 1234"), ""},
		"digits in groups of a longer number":   {cutting, "", one("4929 1234 5678 12340"), ""},
		"digits in groups among letters":        {cutting, "", one("no 4929 1234 5678 1234"), ""},
		"numbers of characters beside each other": {"select ascii(v), ascii(v) from t", "", [][]string{func() (out []string) {
			for _, c := range chars {
				out = append(out, strconv.Itoa(int(c[0])))
			}
			return out
		}()}, "numbers"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, DefaultConfig(), rules.Config{})
			place := event.Place{Server: "main", Database: "crm", Table: "customers", Column: "email"}
			other := place
			other.Column = "card"
			g.e.Swap(&token.Snapshot{Version: 2, Tokens: []token.Token{
				{ID: "mail", Row: "row", Kind: "email", Value: piecedMail, Strength: token.Strong, State: token.Live, Place: place},
				{ID: "card", Row: "row", Kind: "card_number", Value: card, Strength: token.Firm, State: token.Live, Place: other},
			}})
			def := make([]inspect.Column, len(c.rows[0]))
			for i := range def {
				def[i] = inspect.Column{Name: "c", Type: 25}
				if c.table != "" {
					def[i].TableOID, def[i].Attr = 99, uint16(i+1)
				}
			}
			g.query(c.sql, def, c.rows...)
			if c.want == "" {
				g.silent()
				return
			}
			if d := g.one(); d.Hits[0].Disguise != c.want || d.Chance > 0.05 {
				t.Errorf("chance %g, hits %+v, want %s", d.Chance, d.Hits, c.want)
			}
		})
	}
}
