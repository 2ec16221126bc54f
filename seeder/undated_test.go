package seeder

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// Customers were loaded at once; what they rent they rent in two weeks of a quarter.
// Relatives of a honey row come in these, as often early and late as others do.
func TestRelativesOfARowWithoutADateComeWhenOthersDo(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 3))
	begin := testNow.AddDate(-1, 0, 0).Truncate(day)
	people, lent := &Sample{Columns: []string{"id"}}, &Sample{Columns: []string{"id", "of", "rented_at"}}
	rows := map[string][]int{}
	var real []time.Time
	for i := range 200 {
		of := strconv.Itoa(i + 1)
		people.Rows = append(people.Rows, []*string{&of})
		for range 10 + r.IntN(8) {
			at := begin.AddDate(0, 0, 60*r.IntN(2)).Add(time.Duration(r.Int64N(int64(7 * day)))).Truncate(time.Second)
			rows[of] = append(rows[of], len(lent.Rows))
			lent.Rows = append(lent.Rows, []*string{text(strconv.Itoa(len(lent.Rows) + 1)), &of, text(at.Format(time.DateTime))})
			real = append(real, at)
		}
	}
	to, st := learned(t, people, []generate.Class{generate.Integer}), learned(t, lent, []generate.Class{generate.Integer, generate.Integer, generate.Timestamp})
	for _, x := range []*study{to, st} {
		key := x.field("id")
		key.plan.Source, key.seen.Unique = Gap, true
	}
	st.inOrder = st.field("rented_at")
	st.kin = &kinship{to: to, fk: &ForeignKey{Columns: []string{"of"}, RefColumns: []string{"id"}}, rows: rows, of: st}
	slices.SortFunc(real, time.Time.Compare)
	count, n := [4]int{}, 0
	for i := range 60 {
		h := &hand{was: people.Rows[r.IntN(200)], slot: &slot{key: int64(1 + 3*i)}, g: generate.Row{Now: testNow, Shift: time.Duration(i-30) * day}}
		for _, m := range h.brood(st, r) {
			at := m[st.inOrder]
			if d := at.Sub(begin) % (60 * day); d < 0 || d > 7*day+time.Hour {
				t.Errorf("a relative comes on %s, when nobody's does", at)
			}
			k, _ := slices.BinarySearchFunc(real, at, time.Time.Compare)
			count[min(3, 4*k/len(real))]++
			n++
		}
	}
	for q, k := range count {
		if 100*k < 19*n || 100*k > 31*n {
			t.Errorf("of %d relatives %d come in quarter %d of the others, want about as many in each", n, k, q+1)
		}
	}
}
