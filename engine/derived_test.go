package engine

import (
	"fmt"
	"testing"
	"time"

	"honeyrow/engine/formula"
	"honeyrow/engine/sqlfacts"
)

// A client that asks for ever other salts must not take the machine from the others.
func TestDigestsOfEverOtherConstantsAreBounded(t *testing.T) {
	e, _ := openMany(t, 600)
	x := e.index.Load()
	bind := func(i int) *formula.Bound {
		sql := fmt.Appendf(nil, "select md5(concat('salt %d', email)) from customers", i)
		var text sqlfacts.Text
		text.Lex(sql, sqlfacts.Env{Flavour: sqlfacts.MariaDB})
		fs := formula.Find(sqlfacts.Scan(&text), true)
		if len(fs) != 1 || len(fs[0].Bind(&text)) != 1 {
			t.Fatalf("%s has %d formulas", sql, len(fs))
		}
		return fs[0].Bind(&text)[0]
	}
	m := &e.derivations
	if m.of(x, bind(0), 0) == nil {
		t.Fatal("the first formula is not looked for")
	}
	charge(&m.owed, 0, 2*derivedBurst, derivedShare)
	if m.of(x, bind(0), 0) == nil {
		t.Error("what was derived before is not looked for any more")
	}
	if m.of(x, bind(1), 0) != nil || e.Stats().Underived != 1 {
		t.Errorf("another formula is derived though too much was; %d counted", e.Stats().Underived)
	}
	if m.of(x, formula.SHA2[0], 0) == nil {
		t.Error("a digest without constants is not looked for")
	}
	if m.of(x, bind(1), 20*derivedBurst+time.Second) == nil {
		t.Error("time does not pay off")
	}
}
