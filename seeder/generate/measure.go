package generate

import (
	"errors"
	"math/rand/v2"

	"honeyrow/token"
)

// measure makes a number of unknown meaning, near the template's in rank.
type measure struct{}

func (measure) Kind() string { return "number" }

func (measure) Trait() Trait { return Trait{Strength: token.Weak} }

func (measure) Fit(c *Column) (int, string) {
	if c.Class != Integer && c.Class != Decimal || len(c.Values) == 0 {
		return 0, ""
	}
	if HasPhrase(c.Name, "id", "ref", "fk", "no", "number", "nr", "code", "key", "by", "version") {
		return 0, "" // it may point at something: not a quantity
	}
	return 50, "a number that names nothing"
}

func (measure) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	if Repeats(c.Values) && row.Was != "" {
		return row.Was, nil
	}
	v, err := near(r, c, row)
	if err == nil && c.Unique && v == row.Was {
		return "", errors.New("no number beside the template's was found")
	}
	return v, err
}
