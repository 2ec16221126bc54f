package generate

import (
	"math/rand/v2"

	"honeyrow/token"
)

// salary makes pay near the template's, inside the column's usual band: pay
// near the top in every honey row would be what they are known by.
type salary struct{}

func (salary) Kind() string { return "salary" }

func (salary) Trait() Trait { return Trait{Strength: token.Weak, Watch: true, Weight: 12} }

func (salary) Fit(c *Column) (int, string) {
	return clue{
		names: []string{
			"ansal", "gehalt", "salary", "wage", "wages", "pay", "base salary", "base pay", "annual salary", "monthly salary", "gross", "gross pay", "net pay", "compensation",
			"bonus", "income", "gehalt", "pay rate", "hourly rate", "annual income", "gross salary", "net salary",
		},
		not:     []string{"percent", "percentage", "pct", "pay grade", "pay id", "pay date", "pay frequency"},
		classes: []Class{Integer, Decimal, Text}, valid: numeric, what: "numbers",
	}.fit(c)
}

func (salary) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	return near(r, c, row)
}
