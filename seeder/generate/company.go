package generate

import (
	"errors"
	"math/rand/v2"
	"strings"

	"github.com/brianvoe/gofakeit/v7/data"

	"honeyrow/token"
)

// company makes names of firms: a surname, and the last word (Ltd, GmbH, ...)
// of the template's.
type company struct{}

func (company) Kind() string { return "company" }

func (company) Trait() Trait {
	return Trait{Strength: token.Weak, Watch: true, Weight: 2, Person: true}
}

func (company) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"company", "company name", "organisation", "organization", "business name", "employer", "firm", "supplier name", "vendor name", "merchant name"},
		not:     []string{"company id", "company type", "company size"},
		classes: []Class{Text},
		valid:   func(v string) bool { return len(v) > 1 && !only(v, digits) && !emailForm.MatchString(v) }, what: "texts",
	}.fit(c)
}

func (company) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	fs := strings.Fields(c.form(r, row))
	for range 20 {
		v := one(r, data.Person["last"])
		switch {
		case row.Attempt > 2 && len(fs) > 1:
			v += " & " + one(r, data.Person["last"]) + " " + fs[len(fs)-1]
		case len(fs) > 1:
			v += " " + fs[len(fs)-1]
		case row.Attempt > 2:
			v += " " + one(r, data.Person["last"])
		}
		if c.fits(v) {
			return v, nil
		}
	}
	return "", errors.New("the column is too short for a firm's name")
}
