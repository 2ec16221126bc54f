package generate

import (
	"errors"
	"math/rand/v2"
	"sort"
	"strings"

	"honeyrow/token"
)

// code makes numbers and codes of the owner's own (customer numbers, order
// numbers, text keys): the form that most values share, in sequence where the
// table's are in sequence.
type code struct{}

func (code) Kind() string { return "code" }

func (code) Trait() Trait { return Trait{Strength: token.Weak, Weight: 1} }

func (code) Fit(c *Column) (int, string) {
	if c.Class != Text || len(c.Values) < 3 || Repeats(c.Values) {
		return 0, ""
	}
	form, n := commonShape(c.Values)
	if 10*n < 9*len(c.Values) || len(form) > 40 || strings.ContainsAny(form, " @") || strings.Trim(form, "9aA") == form && len(form) == 0 {
		return 0, ""
	}
	if strings.Count(form, "9")+strings.Count(form, "A")+strings.Count(form, "a") < 3 {
		return 0, ""
	}
	return 58, "nearly all values share one form of letters and digits"
}

// commonShape returns the form that most values have, and how many have it.
func commonShape(values []string) (string, int) {
	count := map[string]int{}
	best := ""
	for _, v := range values {
		s := shape(v)
		if count[s]++; count[s] > count[best] || count[s] == count[best] && s < best {
			best = s
		}
	}
	return best, count[best]
}

func (code) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	if len(c.Values) == 0 {
		return "", errors.New("no real row holds a code to go by")
	}
	form, _ := commonShape(c.Values)
	p := commonPrefix(c.Values)
	var same []string
	for _, v := range c.Values {
		if shape(v) == form && strings.HasPrefix(v, p) {
			same = append(same, v)
		}
	}
	if len(same) == 0 {
		return "", errors.New("the codes have no common form")
	}
	sort.Strings(same)
	last := same[len(same)-1]
	if shape(c.Last) == form { // the sample need not hold it
		last = c.Last
		for !strings.HasPrefix(last, p) {
			p = p[:len(p)-1]
		}
	}
	if v := following(last, p, 1+row.Number+7*(row.Attempt/2)); v != "" {
		return v, nil
	}
	for range 20 {
		if v := p + refill(r, form[len(p):]); c.fits(v) && v != row.Was {
			return v, nil
		}
	}
	return "", errors.New("no code beside the table's was found")
}

// following counts a code that ends in at least three digits up by n, or
// returns "" if it does not count.
func following(last, prefix string, n int) string {
	stem := strings.TrimRight(last, digits)
	width := len(last) - len(stem)
	if width < 3 || width > 18 || len(stem) > len(prefix) {
		return ""
	}
	next := last[len(stem):]
	for range n {
		next = after(next)
	}
	if len(next) < width {
		next = strings.Repeat("0", width-len(next)) + next
	}
	if len(next) != width {
		return ""
	}
	return stem + next
}
