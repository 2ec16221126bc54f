package seeder

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"honeyrow/seeder/generate"
)

// A honey row's manager is as old among those who were there as real rows' managers are,
// and as many of his people stand in the table.
func TestWhatAHoneyRowPointsAtIsNoOlderThanWhatRealRowsDo(t *testing.T) {
	st, _ := staff(t, 1000)
	s := rand.New(rand.NewPCG(5, 6))
	for i, row := range st.sample.Rows { // one of sixteen is a manager, of all who came later
		if v := strconv.Itoa(2 + 32*s.IntN(1+(i-1)/16)); i >= 8 {
			row[1] = &v
		}
	}
	st, err := learn(st.table, st.sample, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for i := range st.sample.Rows {
		st.pool = append(st.pool, i)
	}
	st.inOrder = st.field("hired_on")
	if k := st.ranks()[0]; !k.before {
		t.Fatalf("managers are in no order: %+v", k)
	}
	held := map[string]int{}
	for _, row := range st.sample.Rows {
		held[st.field("manager_id").value(row)]++
	}
	share := func(manager *string, row int) float64 { return (numeral(manager) - 2) / 32 / float64(1+(row-1)/16) }
	d := &draft{o: &Options{}, now: testNow}
	r := rand.New(rand.NewPCG(1, 2))
	var real, honey, others, ours []float64
	for row := 20; row < 200; row++ {
		own := st.sample.Rows[row][1]
		real, others = append(real, share(own, row)), append(others, float64(held[*own]-1))
		for range 5 {
			at := slot{key: int64(2*row + 1)}
			at.low, _, _ = generate.ParseTime(*st.sample.Rows[row-1][3])
			at.high = at.low.AddDate(0, 0, 3)
			was := d.blend(st, r, st.near(r, []slot{at}, 1)[0], nil, &at, true)
			if was[1] == nil { // as its template
				continue
			}
			honey, ours = append(honey, share(was[1], row)), append(ours, float64(held[*was[1]]))
		}
	}
	for name, of := range map[string][2][]float64{"place among the managers": {real, honey}, "others of the same manager": {others, ours}} {
		a, b, wide := middle(of[0]), middle(of[1]), deviation(of[0])
		if math.Abs(a-b) > wide/5 { // more than chance does, and the honey row itself
			t.Errorf("%s: %.3f, of honey rows %.3f", name, a, b)
		}
	}
}

func middle(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func deviation(v []float64) float64 { return math.Sqrt(variance(v)) }
