package seeder

import "testing"

func TestACountryIsToldByTheNamesOfAnotherTable(t *testing.T) {
	n := &country{
		rows:  map[string]float64{"DE": 50, "JP": 20},
		first: map[string]map[string]float64{"petra": {"DE": 9}, "yuki": {"JP": 4}},
		last:  map[string]map[string]float64{"huber": {"DE": 7}, "sato": {"JP": 5}},
	}
	for names, want := range map[[2]string]string{{"Petra", "Huber"}: "DE", {"Yuki", "Sato"}: "JP", {"Someone", "Sato"}: "JP", {"Some", "One"}: ""} {
		if got := n.of(names[0], names[1]); got != want {
			t.Errorf("%s is of %q, want %q", names, got, want)
		}
	}
}

func TestBothNamesOfAPersonCountWhereTheyAreEqual(t *testing.T) {
	st := coded(t, func(first, last string, n int) string { return first + last })
	same, other := "Tomas", "Eve"
	st.sample.Rows = [][]*string{{&same, &same, &same}, {&other, &other, &same}}
	st.groups = st.grouped(false, func([]*string) string { return "CZ" })
	n := countries(st)
	if n.first["tomas"]["CZ"] != 1 || n.last["tomas"]["CZ"] != 2 {
		t.Errorf("first %v, last %v", n.first, n.last)
	}
}
