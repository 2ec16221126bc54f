package generate

import (
	"fmt"
	"testing"
)

func TestNumbersOfTheOwnersOwnGoOnAsTheirCounterWould(t *testing.T) {
	series := func(form string, from, to int) (out []string) {
		for i := from; i <= to; i++ {
			out = append(out, fmt.Sprintf(form, i))
		}
		return out
	}
	for name, tc := range map[string]struct {
		values []string
		rows   int64
		last   string
		want   string
	}{
		"padded, with a stem":             {series("C%06d", 9001, 9900), 10000, "C010000", "C010001"},
		"padded, nothing but digits":      {series("%08d", 1, 900), 10000, "00010000", "00010001"},
		"not padded":                      {series("KD-%d", 1, 900), 10000, "KD-10000", "KD-10001"},
		"not padded, one more digit":      {series("KD-%d", 1, 99), 99, "KD-99", "KD-100"},
		"a last one that the sample held": {series("C%06d", 1, 100), 100, "", "C000101"},
		"numbers of a year":               {append(series("2025-%06d", 1, 500), series("2026-%06d", 501, 900)...), 900, "2026-000900", "2026-000901"},
	} {
		c := Column{Name: "customer_no", Class: Text, Unique: true, Values: tc.values, Rows: tc.rows, Last: tc.last}
		if g, _, why := Best(&c); g == nil || g.Kind() != "code" {
			t.Errorf("%s: taken for %v (%s)", name, g, why)
			continue
		}
		got, err := Make(code{}, New(1, name), &c, &Row{Was: tc.values[0]})
		if err != nil || got != tc.want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, tc.want)
		}
	}
}

func TestNumbersThatSomebodyElseGivesOutAreNeverCountedOn(t *testing.T) {
	for name, form := range map[string]string{
		"card_no": "4%015d", "primary_number": "4%015d", "passport_no": "P%07d", "vat_number": "DE%09d", "bankl": "%08d",
	} {
		c := Column{Name: name, Class: Text}
		for i := range 100 {
			c.Values = append(c.Values, fmt.Sprintf(form, 1000+i))
		}
		if g, _, _ := Best(&c); g != nil && g.Kind() == "code" {
			t.Errorf("%s is taken for a code of the owner's own", name)
		}
	}
}

func TestNumbersWithoutASequenceThatLieCloseTogetherCount(t *testing.T) {
	for name, tc := range map[string]struct {
		values []string
		rows   int64
		want   bool
	}{
		"one after another":      {[]string{"101", "102", "103", "104"}, 4, true},
		"some gaps":              {[]string{"101", "105", "103", "108"}, 4, true},
		"a sample of many":       {[]string{"101", "9105", "5103", "2108"}, 10000, true},
		"drawn at random":        {[]string{"101", "918275", "512351", "23412"}, 4, false},
		"one twice":              {[]string{"101", "101", "103", "104"}, 4, false},
		"words":                  {[]string{"red", "green", "blue"}, 3, false},
		"persons with a number":  {[]string{"Anna 1", "Anna 2", "Anna 3"}, 3, false},
		"addresses with numbers": {[]string{"a1@x", "a2@x", "a3@x"}, 3, false},
	} {
		if got := Counts(&Column{Class: Text, Values: tc.values, Rows: tc.rows}); got != tc.want {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}
