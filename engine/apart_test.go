package engine

import (
	"testing"

	"honeyrow/event"
	"honeyrow/rules"
	"honeyrow/token"
)

func TestFirmValueInALongerFieldCountsIfItStandsApart(t *testing.T) {
	const phone = "+44 20 7946 0958"
	for field, want := range map[string]bool{
		phone:                          true,
		phone + "          ":           true, // char(n)
		`{"` + phone + `"}`:            true, // array_agg
		`"` + phone + `"`:              true, // csv
		"1#" + phone + "#2":            true, // COPY whose delimiter is not known
		"\x00\x00\x00\x10" + phone:     true, // an array in binary format
		phone + "7":                    false,
		"1" + phone:                    false,
		"x" + phone + "y":              false,
		"+44 20 7946 0957":             false,
		"é" + phone:                    false,
		`{"+44 20 7946 09580"}`:        false,
		"call " + phone + ", " + phone: true,
	} {
		g := newRig(t, DefaultConfig(), rules.Config{})
		g.e.Swap(&token.Snapshot{Version: 2, Tokens: []token.Token{{
			ID: "phone", Row: "row", Kind: "phone", Value: phone, Strength: token.Firm, State: token.Live,
			Place: event.Place{Server: "main", Database: "crm", Table: "customers", Column: "phone"},
		}}})
		g.query("select x from y", cols("=x"), []string{field})
		if !want {
			g.silent()
			continue
		}
		if d := g.one(); d.Hits[0].Token != "phone" {
			t.Errorf("%q: hits %+v", field, d.Hits)
		}
	}
}

func TestFirmValueInAStatementCountsIfItStandsApart(t *testing.T) {
	const card = "4929123456781234"
	for sql, want := range map[string]bool{
		"select 1 where card = '" + card + "'":          true,
		"select 1 where card = " + card:                 true,
		"select 1 where card like '%" + card + "%'":     true,
		`select 1 where x = E'card:\t` + card + `'`:     true,
		"insert into t values (7" + card + ")":          false,
		"insert into t values ('" + card + "0')":        false,
		"insert into t values ('deadbeef" + card + "')": false,
	} {
		g := newRig(t, DefaultConfig(), rules.Config{})
		g.e.Swap(&token.Snapshot{Version: 2, Tokens: []token.Token{{
			ID: "card", Row: "row", Kind: "card_number", Value: card, Strength: token.Firm, State: token.Live,
			Place: event.Place{Server: "main", Database: "crm", Table: "customers", Column: "card"},
		}}})
		g.query(sql, cols("=x"), []string{"1"})
		if !want {
			g.silent()
		} else if d := g.one(); d.Rule != rules.ValuePresented {
			t.Errorf("%s: rule %s", sql, d.Rule)
		}
	}
}
