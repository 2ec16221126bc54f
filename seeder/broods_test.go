package seeder

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// Rows are told by what others of their table don't do: they come with no time between them,
// beside numbers that are missing, after their owner left, just behind him as another's do.
func TestWhatShowsOfRowsThatPointAtOne(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 2))
	start := testNow.AddDate(-3, 0, 0)
	people := &Sample{Columns: []string{"id", "came_at", "left_at"}}
	for i := range 200 {
		came := start.Add(time.Duration(i) * 2 * 24 * time.Hour)
		people.Rows = append(people.Rows, []*string{text(strconv.Itoa(i)), text(came.Format(time.DateTime)), text(testNow.AddDate(0, 0, -5).Format(time.DateTime))})
	}
	people.Rows[150][2] = text(start.AddDate(1, 0, 0).Format(time.DateTime))
	type row struct {
		of int
		at time.Time
	}
	var all []row
	for i := range 200 {
		came, _, _ := generate.ParseTime(*people.Rows[i][1])
		for range 4 {
			all = append(all, row{i, came.Add(time.Duration(r.Float64() * float64(testNow.AddDate(0, 0, -10).Sub(came)))).Truncate(time.Second)})
		}
	}
	for k := range 4 { // the second's rows come as the first's, each an hour behind one of another's
		a, _, _ := generate.ParseTime(*people.Rows[10][1])
		b, _, _ := generate.ParseTime(*people.Rows[11][1])
		all[44+k].at = b.Add(all[40+k].at.Sub(a))
		all[80+k].at = all[400+k].at.Add(time.Second)
		all[84+k].at = all[400+k].at.Add(2 * time.Second)
	}
	slices.SortStableFunc(all, func(a, b row) int { return a.at.Compare(b.at) })
	child := &Table{Name: "visits", Columns: []*Column{
		{Name: "id", Class: generate.Integer}, {Name: "of", Class: generate.Integer}, {Name: "at", Class: generate.Timestamp}, {Name: "paid", Class: generate.Decimal},
	}, Uniques: []*Unique{{Primary: true, Columns: []string{"id"}}}, Rows: int64(len(all))}
	s := &Sample{Columns: []string{"id", "of", "at", "paid"}}
	owners, id := map[string][]int{}, 0
	var first []time.Time
	for i, o := range all {
		if id++; i == 300 {
			id++ // one is missing
		}
		of := strconv.Itoa(o.of)
		owners[of] = append(owners[of], i)
		s.Rows = append(s.Rows, []*string{text(strconv.Itoa(id)), &of, text(o.at.Format(time.DateTime)), text("9.50")})
		first = append(first, wall(firstDate(child, s, s.Rows[i])))
	}
	st := &study{table: &Table{Columns: []*Column{{Name: "id", Class: generate.Integer}, {Name: "came_at", Class: generate.Timestamp}, {Name: "left_at", Class: generate.Timestamp}}}, sample: people}
	tr := &traits{of: map[string][]float64{}}
	tr.pressed(child, s, first, owners)
	tr.against(st, child, s, []int{2}, 0, owners)
	tr.copies(st, first, 0, owners)
	tr.begins(s, 3, owners)
	get := func(owner int, name string) float64 {
		return tr.of[strconv.Itoa(owner)][slices.Index(tr.names, name)]
	}
	rank := func(owner int, name string) (more int) {
		for i := range 200 {
			if get(i, name) > get(owner, name) {
				more++
			}
		}
		return more
	}
	if n := rank(20, "how much closer rows come than others"); n > 6 {
		t.Errorf("%d have rows that come closer", n)
	}
	if n := rank(11, "how near another's rows are to its in time"); n > 3 {
		t.Errorf("%d have somebody nearer", n)
	}
	if get(150, "orders with dates of its row that they break") == 0 || rank(149, "orders with dates of its row that they break") > 3 {
		t.Error("what comes after its owner left is not seen")
	}
	if a, b := all[299].of, all[300].of; get(a, "rows beside a missing number") == 0 || get(b, "rows beside a missing number") == 0 {
		t.Error("what stands beside a missing number is not seen")
	}
	if get(3, "the first paid") != 9.5 {
		t.Error("the first number is not told")
	}
}
