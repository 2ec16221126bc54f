package camouflage

import (
	"math/rand/v2"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

func TestARowIsKnownByStandingNearOneOfItsRareKind(t *testing.T) {
	near := func(days int) float64 {
		r := rand.New(rand.NewPCG(8, 9))
		tb := filled(person)
		tb.Columns = append(tb.Columns, Column{Name: "hand", Class: generate.Text, Role: Content}, Column{Name: "came", Class: generate.Date, Role: Content})
		rare := func() string {
			if n := r.IntN(40); n < 20 {
				return string(rune('a' + n))
			}
			return "usual"
		}
		add := func(row *Row, hand string, came time.Time) {
			on := came.Format(time.DateOnly)
			row.Values = append(row.Values[:6:6], &hand, &on)
		}
		from := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range tb.Real {
			add(&tb.Real[i], rare(), from.AddDate(0, 0, r.IntN(12000)))
		}
		for _, run := range tb.Runs {
			for i := range run {
				was := tb.Real[r.IntN(len(tb.Real))]
				came, _, _ := generate.ParseTime(*was.Values[7])
				add(&run[i], *was.Values[6], came.AddDate(0, 0, 1+r.IntN(days)))
			}
		}
		d := newDeck(tb, tb.Runs[0])
		for i, name := range d.content().names {
			if name == "how near in came another row with the same hand is" {
				col := d.content().cols[i]
				honey := make([]bool, len(col))
				for k := len(tb.Real); k < len(col); k++ {
					honey[k] = true
				}
				return auc(col, honey)
			}
		}
		t.Fatal("no such feature")
		return 0
	}
	if v := near(20); v > 0.35 {
		t.Errorf("rows within 20 days of one of their kind: AUC %.2f, want them found", 1-v)
	}
	if v := near(12000); v < 0.4 {
		t.Errorf("rows at any time: AUC %.2f, want a guess", 1-v)
	}
}
