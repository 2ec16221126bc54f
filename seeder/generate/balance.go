package generate

import (
	"math/rand/v2"

	"honeyrow/token"
)

// balance makes amounts of money near the template's.
type balance struct{}

func (balance) Kind() string { return "balance" }

func (balance) Trait() Trait { return Trait{Strength: token.Weak, Watch: true, Weight: 6} }

func (balance) Fit(c *Column) (int, string) {
	return clue{
		names: []string{
			"balance", "credit limit", "creditlimit", "account balance", "amount", "total", "total amount", "net worth", "credit", "limit", "revenue", "turnover", "price",
			"subtotal", "total due", "amount due", "deposit", "payment", "saldo", "lifetime value", "order total", "grand total", "invoice total", "spent", "total spent",
		},
		not:     []string{"percent", "percentage", "pct", "payment id", "credit card", "payment method", "total count", "credit score"},
		classes: []Class{Integer, Decimal}, valid: numeric, what: "numbers",
	}.fit(c)
}

func (balance) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	return near(r, c, row)
}
