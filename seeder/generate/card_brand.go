package generate

import (
	"math/rand/v2"
	"strings"

	"honeyrow/token"
)

// cardBrand keeps the brand of a real row's card.
type cardBrand struct{}

var brands = map[string]bool{
	"visa": true, "mastercard": true, "master card": true, "amex": true, "american express": true, "discover": true, "diners": true,
	"diners club": true, "jcb": true, "unionpay": true, "maestro": true, "mc": true, "girocard": true, "carte bleue": true, "visa electron": true,
}

func (cardBrand) Kind() string { return "card_brand" }

func (cardBrand) Trait() Trait { return Trait{Strength: token.Weak, Weight: 3} }

func (cardBrand) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"brand", "card brand", "card type", "network", "card network", "scheme"},
		classes: []Class{Text, Enum},
		valid:   func(v string) bool { return brands[strings.ToLower(strings.TrimSpace(v))] }, what: "card brands", proof: true,
	}.fit(c)
}

func (cardBrand) Value(r *rand.Rand, c *Column, row *Row) (string, error) { return kept(r, c, row) }
