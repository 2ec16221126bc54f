package generate

import (
	"errors"
	"math/rand/v2"

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
	if v == "" || !c.fits(v) {
		return "", errors.New("the column is too short for the name drawn")
	}
	return v, nil
}
