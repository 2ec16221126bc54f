package seeder

import (
	"math"
	"slices"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// Whoever looks for the row that is nearest in all dates at once does not find honey rows
// by how near it is.
func TestApart(t *testing.T) {
	names := []string{"joined_on", "trained_on", "promoted_on", "left_on"}
	s, table, r := &Sample{Columns: names}, &Table{Name: "stays"}, generate.New(1, "apart")
	for _, name := range names {
		table.Columns = append(table.Columns, &Column{Name: name, Type: "date", Class: generate.Date, CanSelect: true, CanInsert: true})
	}
	for range 1000 {
		at := testNow.AddDate(-20, 0, 0).AddDate(0, 0, r.IntN(4000))
		row := []*string{}
		for _, by := range []int{0, 400, 800, 1200} {
			if by > 0 {
				at = at.AddDate(0, 0, 5+r.IntN(by))
			}
			v := at.Format(time.DateOnly)
			row = append(row, &v)
		}
		s.Rows = append(s.Rows, row)
	}
	st, err := learn(table, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	real, honey := st.realDates(), placed(st)
	// Ranks of the first date and of the other dates' distances from it, among real rows.
	var sorted [4][]float64
	value := func(m moments, k int) float64 {
		at := m[st.columns[k]]
		if k > 0 {
			return at.Sub(m[st.columns[0]]).Hours()
		}
		return float64(at.Unix()) / 3600
	}
	for k := range sorted {
		for _, m := range real {
			sorted[k] = append(sorted[k], value(m, k))
		}
		slices.Sort(sorted[k])
	}
	point := func(m moments) (p [4]float64) {
		for k := range p {
			i, _ := slices.BinarySearch(sorted[k], value(m, k))
			p[k] = float64(i) / float64(len(real))
		}
		return p
	}
	var points [][4]float64
	for _, m := range real {
		points = append(points, point(m))
	}
	nearest := func(p [4]float64, but int) float64 {
		best := 1.0
		for i, q := range points {
			far := 0.0
			for k := range p {
				far = max(far, math.Abs(p[k]-q[k]))
			}
			if i != but {
				best = min(best, far)
			}
		}
		return best
	}
	var all []float64
	for i, p := range points {
		all = append(all, nearest(p, i))
	}
	slices.Sort(all)
	sum := 0.0
	for _, m := range honey { // where a honey row stands among real ones
		i, _ := slices.BinarySearch(all, nearest(point(m), -1))
		sum += float64(i) / float64(len(all))
	}
	if mean := sum / float64(len(honey)); mean < 0.42 || mean > 0.6 {
		t.Errorf("honey rows stand at %.2f of real ones by how near another row is, want about the middle", mean)
	}
}
