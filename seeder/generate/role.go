package generate

import (
	"math/rand/v2"

	"honeyrow/token"
)

// role keeps what real rows hold in a column that grants rights, but never a
// value that speaks of privilege: a honey row with the role of an
// administrator would be one.
type role struct{}

func (role) Kind() string { return "role" }

func (role) Trait() Trait { return Trait{Strength: token.Weak, Weight: 1} }

func (role) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"role", "user role", "roles", "permission", "permissions", "access level", "privilege", "privileges", "user type", "account type", "user group"},
		not:     []string{"role id", "role name"},
		classes: []Class{Text, Enum},
		valid:   func(v string) bool { return len(v) >= 1 && len(v) <= 60 }, what: "short texts",
	}.fit(c)
}

func (role) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	v, err := kept(r, c, row)
	if err != nil || !powerful(v) {
		return v, err
	}
	var harmless []string
	for _, v := range c.Values {
		if !powerful(v) {
			harmless = append(harmless, v)
		}
	}
	if len(harmless) == 0 {
		return v, nil // all rows are privileged, the word means nothing here
	}
	return one(r, harmless), nil
}

// powerful reports whether a role is one that a honey row must not have.
func powerful(v string) bool { return Privileged(v) || Mighty(v) }
