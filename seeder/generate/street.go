package generate

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"honeyrow/token"
)

// street makes street addresses: a street of the table's, with a house number
// that no sampled row has there.
type street struct{}

var houseNumber = regexp.MustCompile(`[0-9]+`)

func (street) Kind() string { return "street" }

func (street) Trait() Trait {
	return Trait{Strength: token.Weak, Watch: true, Weight: 3, Person: true}
}

func (street) Fit(c *Column) (int, string) {
	return clue{
		names: []string{
			"address", "street", "stras", "strasse", "street address", "address line 1", "address 1", "address1", "addr", "addr 1", "line 1", "home address",
			"shipping address", "billing address", "strasse", "postal address",
		},
		not:     []string{"email address", "e mail address", "ip address", "mac address", "address id", "address type", "mail address"},
		classes: []Class{Text},
		valid: func(v string) bool {
			return len(v) >= 5 && strings.Contains(v, " ") && !emailForm.MatchString(v)
		}, what: "texts of several words",
	}.fit(c)
}

func (street) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	for try := range 50 {
		like := c.form(r, row)
		if row.Attempt > 4 && len(c.Values) > 0 {
			if like = one(r, c.Values); len(row.Local) > 0 {
				like = one(r, row.Local)
			}
		}
		at := houseNumber.FindStringIndex(like)
		if at == nil {
			row = &Row{Attempt: max(5, row.Attempt), Local: row.Local}
			continue
		}
		n := like[at[0]:at[1]]
		size, local := len(n), row.Local
		if len(local) < leastLocal {
			local = c.Values
		}
		if row.Attempt > 2 { // of any length
			size = 0
		}
		number := numberOf(r, local, size)
		if number == "" {
			number = n
		}
		v := like[:at[0]] + number + like[at[1]:]
		if c.fits(v) && v != like && !slices.Contains(c.Values, v) {
			return v, nil
		}
		if try >= 10 { // it has no other number left
			row = &Row{Attempt: max(5, row.Attempt), Local: row.Local}
		}
	}
	return "", errors.New("the table's addresses have no house number to change")
}

// numberOf is a number of so many digits (of any, if 0), next to another row's house
// number: low ones are more usual than high ones, none is higher than the highest, and one
// that is itself another row's would stand in more rows than theirs do. "" if none of some
// rows has one.
func numberOf(r *rand.Rand, values []string, size int) string {
	highest := 0
	for _, v := range values {
		if n, err := strconv.Atoi(houseNumber.FindString(v)); err == nil {
			highest = max(highest, n)
		}
	}
	for range 40 {
		if len(values) == 0 {
			break
		}
		n, err := strconv.Atoi(houseNumber.FindString(one(r, values)))
		if n += r.IntN(2*nextDoor+1) - nextDoor; err != nil || n < 1 || n > highest {
			continue
		}
		if v := strconv.Itoa(n); len(v) == size || size == 0 {
			return v
		}
	}
	return ""
}

// nextDoor is how far a house number is from another row's at most, leastLocal how many
// rows of the place have to say how high they are.
const (
	nextDoor   = 4
	leastLocal = 8
)

// Joined is a street whose name begins as one's and ends as another's: where each stands
// in one row, a next row's is a new one, of the same words. "" if they have no word each
// to give.
func Joined(a, b string) string {
	x, y := strings.Fields(a), strings.Fields(b)
	last := func(w []string) int { // the last word of the name
		for i := len(w) - 1; i >= 0; i-- {
			if !strings.ContainsAny(w[i], digits) {
				return i
			}
		}
		return -1
	}
	words := func(w []string) (n int) {
		for _, s := range w {
			if !strings.ContainsAny(s, digits) {
				n++
			}
		}
		return n
	}
	if words(x) < 2 || words(x) != words(y) || strings.EqualFold(x[last(x)], y[last(y)]) {
		return ""
	}
	x[last(x)] = y[last(y)]
	return strings.Join(x, " ")
}
