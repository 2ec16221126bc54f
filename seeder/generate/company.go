package generate

import (
	"errors"
	"math/rand/v2"
	"strings"

	"github.com/brianvoe/gofakeit/v7/data"

	"honeyrow/token"
)

// company makes names of firms: as the template's is made of its person's name,
// else the beginning of another firm's name and the rest of the template's, else a
// surname and its last word (Ltd, GmbH, ...).
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
	was := c.form(r, row)
	fs := strings.Fields(was)
	if i := strings.Index(strings.ToLower(was), strings.ToLower(row.WasLast)); len(row.WasLast) > 2 && row.Last != "" && i >= 0 && i+len(row.WasLast) <= len(was) && row.Attempt < 6 {
		rest := was[i+len(row.WasLast):]
		if other := strings.Fields(one(r, c.Values)); row.Attempt > 0 && len(other) > 1 { // a real firm is called so
			rest = " " + other[len(other)-1]
		}
		if v := was[:i] + casing(row.Last, was[i:i+len(row.WasLast)]) + rest; c.fits(v) {
			return v, nil
		}
	}
	for range 40 {
		other := fs
		if len(c.Values) > 0 {
			other = strings.Fields(one(r, c.Values))
		}
		if len(fs) < 2 || len(other) < 2 || row.Attempt > 2 || other[0] == fs[0] {
			continue
		}
		if v := other[0] + " " + strings.Join(fs[1:], " "); c.fits(v) {
			return v, nil
		}
	}
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
