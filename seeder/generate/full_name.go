package generate

import (
	"errors"
	"math/rand/v2"
	"strings"

	"honeyrow/token"
)

// fullName writes the row's person as the column writes names: first name
// first or last, with or without comma, in its case.
type fullName struct{}

func (fullName) Kind() string { return "person_name" }

func (fullName) Trait() Trait {
	return Trait{Strength: token.Weak, Watch: true, Weight: 5, Person: true}
}

func (fullName) Fit(c *Column) (int, string) {
	return clue{
		names: []string{
			"koinh", "kontoinhaber",
			"name", "full name", "fullname", "display name", "customer name", "contact name", "employee name", "person name", "contact",
			"cardholder", "card holder", "cardholder name", "holder", "holder name", "account holder", "account owner", "owner name", "recipient", "patient", "beneficiary",
		},
		not:     []string{"company name", "product name", "file name", "table name", "user name", "first name", "last name", "bank name", "city name", "country name", "host name", "domain name", "event name", "key name", "category name"},
		classes: []Class{Text}, what: "person names",
		valid: func(v string) bool { f, l := SplitName(v); return f != "" && l != "" },
	}.fit(c)
}

func (fullName) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	first, last := row.First, row.Last
	if first == "" || last == "" {
		return "", errors.New("no name was drawn for the row")
	}
	v := first + " " + last
	if strings.Contains(like, ",") {
		v = last + ", " + first
	}
	if v = casing(v, like); !c.fits(v) {
		return "", errors.New("the column is too short for the name drawn")
	}
	return v, nil
}
