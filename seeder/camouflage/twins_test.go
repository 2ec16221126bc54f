package camouflage

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// visited is people of whom it is known where they live and when they were there
// last.
func visited(make func(r *rand.Rand, t *Table, row Row) Row) *Table {
	t := filled(person)
	t.Columns = append(t.Columns, Column{Name: "street", Class: generate.Text, Role: Content}, Column{Name: "seen", Class: generate.Timestamp, Role: Content})
	r := rand.New(rand.NewPCG(5, 6))
	for i := range t.Real {
		at, _, _ := generate.ParseTime(*t.Real[i].Values[5])
		lives(r, &t.Real[i], 1+r.IntN(300), at.Add(time.Duration(r.IntN(300*86400))*time.Second))
	}
	for k, run := range t.Runs {
		for i := range run {
			t.Runs[k][i] = make(r, t, run[i])
		}
	}
	return t
}

func lives(r *rand.Rand, row *Row, street int, seen time.Time) {
	where, when := fmt.Sprintf("%d Mill %03d Road", 1+r.IntN(90), street), seen.Format("2006-01-02 15:04:05")
	row.Values = append(row.Values[:6:6], &where, &when)
}

func TestARowIsKnownByTheRowThatItWasMadeOf(t *testing.T) {
	moved := func(r *rand.Rand, tb *Table, out Row) Row {
		was := tb.Real[r.IntN(len(tb.Real))]
		at, _, _ := generate.ParseTime(*was.Values[5])
		seen, _, _ := generate.ParseTime(*was.Values[7])
		by := time.Duration(1+r.IntN(20)) * 24 * time.Hour
		created := at.Add(by).Format("2006-01-02 15:04:05")
		out.Values[3], out.Values[4], out.Values[5] = was.Values[3], was.Values[4], &created
		lives(r, &out, 1+r.IntN(300), seen.Add(by))
		return out
	}
	afresh := func(r *rand.Rand, _ *Table, out Row) Row {
		at, _, _ := generate.ParseTime(*out.Values[5])
		lives(r, &out, 1+r.IntN(300), at.Add(time.Duration(r.IntN(300*86400))*time.Second))
		return out
	}
	if rep := Measure(*visited(moved)); rep.Content.AUC < 0.9 {
		t.Errorf("rows with the intervals of others: AUC %.2f, want them found", rep.Content.AUC)
	}
	if rep := Measure(*visited(afresh)); rep.Content.AUC > 0.65 {
		t.Errorf("rows with intervals of their own: AUC %.2f, want a guess", rep.Content.AUC)
	}
}

func TestAStreetIsWhatIsLeftWithoutTheHousesNumber(t *testing.T) {
	for v, want := range map[string]string{"12 Mill Road": "mill road", "Hauptstr. 7a": "hauptstr.", "Mill Road": "", "0815": "", "": ""} {
		if got := unnumbered(v); got != want {
			t.Errorf("%q: %q, want %q", v, got, want)
		}
	}
}
