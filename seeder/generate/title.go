package generate

import (
	"errors"
	"math/rand/v2"

	"honeyrow/token"
)

// title keeps a job title that real rows hold: the template row's, since it
// goes with the row's department and salary.
type title struct{}

func (title) Kind() string { return "title" }

func (title) Trait() Trait { return Trait{Strength: token.Weak, Weight: 3} }

func (title) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"title", "job title", "jobtitle", "position", "job", "occupation", "designation", "rank"},
		not:     []string{"page title", "book title", "title id", "film title", "job id", "position id"},
		classes: []Class{Text, Enum},
		valid:   func(v string) bool { return len(v) >= 2 && len(v) <= 60 && digitsOf(v) == "" }, what: "short texts",
	}.fit(c)
}

func (title) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	return kept(r, c, row)
}

// kept is the template's value, or another row's if the template has none.
func kept(r *rand.Rand, c *Column, row *Row) (string, error) {
	v := c.form(r, row)
	if v == "" && len(c.Values) == 0 {
		return "", errors.New("no real row holds a value to take over")
	}
	return v, nil
}

// Mighty says whether a role or a list of rights speaks of an administrator's.
func Mighty(v string) bool {
	return HasPhrase(v, "admin", "admins", "administrator", "superuser", "super user", "superadmin", "root", "sysadmin", "owner", "sudo", "dba", "wheel", "sudoers", "administrators", "superusers")
}

// Privileged says whether a title or a role speaks of power over people, money
// or machines.
func Privileged(v string) bool {
	return HasPhrase(v, "chief", "ceo", "cfo", "cto", "ciso", "cio", "coo", "director", "president", "vp", "svp", "evp", "vice president",
		"head", "executive", "partner", "owner", "founder", "chairman", "treasurer", "controller", "principal",
		"manager", "lead", "senior", "admin", "administrator", "superuser", "root", "security", "finance", "payroll", "dba")
}
