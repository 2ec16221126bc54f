package seeder

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// staff are people with managers who came before them, of whom the first have none, and
// with a branch that was opened before they were hired.
func staff(t *testing.T, n int) (*study, map[string]time.Time) {
	t.Helper()
	of := func(name string) *ForeignKey {
		return &ForeignKey{Name: name, Columns: []string{name}, RefTable: name, RefColumns: []string{"id"}}
	}
	tb := &Table{Name: "staff", Uniques: []*Unique{{Name: "pk", Columns: []string{"id"}, Primary: true}}, Columns: []*Column{
		{Name: "id", Type: "bigint", Class: generate.Integer, NotNull: true, CanSelect: true, CanInsert: true, CanDraw: true, Sequence: "staff_id_seq"},
		{Name: "manager_id", Type: "bigint", Class: generate.Integer, CanSelect: true, CanInsert: true},
		{Name: "branch_id", Type: "bigint", Class: generate.Integer, CanSelect: true, CanInsert: true},
		{Name: "hired_on", Type: "date", Class: generate.Date, NotNull: true, CanSelect: true, CanInsert: true},
	}, ForeignKeys: []*ForeignKey{of("manager_id"), of("branch_id")}}
	s := &Sample{Columns: []string{"id", "manager_id", "branch_id", "hired_on"}}
	r := generate.New(3, "staff")
	opened := map[string]time.Time{}
	for b := range 40 {
		opened[fmt.Sprint(b+1)] = testNow.AddDate(-12, 0, 0).AddDate(0, 0, 80*b).Truncate(day)
	}
	for i := range n {
		hired := testNow.AddDate(-10, 0, 0).AddDate(0, 0, 9*365*i/n).Truncate(day)
		branch := 1 + r.IntN(40)
		for opened[fmt.Sprint(branch)].After(hired) {
			branch = 1 + r.IntN(40)
		}
		cells := []string{fmt.Sprint(2 * (i + 1)), "", fmt.Sprint(branch), hired.Format(time.DateOnly)}
		row := []*string{&cells[0], nil, &cells[2], &cells[3]}
		if i >= 8 {
			cells[1] = fmt.Sprint(2 * (1 + r.IntN(8+(i-8)/20)))
			row[1] = &cells[1]
		}
		s.Rows = append(s.Rows, row)
	}
	st, err := learn(tb, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if st.cant != nil {
		t.Fatal(st.cant)
	}
	for i := range s.Rows {
		st.pool = append(st.pool, i)
	}
	return st, opened
}

// No honey row's manager came after it, whatever number it has, and none stands alone
// without one; its branch was open.
func TestRank(t *testing.T) {
	st, opened := staff(t, 1000)
	st.inOrder = st.field("hired_on")
	ranks := st.ranks()
	if len(ranks) != 2 || !ranks[0].before || ranks[0].behind || ranks[1].before || ranks[1].behind {
		t.Fatalf("ranks: %+v", ranks)
	}
	ranks[1].dates = []sequel{{st.inOrder, true, opened}}
	d := &draft{o: &Options{}, now: testNow}
	r := rand.New(rand.NewPCG(1, 2))
	moved, wrong := 0, 0
	for try := range 200 {
		at := slot{key: int64(3 + 10*try)}
		if try < 10 {
			at.key = int64(3 + 2*try)
		}
		at.low, _, _ = generate.ParseTime(*st.sample.Rows[(at.key-1)/2-1][3])
		at.high = at.low.AddDate(0, 0, 3)
		i := st.near(r, []slot{at}, 1)[0]
		was := d.blend(st, r, i, nil, &at, true)
		if was[1] != nil && numeral(was[1]) >= float64(at.key) {
			t.Errorf("number %d: manager %s", at.key, *was[1])
		}
		if opened[*was[2]].After(at.low) {
			wrong++
		}
		if was[2] != st.sample.Rows[i][2] {
			moved++
		}
	}
	// The template's own branch stays where no other row's suits.
	if wrong > 2 || moved < 150 {
		t.Errorf("%d of 200 branches were not open, %d are another row's", wrong, moved)
	}
}

// A row whose key says nothing of its dates is moved until they keep their order with
// those of what it points at.
func TestObey(t *testing.T) {
	st, opened := staff(t, 6000)
	st.ranks()[1].dates = []sequel{{st.field("hired_on"), true, opened}}
	r := rand.New(rand.NewPCG(1, 2))
	broken := [2]int{}
	for _, was := range st.sample.Rows {
		h := &hand{was: was, g: generate.Row{Now: testNow}}
		st.shift(r, &h.g, was, 0, 1)
		h.place(st, r)
		broken[0] += st.unruly(h)
		st.obey(r, h, 0, 1)
		broken[1] += st.unruly(h)
	}
	if broken[0] < 5 || broken[1] > 0 {
		t.Errorf("%d rows were broken by chance, %d are", broken[0], broken[1])
	}
}
