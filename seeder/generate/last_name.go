package generate

import (
	"errors"
	"math/rand/v2"

	"honeyrow/token"
)

// lastName gives the row's person a last name in the column's case.
type lastName struct{}

func (lastName) Kind() string { return "last_name" }

func (lastName) Trait() Trait { return Trait{Strength: token.Weak, Weight: 3, Person: true} }

func (lastName) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"last name", "lastname", "surname", "family name", "familyname", "lname", "nachname", "name last"},
		classes: []Class{Text}, valid: nameWord, what: "single names",
	}.fit(c)
}

func (lastName) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	v := casing(row.Last, row.Was)
	if v == "" || !c.fits(v) {
		return "", errors.New("the column is too short for the name drawn")
	}
	return v, nil
}
