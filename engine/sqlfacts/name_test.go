package sqlfacts

import "testing"

func TestAShapesNameOutlivesTheProcessAndItsLiterals(t *testing.T) {
	pg := Env{Flavour: PostgreSQL, ANSIQuotes: true, NoBackslash: true, PipesConcat: true}
	name := func(s string) string { return lexed(pg, s).Name() }
	if got, want := name("SELECT a FROM t WHERE b = 'x' AND c = 1"), "297fd00b3ee81e65"; got != want {
		t.Errorf("got %s, want %s as in every process", got, want)
	}
	for _, same := range []string{
		"select a from t where b = 'other' and c = 22", "SELECT  a\nFROM t WHERE b='it''s' AND c=3;",
		"SELECT a FROM t /* why */ WHERE b = 'x' AND c = 1 -- end",
	} {
		if name(same) != name("SELECT a FROM t WHERE b = 'x' AND c = 1") {
			t.Errorf("%q has another name", same)
		}
	}
	for _, other := range []string{"select a from u where b = 'x' and c = 1", "select ab from t where b = 'x' and c = 1", "select a from t where b = 'x' and c = d", `select "A" from t where b = 'x' and c = 1`} {
		if name(other) == name("select a from t where b = 'x' and c = 1") {
			t.Errorf("%q has the same name", other)
		}
	}
	if name("select b from t where x in (1, 2)") != name("select b from t where x in (1,2,3,4)") {
		t.Error("lists of literals differ")
	}
}
