package generate

import (
	"errors"
	"math/rand/v2"
	"regexp"

	"honeyrow/token"
)

// username makes login names, derived from the row's person.
type username struct{}

var usernameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{1,39}$`)

func (username) Kind() string { return "username" }

func (username) Trait() Trait {
	return Trait{Strength: token.Weak, Watch: true, Weight: 3, Person: true}
}

func (username) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"username", "user name", "login", "login name", "login id", "account name", "nickname", "handle", "screen name", "userid", "samaccountname"},
		not:     []string{"last login", "login at", "login count", "login ip", "logins"},
		classes: []Class{Text}, valid: usernameForm.MatchString, what: "login names",
	}.fit(c)
}

func (username) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	short := *row
	for range 20 {
		if v := login(r, c, c.form(r, row), &short); c.fits(v) {
			return v, nil
		}
		f, l := []rune(short.First), []rune(short.Last)
		short.First, short.Last = string(f[:min(len(f), 3)]), string(l[:min(len(l), 5)])
	}
	return "", errors.New("the column is too short for a login made of a name")
}
