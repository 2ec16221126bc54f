package seeder

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// Amounts of invoices are anybody's, or lie about what their member usually pays. One by
// one near the template's they would name it.
func TestAmountsOfRelativesAreNotTheTemplatesOneByOne(t *testing.T) {
	for _, owned := range []bool{false, true} {
		r := rand.New(rand.NewPCG(8, 1))
		text := func(s string) *string { return &s }
		members, dues := &Sample{Columns: []string{"name"}}, &Sample{Columns: []string{"of", "amount", "issued_at"}}
		rows := map[string][]int{}
		for i := range 300 {
			name := fmt.Sprintf("m%d", i)
			members.Rows = append(members.Rows, []*string{&name})
			usual := r.Float64() * 5000
			for range 4 {
				amount := r.Float64() * 5000
				if owned {
					amount = usual + r.Float64()*200
				}
				rows[name] = append(rows[name], len(dues.Rows))
				dues.Rows = append(dues.Rows, []*string{&name, text(fmt.Sprintf("%.2f", amount)), text(testNow.AddDate(0, 0, -1-r.IntN(900)).Format("2006-01-02 15:04:05"))})
			}
		}
		learned := func(s *Sample, classes ...generate.Class) *study {
			tb := &Table{Name: "t"}
			for i, c := range s.Columns {
				tb.Columns = append(tb.Columns, &Column{Name: c, Type: string(classes[i]), Class: classes[i], CanSelect: true, CanInsert: true})
			}
			st, err := learn(tb, s, func(c string) string { return map[bool]string{true: "copy"}[c == s.Columns[0]] })
			if err != nil {
				t.Fatal(err)
			}
			return st
		}
		to, st := learned(members, generate.Text), learned(dues, generate.Text, generate.Decimal, generate.Timestamp)
		st.kin = &kinship{to: to, fk: &ForeignKey{Columns: []string{"of"}, RefColumns: []string{"name"}}, rows: rows, of: st}
		to.field("name").plan.Source = Made // a category that all differ in lends nothing
		d := &draft{now: testNow, studies: []*study{to, st}}
		if err := d.peers(t.Context(), st); err != nil || len(st.lender.levels) != 1 || st.lender.levels[0].own != owned {
			t.Fatalf("amounts of %v: %+v, %v", owned, st.lender, err)
		}
		same, theirs := 0, 0
		for i := range 400 {
			h := &hand{template: i, was: dues.Rows[i], above: &hand{row: &RowPlan{}}, g: generate.Row{Now: testNow}}
			h.when = moments{st.field("issued_at"): testNow.Add(-time.Hour * 24 * 300)}
			h.raise(st, st.lender, r)
			if *h.was[1] == *dues.Rows[i][1] {
				same++
			}
			if slices.ContainsFunc(rows[*dues.Rows[i][0]], func(k int) bool { return *dues.Rows[k][1] == *h.was[1] }) {
				theirs++
			}
		}
		if same > 140 || owned != (theirs == 400) {
			t.Errorf("of 400 amounts %d are their template's own, %d one of its member's (rows have theirs: %v)", same, theirs, owned)
		}
	}
}
