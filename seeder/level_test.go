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
				dues.Rows = append(dues.Rows, []*string{&name, text(fmt.Sprintf("%.2f", amount)), text(testNow.AddDate(0, 0, -1-r.IntN(900)).Format(time.DateTime))})
			}
		}
		to, st := learned(t, members, []generate.Class{generate.Text}, "name"), learned(t, dues, []generate.Class{generate.Text, generate.Decimal, generate.Timestamp}, "of")
		st.kin = &kinship{to: to, fk: &ForeignKey{Columns: []string{"of"}, RefColumns: []string{"name"}}, rows: rows, of: st}
		to.field("name").plan.Source = Made // a category that all differ in lends nothing
		d := &draft{now: testNow, studies: []*study{to, st}}
		if err := d.peers(t.Context(), st); err != nil || len(st.lender.levels) != 1 || st.lender.levels[0].own != owned {
			t.Fatalf("amounts of %v: %+v, %v", owned, st.lender, err)
		}
		same, theirs := 0, 0
		for i := range 400 {
			h := &hand{template: i, lender: -1, was: dues.Rows[i], above: &hand{row: &RowPlan{}}, g: generate.Row{Now: testNow}}
			h.when = moments{st.field("issued_at"): testNow.Add(-time.Hour * 24 * 300)}
			h.raise(st, st.lender, r)
			if *h.was[1] == *dues.Rows[i][1] {
				same++
			}
			if slices.ContainsFunc(rows[*dues.Rows[i][0]], func(k int) bool { return *dues.Rows[k][1] == *h.was[1] }) {
				theirs++
			}
		}
		h := &hand{template: 3, lender: 17, was: dues.Rows[3], above: &hand{row: &RowPlan{}}, g: generate.Row{Now: testNow}}
		if h.raise(st, st.lender, r); !owned && *h.was[1] != *dues.Rows[17][1] { // a refund's kind and its amount are one row's
			t.Errorf("%s is not the amount of the row that lends the rest", *h.was[1])
		}
		if same > 140 || owned != (theirs == 400) {
			t.Errorf("of 400 amounts %d are their template's own, %d one of its member's (rows have theirs: %v)", same, theirs, owned)
		}
	}
}
