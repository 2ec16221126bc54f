package generate

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func TestNumbersEndAsOthersDo(t *testing.T) {
	r := New(1, "prices")
	c := &Column{Class: Decimal, Scale: 2}
	for range 600 {
		c.Values = append(c.Values, fmt.Sprintf("%d.%s", 5+r.IntN(400), []string{"00", "90", "95"}[r.IntN(3)]))
	}
	count := map[string]int{}
	for range 600 {
		v, err := near(r, c, &Row{Was: one(r, c.Values)})
		if err != nil {
			t.Fatal(err)
		}
		count[v[len(v)-2:]]++
	}
	if len(count) != 3 || count["00"] < 120 || count["90"] < 120 || count["95"] < 120 {
		t.Errorf("endings %v, want .00, .90 and .95, as often as in the column", count)
	}
	if v := c.Write(77.43, true); v != "76.95" && v != "77.90" && v != "77.00" {
		t.Errorf("a number that goes on from another is written %s", v)
	}
}

func TestAPostcodeIsAsFarFromOthersOfItsTownAsTheyAre(t *testing.T) {
	r := New(1, "postcodes")
	town := func() string { return "20" + pick(r, digits, 3) }
	c := &Column{Class: Text}
	for range 30 {
		c.Values = append(c.Values, town())
	}
	nextDoor := func(v string) bool { return inCommon(v, c.Values) >= 4 }
	real, honey := 0, 0
	for range 1000 {
		v, err := postcode{}.Value(r, c, &Row{Was: one(r, c.Values), Local: c.Values})
		if err != nil || len(v) != 5 || !strings.HasPrefix(v, "20") {
			t.Fatalf("%q, %v", v, err)
		}
		if nextDoor(v) {
			honey++
		}
		if nextDoor(town()) {
			real++
		}
	}
	if honey > real+250 {
		t.Errorf("%d of 1,000 postcodes differ from another in the last digit alone, of real ones %d", honey, real)
	}
}

func TestNoHouseHasAHigherNumberThanTheCountrys(t *testing.T) {
	r := New(1, "houses")
	c := &Column{Class: Text}
	var local []string
	for i := range 40 {
		local = append(local, "Ringweg "+strconv.Itoa(101+i*2))
		c.Values = append(c.Values, local[i], strconv.Itoa(500+i*9)+" Main Street")
	}
	for attempt := range 6 {
		for range 50 {
			v, err := street{}.Value(r, c, &Row{Was: one(r, local), Local: local, Attempt: attempt})
			if n, _ := strconv.Atoi(strings.TrimPrefix(v, "Ringweg ")); err != nil || n < 1 || n > 179 {
				t.Fatalf("attempt %d: %q, %v", attempt, v, err)
			}
		}
	}
}

func TestNumbersBehindLoginsAreSuchAsOthersHave(t *testing.T) {
	r := New(1, "tails")
	c := &Column{Class: Text}
	for i := range 60 {
		c.Values = append(c.Values, "who"+strconv.Itoa(i)+"x"+strconv.Itoa(60+i%40)+"@corp.example")
	}
	for range 200 {
		v := login(r, c, "aschmidt84", &Row{First: "Jonas", Last: "Keller", WasFirst: "Anna", WasLast: "Schmidt"})
		if n, err := strconv.Atoi(strings.TrimPrefix(v, "jkeller")); err != nil || n < 60 || n > 99 {
			t.Fatalf("got %s, want a number from 60 to 99", v)
		}
	}
}
