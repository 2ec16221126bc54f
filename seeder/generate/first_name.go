package generate

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"

	"honeyrow/token"
)

// firstName gives the row's person a first name in the column's case.
type firstName struct{}

func (firstName) Kind() string { return "first_name" }

func (firstName) Trait() Trait { return Trait{Strength: token.Weak, Weight: 2, Person: true} }

func (firstName) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"first name", "firstname", "given name", "givenname", "fname", "forename", "vorname", "prenom", "name first"},
		classes: []Class{Text}, valid: nameWord, what: "single names",
	}.fit(c)
}

func (firstName) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	v := casing(row.First, row.Was)
	if more := given(r, c, row); more != "" {
		v = more
	}
	if v == "" || !c.fits(v) {
		return "", errors.New("the column is too short for the name drawn")
	}
	return v, nil
}

// given returns names that go with the row's first name as those of the template
// row go with its person's: a column of given names beside one of the name that
// is used holds more of them, or others. "" if it holds the same.
func given(r *rand.Rand, c *Column, row *Row) string {
	if row.First == "" || row.WasFirst == "" || row.Was == "" || row.Given == "" && strings.EqualFold(row.Was, row.WasFirst) {
		return ""
	}
	words := strings.Fields(row.Was)
	if row.Given != "" {
		words = strings.Fields(row.Given)
	}
	out := slices.Clone(words)
	for i, w := range words {
		switch {
		case row.Given == "" && strings.EqualFold(w, row.WasFirst):
			out[i] = row.First
			continue
		case row.Given != "" && i == 0: // the name that the one in use is made of
			continue
		}
		for range 40 { // another row's name at the same place
			other := strings.Fields(one(r, c.Values))
			if len(other) == len(words) && !strings.EqualFold(other[i], w) && abbreviated(other[i]) == abbreviated(w) {
				out[i] = other[i]
				break
			}
		}
	}
	return strings.Join(out, " ")
}

func abbreviated(w string) bool { return strings.HasSuffix(w, ".") }
