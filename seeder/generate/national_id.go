package generate

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"

	"honeyrow/token"
)

// nationalID makes numbers that no person can have: US social security numbers
// of area 666, which is never assigned (SSA, RM 10201.035); British insurance
// numbers with the prefix ZZ, which is not allocated (HMRC, NIM39110). Masked
// numbers stay masked. Other countries' are left out.
type nationalID struct{}

var (
	ssnForm    = regexp.MustCompile(`^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$`)
	maskedForm = regexp.MustCompile(`^[*xX•]{2,3}[- ]?[*xX•]{2}[- ]?[0-9]{4}$`)
	ninoForm   = regexp.MustCompile(`^[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]$`)
)

func (nationalID) Kind() string { return "national_id" }

func (nationalID) Trait() Trait {
	return Trait{Strength: token.Firm, Watch: true, Weight: 15, Person: true, Safe: "from ranges that are never assigned"}
}

func (nationalID) Fit(c *Column) (int, string) {
	score, why := clue{
		names: []string{
			"ssn", "social security", "social security number", "national id", "nationalid", "nino", "national insurance", "ni number",
			"tax id", "tin", "passport", "passport number", "sin", "personal number", "id number", "identity number",
		},
		classes: []Class{Text, Integer},
		valid: func(v string) bool {
			return len(digitsOf(v)) >= 4 && len(v) <= 24
		}, what: "numbers",
	}.fit(c)
	if score > 0 {
		return score, why
	}
	return clue{
		classes: []Class{Text}, proof: true, what: "social security numbers",
		valid: func(v string) bool {
			return strings.Contains(v, "-") && ssnForm.MatchString(v) || ninoForm.MatchString(v)
		},
	}.fit(c)
}

func (nationalID) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	switch {
	case maskedForm.MatchString(like):
		return like[:len(like)-4] + pick(r, digits, 4), nil
	case ssnForm.MatchString(like):
		v, _ := fillDigits(like, "666"+pick(r, "123456789", 2)+pick(r, "123456789", 4))
		return v, nil
	case ninoForm.MatchString(like):
		v, _ := fillDigits(like, pick(r, digits, 6))
		return "ZZ" + v[2:len(v)-1] + pick(r, "ABCD", 1), nil
	case c.Class == Integer && len(like) == 9:
		return "666" + pick(r, "123456789", 6), nil
	}
	return "", errors.New("no range of numbers that belong to nobody is known for this form of identity number")
}
