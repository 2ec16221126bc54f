package seeder

import (
	"math"
	"slices"
	"testing"

	"honeyrow/seeder/generate"
)

// What a person would notice of an owner's rows is told apart for each owner.
func TestWhatTheRowsOfOneOwnerHaveInCommonIsTold(t *testing.T) {
	owner := &Table{Name: "staff", Columns: []*Column{{Name: "id", Class: generate.Integer}, {Name: "hired", Class: generate.Date}}}
	pay := &Table{Name: "pay", ForeignKeys: []*ForeignKey{{Columns: []string{"staff_id"}}, {Columns: []string{"desk"}}}, Columns: []*Column{
		{Name: "staff_id", Class: generate.Integer},
		{Name: "salary", Class: generate.Integer},
		{Name: "iban", Class: generate.Text},
		{Name: "asked", Class: generate.Timestamp},
		{Name: "paid", Class: generate.Timestamp},
		{Name: "desk", Class: generate.Integer},
	}}
	v := func(vs ...string) (out []*string) {
		for _, s := range vs {
			out = append(out, &s)
		}
		return out
	}
	st := &study{table: owner, sample: &Sample{Columns: []string{"id", "hired"}, Rows: [][]*string{v("1", "2019-04-01"), v("2", "2019-06-15")}}}
	s := &Sample{Columns: []string{"staff_id", "salary", "iban", "asked", "paid", "desk"}, Rows: [][]*string{
		v("1", "110", "A", "2021-04-01 08:00:00", "2021-04-01 10:00:00", "7"), v("1", "100", "A", "2020-04-01 08:00:00", "2020-04-01 09:00:00", "7"),
		v("2", "100", "B", "2020-06-15 08:00:00", "2020-06-15 09:30:00", "8"), v("2", "50", "C", "2021-07-01 08:00:00", "2021-07-01 09:00:00", "8"), v("2", "100", "C", "2021-07-01 08:30:00", "2021-07-01 09:30:00", "8"),
	}}
	got, err := (&draft{}).traitsOf(t.Context(), nil, st, pay, s, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]float64{
		"different iban": {1, 2}, "fall of salary": {0, math.Log(0.5)}, "rise of salary": {math.Log(1.1), math.Log(2)},
		"from asked to paid in no whole hours": {0, 1}, "not on the day of hired": {0, 2}, "others at the same desk from asked to paid": {0, 2}, "others with the same salary": {0, 0},
	} {
		i := slices.Index(got.names, name)
		if i < 0 {
			t.Fatalf("%q is not among %q", name, got.names)
		}
		for k, of := range []string{"1", "2"} {
			if math.Abs(got.of[of][i]-want[k]) > 1e-9 {
				t.Errorf("%s of owner %s: %g, want %g", name, of, got.of[of][i], want[k])
			}
		}
	}
}

func TestTheRarestEndingOfAnOwnersPricesTells(t *testing.T) {
	v := func(vs ...string) (out []*string) {
		for _, s := range vs {
			out = append(out, &s)
		}
		return out
	}
	items := &Table{Name: "items", Columns: []*Column{{Name: "order_id", Class: generate.Integer}, {Name: "price", Class: generate.Decimal}}}
	orders := &Sample{Columns: []string{"id"}, Rows: [][]*string{v("1"), v("2"), v("3")}}
	below := &Sample{Columns: []string{"order_id", "price"}, Rows: [][]*string{v("1", "4.95"), v("1", "7.95"), v("2", "8.95"), v("2", "9.31")}}
	got := &traits{of: map[string][]float64{}}
	got.endings(items, orders, below, 0, 0, map[string][]int{"a": {0}, "b": {1}, "both": {0, 1}, "none": {2}})
	for of, want := range map[string]float64{"a": math.Log(3), "b": 0, "both": 0, "none": math.Inf(1)} {
		if len(got.of[of]) != 1 || got.of[of][0] != want {
			t.Errorf("owner %s: %v, want %g", of, got.of[of], want)
		}
	}
}
