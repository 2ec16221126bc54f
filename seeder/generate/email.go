package generate

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"

	"honeyrow/token"
)

// email makes addresses at the owner's decoy domain, their local part derived
// from the row's person as the column's others are from theirs.
type email struct{}

var emailForm = regexp.MustCompile(`^[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

func (email) Kind() string { return "email" }

func (email) Trait() Trait {
	return Trait{Strength: token.Strong, Watch: true, Weight: 10, Person: true, Safe: "at your decoy domain, so that mail reaches nobody else"}
}

func (email) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"smtp addr", "smtp", "email", "e mail", "mail", "mail address", "email address", "emailaddress", "mailaddress"},
		classes: []Class{Text},
		valid:   emailForm.MatchString, what: "e-mail addresses", proof: true,
	}.fit(c)
}

func (email) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	if row.Domain == "" {
		return "", errors.New("no decoy mail domain is set: mail to a made-up address must reach nobody else (set seed.domain or --domain to a domain that you control)")
	}
	local, _, _ := strings.Cut(c.form(r, row), "@")
	v := login(r, c, local, row) + "@" + row.Domain
	if !c.fits(v) {
		return "", errors.New("addresses at the decoy domain are too long for the column: set a shorter domain")
	}
	return v, nil
}
