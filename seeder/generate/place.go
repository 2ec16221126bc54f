package generate

import (
	"math/rand/v2"
	"strings"

	"honeyrow/token"
)

// city, postcode and region keep the template row's place, but for a postcode of its
// town: the three belong together, and together with a street that nobody lives at they
// name nobody.
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

// Value makes the postcode that a next row of the town would bring: one that others
// have, as many as have that of a row drawn at random, or a new one that is as far from
// those that are there as one of them is from the others (Good and Turing).
func (postcode) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	v, err := kept(r, c, row)
	if err != nil || len(digitsOf(v)) < 2 {
		return v, err
	}
	local := row.Local
	if len(local) == 0 {
		if local = c.Values; count(local, v) > 1 {
			return v, nil
		}
	}
	times := map[string]int{}
	for _, code := range local {
		times[code]++
	}
	like := v
	if len(row.Local) > 0 {
		like = one(r, local)
	}
	if others := times[like] - 1; others > 0 {
		for range 40 {
			if code := one(r, local); times[code] == others {
				return code, nil
			}
		}
		return like, nil
	}
	for range 30 {
		if fresh := newCode(r, c, like, local); fresh != "" && c.fits(fresh) && count(c.Values, fresh) == 0 {
			return fresh, nil
		}
	}
	for range 30 { // too few to go by: its last digit
		b := []byte(v)
		if i := strings.LastIndexAny(v, digits); i > 0 {
			b[i] = digits[r.IntN(10)]
		}
		if fresh := string(b); c.fits(fresh) && count(c.Values, fresh) == 0 {
			return fresh, nil
		}
	}
	return v, nil
}

// newCode is one in the form of another that no row has: its first characters are one's
// of the place, as many as a code there has in common with that most like it, the others
// such as stand there in codes of the form. "" if none is found.
func newCode(r *rand.Rand, c *Column, form string, local []string) string {
	kind := shape(form)
	of := func(values []string) (out []string) {
		for _, code := range values {
			if shape(code) == kind {
				out = append(out, code)
			}
		}
		return out
	}
	peers, all := of(local), of(c.Values)
	if len(all) == 0 {
		return ""
	}
	if len(peers) == 0 {
		peers = all
	}
	from, least := peers, one(r, peers)
	if inCommon(least, peers) < 0 { // it stands alone
		from, least = all, one(r, all)
	}
	same := max(inCommon(least, from), 0)
	b := []byte(one(r, peers))
	if same >= len(b) {
		return ""
	}
	for i := same; i < len(b); i++ {
		b[i] = one(r, all)[i]
	}
	if fresh := string(b); inCommon(fresh, peers) == same {
		return fresh
	}
	return ""
}

// inCommon is how many characters a code has in common, from its start, with that of
// others which has most; -1 if there is no other.
func inCommon(code string, others []string) int {
	most := -1
	for _, o := range others {
		if o == code {
			continue
		}
		n := 0
		for n < min(len(o), len(code)) && o[n] == code[n] {
			n++
		}
		most = max(most, n)
	}
	return most
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
