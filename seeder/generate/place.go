package generate

import (
	"math/rand/v2"

	"honeyrow/token"
)

// city, postcode and region keep the template row's place, a postcode that
// only it holds but for the last digits: the three belong together, and
// together with a street that nobody lives at they name nobody.
type (
	city     struct{}
	postcode struct{}
	region   struct{}
)

func (city) Kind() string { return "city" }
func (city) Trait() Trait { return Trait{Strength: token.Weak, Weight: 1} }
func (city) Fit(c *Column) (int, string) {
	return clue{
		names: []string{"city", "town", "ort", "locality", "city name", "municipality", "ort 01", "place", "birthplace"},
		not:   []string{"city id"}, classes: []Class{Text},
		valid: func(v string) bool { return len(v) >= 2 && len(v) <= 60 && digitsOf(v) == "" }, what: "words",
	}.fit(c)
}
func (city) Value(r *rand.Rand, c *Column, row *Row) (string, error) { return kept(r, c, row) }

func (postcode) Kind() string { return "postcode" }
func (postcode) Trait() Trait { return Trait{Strength: token.Weak, Weight: 1} }
func (postcode) Fit(c *Column) (int, string) {
	return clue{
		names: []string{"postcode", "post code", "postal code", "postalcode", "zip", "zip code", "zipcode", "plz", "pstlz"}, classes: []Class{Text, Integer},
		valid: func(v string) bool { return len(v) >= 3 && len(v) <= 12 && digitsOf(v) != "" }, what: "postcodes",
	}.fit(c)
}

// Value keeps a postcode that several rows hold. Where one stands once, a next
// row would bring one of its own: its last digits are drawn anew.
func (postcode) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	v, err := kept(r, c, row)
	if err != nil || count(c.Values, v) > 1 || len(digitsOf(v)) < 2 {
		return v, err
	}
	free := 2
	if len(digitsOf(v)) != len(v) { // letters tell the district too
		free = 1
	}
	for range 30 {
		b := []byte(v)
		for i, left := len(b)-1, free; i > 0 && left > 0; i-- {
			if b[i] >= '0' && b[i] <= '9' {
				b[i] = digits[r.IntN(10)]
				left--
			}
		}
		if fresh := string(b); c.fits(fresh) && count(c.Values, fresh) == 0 {
			return fresh, nil
		}
	}
	return v, nil
}

func count(values []string, v string) (n int) {
	for _, w := range values {
		if w == v {
			n++
		}
	}
	return n
}

func (region) Kind() string { return "region" }
func (region) Trait() Trait { return Trait{Strength: token.Weak} }
func (region) Fit(c *Column) (int, string) {
	return clue{
		names: []string{"state", "region", "province", "country", "county", "district", "country code", "state code", "canton", "land", "nationality", "state province"},
		not:   []string{"state id", "country id", "region id"}, classes: []Class{Text, Enum},
		valid: func(v string) bool { return len(v) <= 60 && digitsOf(v) == "" }, what: "words",
	}.fit(c)
}
func (region) Value(r *rand.Rand, c *Column, row *Row) (string, error) { return kept(r, c, row) }
