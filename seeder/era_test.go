package seeder

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// guests are people whose key says nothing of when they came, some of countries that
// hardly anybody is from. Those of one country came in one half of the time.
func guests(t *testing.T, n int) *study {
	t.Helper()
	names := []string{"country", "side", "came_on", "left_on"}
	table := &Table{Name: "guests"}
	for _, name := range names {
		class := generate.Text
		if strings.HasSuffix(name, "_on") {
			class = generate.Date
		}
		table.Columns = append(table.Columns, &Column{Name: name, Type: string(class), Class: class, CanSelect: true, CanInsert: true})
	}
	s, r := &Sample{Columns: names}, rand.New(rand.NewPCG(3, 4))
	for i := range n {
		country := fmt.Sprintf("Rare%c", 'a'+i%12)
		if i%4 > 0 {
			country = []string{"Large", "Late"}[i%2]
		}
		came := testNow.AddDate(0, 0, -60-r.IntN(9000))
		if country == "Late" {
			came = testNow.AddDate(0, 0, -60-r.IntN(4000))
		}
		row := []string{country, []string{"left", "right"}[r.IntN(2)], came.Format(time.DateOnly), came.AddDate(0, 0, 1+r.IntN(50)).Format(time.DateOnly)}
		cells := make([]*string, len(row))
		for k := range row {
			cells[k] = &row[k]
		}
		s.Rows = append(s.Rows, cells)
	}
	st, err := learn(table, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Rows {
		st.pool = append(st.pool, i)
	}
	return st
}

func TestWhatItsKeyDoesNotDateBeginsAtATimeOfItsKindNotNearItsTemplate(t *testing.T) {
	const n = 600
	st := guests(t, n)
	d := &draft{now: testNow}
	r := rand.New(rand.NewPCG(1, 2))
	came := st.field("came_on")
	near, late, late0 := 0, 0, 0
	for i, was := range st.sample.Rows {
		e := d.era(st, r, i, nil)
		if e == nil {
			t.Fatalf("row %d has its template's time", i)
		}
		h := &hand{was: d.blend(st, r, i, e, nil, true), era: e, g: generate.Row{Now: testNow}}
		h.shift(st, r, i, n)
		h.place(st, r)
		at, _, _ := generate.ParseTime(*was[came.sample])
		if h.when[came].Sub(wall(at)).Abs() <= 45*day {
			near++
		}
		if *was[0] == "Late" {
			if late++; h.when[came].Before(testNow.AddDate(0, 0, -4200)) {
				late0++
			}
		}
	}
	if chance := n * 90 / 4000; near > 3*chance {
		t.Errorf("%d of %d rows begin within 45 days of their template, chance would have it of %d", near, n, chance)
	}
	if 20*late0 > late {
		t.Errorf("%d of %d rows of a country that came late began before it came", late0, late)
	}
}

func TestWhatItsKeyDatesKeepsItsTemplatesTime(t *testing.T) {
	st := guests(t, 200)
	st.inOrder = st.field("came_on")
	if e := (&draft{now: testNow}).era(st, rand.New(rand.NewPCG(1, 2)), 0, nil); e != nil {
		t.Errorf("a row with a date that its key tells begins at another's")
	}
}
