package camouflage

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// tenants are rows with a number that what they point at has from before them, two dates
// of which the second lies whole months and up to 27 days after the first, and the date of
// what they point at, anywhere between the first one and today.
func tenants(honey func(r *rand.Rand, t *tenant)) *Table {
	tb := &Table{Name: "tenants", Seed: 1, Pointed: []string{"house's updated"}, Columns: []Column{
		{Name: "id", Class: generate.Integer, Role: Key},
		{Name: "house", Class: generate.Integer, Role: Reference},
		{Name: "agent", Class: generate.Integer, Role: Reference},
		{Name: "came", Class: generate.Date, Role: Content},
		{Name: "left", Class: generate.Date, Role: Content},
	}}
	r := rand.New(rand.NewPCG(5, 6))
	today := opened.AddDate(6, 0, 0)
	one := func(id int) *tenant {
		t := &tenant{id: id, house: 2*id + r.IntN(2), agent: 1 + r.IntN(max(id/20, 1)), came: opened.AddDate(0, 0, 2*id)}
		t.left = t.came.AddDate(0, 2+r.IntN(20), r.IntN(28))
		t.updated = t.came.Add(time.Duration(r.Float64() * float64(today.Sub(t.came))))
		return t
	}
	gone := r.Perm(950)[:100]
	for id := range 1000 {
		if !slices.Contains(gone, id) {
			tb.Real = append(tb.Real, one(id+30).row())
		}
	}
	for k := range 5 {
		var run []Row
		for i := range 20 {
			t := one(gone[20*k+i] + 30)
			honey(r, t)
			run = append(run, t.row())
		}
		tb.Runs = append(tb.Runs, run)
	}
	return tb
}

type tenant struct {
	id, house, agent    int
	came, left, updated time.Time
}

func (t *tenant) row() Row {
	vs := []string{fmt.Sprint(t.id), fmt.Sprint(t.house), fmt.Sprint(t.agent), t.came.Format(time.DateOnly), t.left.Format(time.DateOnly)}
	out := Row{Place: -1, Pointed: []time.Time{t.updated}}
	for i := range vs {
		out.Values = append(out.Values, &vs[i])
	}
	return out
}

// Whoever looks at orders and days finds what breaks them, and nothing where none is.
func TestOrdersAndDaysThatRealRowsKeepAreLookedAt(t *testing.T) {
	for name, c := range map[string]struct {
		honey       func(r *rand.Rand, t *tenant)
		clue, habit string
	}{
		"nothing":             {func(*rand.Rand, *tenant) {}, "", ""},
		"an agent from later": {func(r *rand.Rand, t *tenant) { t.agent = t.id + 1 + r.IntN(9) }, "orders with keys", "an order broken"},
		"a house elsewhere":   {func(r *rand.Rand, t *tenant) { t.house += 40 }, "house beyond its neighbours' by id", ""},
		"days that are none": {func(r *rand.Rand, t *tenant) {
			for t.left = t.came; generate.DaysLeft(t.came, t.left) < 28; {
				t.left = t.came.AddDate(0, 2+r.IntN(20), 28+r.IntN(3))
			}
		}, "from came to left: days after whole months", ""},
		"old whatever the time": {func(r *rand.Rand, t *tenant) { t.updated = t.came.AddDate(0, 0, r.IntN(60)) }, "from came to house's updated, among rows of its time", ""},
	} {
		rep := Measure(*tenants(c.honey))
		switch {
		case c.clue == "" && (rep.Dump.AUC > 0.65 || len(rep.Habits) > 0):
			t.Errorf("%s: AUC %.2f on the dump, habits %v", name, rep.Dump.AUC, rep.Habits)
		case c.clue != "" && !slices.ContainsFunc(rep.Betrays, func(k Clue) bool { return strings.HasPrefix(k.Feature, c.clue) && k.AUC > 0.75 }):
			t.Errorf("%s: betrays %v", name, rep.Betrays)
		case c.habit != "" && !slices.ContainsFunc(rep.Habits, func(h Habit) bool { return h.Name == c.habit }):
			t.Errorf("%s: habits %v", name, rep.Habits)
		}
	}
}
