package generate

import (
	"errors"
	"math/rand/v2"
	"strings"

	"honeyrow/token"
)

// accountNumber makes domestic account numbers in the form of the column's,
// with the digits drawn anew behind what all of them share. The account may
// exist at a bank; without bank code and holder nobody can tell, but where the
// row holds a bank code too, the plan says so.
type accountNumber struct{}

func (accountNumber) Kind() string { return "account_number" }

func (accountNumber) Trait() Trait {
	return Trait{Strength: token.Firm, Watch: true, Weight: 8, Person: true}
}

func (accountNumber) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"account number", "account no", "accountnumber", "acct", "acct no", "bank account", "konto", "kontonummer", "bankn", "policy number", "member number"},
		classes: []Class{Text},
		valid: func(v string) bool {
			return len(digitsOf(v)) >= 5 && len(v) <= 34 && !strings.Contains(v, " ")
		}, what: "numbers",
	}.fit(c)
}

// Narrow implements Narrow: real accounts come from the same range.
func (accountNumber) Narrow(c *Column, _ *Row) string {
	p := commonPrefix(c.Values)
	for _, v := range c.Values {
		if n := len(digitsOf(v)); n-len(digitsOf(p)) < 10 && n < 12 {
			return "numbers of real accounts are as short and come from the same range"
		}
	}
	return ""
}

func (accountNumber) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	if Counts(c) {
		if v := c.next(row); v != "" {
			return v, nil
		}
	}
	like := c.form(r, row)
	p := commonPrefix(c.Values)
	if !strings.HasPrefix(like, p) || len(digitsOf(like[len(p):])) < 4 {
		p = ""
	}
	if len(digitsOf(like)) < 4 {
		return "", errors.New("the template's account number has too few digits")
	}
	v, _ := fillDigits(like[len(p):], pick(r, digits, len(digitsOf(like[len(p):]))))
	return p + v, nil
}
