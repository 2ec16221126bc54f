package seeder

import (
	"fmt"
	"strconv"
	"testing"

	"honeyrow/seeder/generate"
)

// Two of five are paid the least that is paid when they begin: of honey rows too, and the
// others something near their template's.
func TestAsManySeriesBeginWithTheUsualNumber(t *testing.T) {
	people, pay, of := &Sample{Columns: []string{"name", "hired_on"}}, &Sample{Columns: []string{"of", "from_date", "amount"}}, map[string][]int{}
	r := generate.New(4, "pay")
	for i := range 300 {
		name, hired := fmt.Sprintf("p%d", i), testNow.AddDate(0, 0, -2000+r.IntN(500))
		on := hired.Format("2006-01-02")
		people.Rows = append(people.Rows, []*string{&name, &on})
		amount := 40000
		if r.IntN(5) > 1 {
			amount += 100 + r.IntN(30000)
		}
		for k := range 4 {
			from, is := hired.AddDate(k, 0, 0).Format("2006-01-02"), strconv.Itoa(amount)
			of[name] = append(of[name], len(pay.Rows))
			pay.Rows = append(pay.Rows, []*string{&name, &from, &is})
			amount += r.IntN(2000)
		}
	}
	to, st := learned(t, people, []generate.Class{generate.Text, generate.Date}, "name"), learned(t, pay, []generate.Class{generate.Text, generate.Date, generate.Integer}, "of")
	st.kin = &kinship{to: to, fk: &ForeignKey{Columns: []string{"of"}, RefColumns: []string{"name"}}, rows: of}
	st.field("from_date").NotNull = true
	f := st.field("amount")
	m := st.memories()[f]
	if m == nil || !m.keeps {
		t.Fatalf("amounts, a %s, do not go on: %+v", f.plan.Kind, m)
	}
	draw, kept := generate.New(1, "series"), 0
	for _, was := range people.Rows {
		kids := of[*was[0]]
		h := &hand{was: pay.Rows[kids[0]], g: generate.Row{Now: testNow}}
		out := h.chronicle(st, draw, f, m, *was[0], kids)[kids[0]]
		first := *pay.Rows[kids[0]][2]
		if first == "40000" && out != first {
			t.Errorf("%s begins with %s, its template with the usual %s", *was[0], out, first)
		}
		if first != "40000" && out == first {
			kept++
		}
	}
	if kept > 10 {
		t.Errorf("%d of 300 begin with their template's own number", kept)
	}
}
