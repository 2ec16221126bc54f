package generate

import (
	"math/rand/v2"

	"honeyrow/token"
)

// cardLast4 makes the last four digits of a card.
type cardLast4 struct{}

func (cardLast4) Kind() string { return "card_last4" }

func (cardLast4) Trait() Trait { return Trait{Strength: token.Weak, Weight: 3, Person: true} }

func (cardLast4) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"last 4", "last4", "last four", "card last 4", "card suffix", "lastfour"},
		classes: []Class{Text, Integer},
		valid:   func(v string) bool { return only(v, digits) && len(v) <= 4 }, what: "four digits",
	}.fit(c)
}

func (cardLast4) Value(r *rand.Rand, c *Column, _ *Row) (string, error) {
	if c.Class == Integer {
		return digits[1+r.IntN(9):][:1] + pick(r, digits, 3), nil
	}
	return pick(r, digits, 4), nil
}
