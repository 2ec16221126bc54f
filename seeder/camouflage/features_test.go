package camouflage

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// Rows that were loaded at once share their dates, and customers are counted by the day:
// what is measured of a row may not depend on whether it stands among the real ones or,
// behind them, among honey rows, or real ones could be told from real ones.
func TestWhatIsMeasuredOfARowDoesNotDependOnWhereItIsGiven(t *testing.T) {
	tb := visited(func(r *rand.Rand, _ *Table, row Row) Row {
		lives(r, &row, 1+r.IntN(300), opened.Add(time.Duration(r.IntN(300*86400))*time.Second))
		return row
	})
	day := func(row *Row) { // a few hundred days, and a hundred of which is known only the year
		v := (*row.Values[5])[:10]
		if len(*row.Values[1])%2 == 0 {
			v = v[:4] + "-01-01"
		}
		row.Values[5] = &v
	}
	for i := range tb.Real {
		day(&tb.Real[i])
	}
	for i := range tb.Runs[0] {
		day(&tb.Runs[0][i])
	}
	run := tb.Runs[0]
	other := *tb
	other.Real = append(append([]Row{}, tb.Real[:400]...), tb.Real[420:]...)
	other.Real = append(append([]Row{}, run...), other.Real...)
	measured := func(d *deck) map[string]map[string]float64 {
		out := map[string]map[string]float64{}
		for _, f := range []*features{d.content(), d.order()} {
			for k, name := range f.names {
				out[name] = map[string]float64{}
				for i := range d.rows {
					out[name][*d.rows[i].Values[0]] = f.cols[k][i]
				}
			}
		}
		return out
	}
	was, is := measured(newDeck(tb, run)), measured(newDeck(&other, tb.Real[400:420]))
	if len(was) != len(is) {
		t.Fatalf("%d features, and %d of the same rows in another order", len(was), len(is))
	}
	for name, of := range was {
		off, which := 0, ""
		for key, v := range of {
			if math.Abs(v-is[name][key]) > 1e-9 {
				off++
				which = fmt.Sprintf("row %s: %v, then %v", key, v, is[name][key])
			}
		}
		if off > 0 {
			t.Errorf("%s: another one of %d rows (%s)", name, off, which)
		}
	}
}
