package sqlfacts

import (
	"fmt"
	"strings"
	"testing"
)

func TestPlacesForBoundValuesAreTheShapesOwn(t *testing.T) {
	pg := Env{Flavour: PostgreSQL, ANSIQuotes: true, NoBackslash: true}
	my := Env{Flavour: MySQL}
	for _, c := range []struct {
		env       Env
		sql, want string // bound value -> place, each
		surrogate string
	}{
		{pg, "select * from t where a = $2 and b = $1", "1>0 0>1", "select * from t where a = $1 and b = $2"},
		{pg, "select * from t where a in ($1, $2, $3) and b = $4", "0>0 1>0 2>0 3>1", "select * from t where a in ($1 ) and b = $2"},
		{pg, "select * from t where (a, b) in (($1, $2), ($3, $4)) and c = $5", "0>0 1>1 2>0 3>1 4>2", "select * from t where (a, b) in (($1, $2) ) and c = $3"},
		{pg, "select $12::int, '$3'", "11>0", "select $1::int, '?2000000000'"},
		{my, "select * from t where a = ? and b in (?, ?) and c = ?", "0>0 1>1 2>1 3>2", "select * from t where a = ? and b in (? ) and c = ?"},
		{my, "insert into t values (?, ?), (?, ?) on duplicate key update a = ?", "0>0 1>1 2>0 3>1 4>2", "insert into t values (?, ?)  on duplicate key update a = ?"},
		{my, "insert into t values (?, 'a'), ('b', ?), (?, ?)", "0>0 1>1 2>2 3>3", ""},
	} {
		var x Text
		x.Lex([]byte(c.sql), c.env)
		var got []string
		for _, m := range x.Params {
			got = append(got, fmt.Sprintf("%d>%d", m.Bound, m.Place))
		}
		if c.surrogate == "" {
			for _, m := range x.Params { // rows of which each has other constants
				if m.Place >= x.places {
					t.Errorf("%s: place %d of %d", c.sql, m.Place, x.places)
				}
			}
			continue
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.sql, s, c.want)
		}
		if s := string(x.Surrogate(nil)); s != c.surrogate {
			t.Errorf("%s: surrogate %q, want %q", c.sql, s, c.surrogate)
		}
	}
}

func TestParamsInTreesSayTheirPlaces(t *testing.T) {
	for sql, env := range map[string]Env{
		"select * from t where a = ? and b in (?, ?) and c = ?":     {Flavour: MySQL},
		"select * from t where a = $4 and b in ($3, $1) and c = $2": {Flavour: PostgreSQL, NoBackslash: true},
	} {
		var x Text
		x.Lex([]byte(sql), env)
		f := NewFacts(&x, Scan(&x), Scanned, "")
		var got []int
		for _, s := range f.Statements {
			Walk(s, func(n *Node, _ []*Node) bool {
				if n.Kind == Param {
					got = append(got, n.Slot)
				}
				return true
			})
		}
		if fmt.Sprint(got) != "[0 1 2]" {
			t.Errorf("%s: places %v", sql, got)
		}
	}
}
