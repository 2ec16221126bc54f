package match

import (
	"encoding/hex"
	"testing"

	"honeyrow/event"
	"honeyrow/token"
)

func TestAColumnWithoutNumbersIsKnownByItsNamesOnItsOwnServerOnly(t *testing.T) {
	at := func(server, database, schema, table string) event.Place {
		return event.Place{Server: server, Database: database, Schema: schema, Table: table, Column: "id"}
	}
	x := Compile(&token.Snapshot{Tokens: []token.Token{
		{ID: "1", Value: "42", Key: true, Place: at("main", "shop", "", "customers")},
		{ID: "2", Value: "43", Key: true, Place: at("other", "shop", "", "customers")},
		{ID: "3", Value: "44", Key: true, Place: at("main", "shop", "public", "customers")},
	}})
	c := x.Named(Name{"main", "shop", "customers", "id"})
	if c == nil || !c.Wants() || !c.Holds(x, 0) || c.Holds(x, 1) || c.Holds(x, 2) {
		t.Fatalf("%+v", c)
	}
	for v, want := range map[string]bool{"42": true, "43": false, "44": false} {
		if _, ok := c.Whole(x, []byte(v)); ok != want {
			t.Errorf("%s is found: %t", v, ok)
		}
	}
	for _, n := range []Name{
		{"main", "shop", "v_customers", "id"},
		{"main", "shop", "customers", "ID2"},
		{"main", "crm", "customers", "id"},
		{"third", "shop", "customers", "id"},
		{"main", "", "", ""},
		{"main", "shop", "customers", ""},
	} {
		if x.Named(n) != nil {
			t.Errorf("%+v is watched", n)
		}
	}
	if x.Column(Scope{"main", "shop"}, 0, 0) != nil {
		t.Error("a column without numbers is found by number")
	}
}

func TestBytesOfMySQLCountAsTheyTravelAndInHexadecimalDigits(t *testing.T) {
	raw, _ := hex.DecodeString("b0c1d2e3000040008000" + "1234567890ab")
	const text = "b0c1d2e3-0000-4000-8000-1234567890ab"
	mysql := event.Place{Server: "main", Database: "shop", Table: "users", Column: "uid"}
	for name, c := range map[string]struct {
		place event.Place
		want  bool
	}{"mysql": {mysql, true}, "postgres": {event.Place{Server: "main", Database: "shop", Schema: "public", Table: "users", Column: "uid"}, false}} {
		x := Compile(&token.Snapshot{Tokens: []token.Token{{ID: "1", Value: text, Binary: raw, Strength: token.Strong, Place: c.place}}})
		for _, f := range []string{string(raw), "b0c1d2e30000400080001234567890ab", "B0C1D2E30000400080001234567890AB"} {
			v, ok := x.Whole([]byte(f))
			asText := false
			if ok {
				for _, r := range x.Refs(v) {
					asText = asText || r.Form == Text
				}
			}
			if asText != c.want {
				t.Errorf("%s: %q counts as text: %t, want %t", name, f, asText, c.want)
			}
			if c.want && !x.Suspect([]byte("..."+f+"...")) {
				t.Errorf("%s: %q is not found inside a row", name, f)
			}
		}
		if v, ok := x.Whole([]byte(text)); !ok || len(x.Refs(v)) != 1 {
			t.Errorf("%s: the text is not found once", name)
		}
	}
}
