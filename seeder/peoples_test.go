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
