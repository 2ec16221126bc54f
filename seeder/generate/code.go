package generate

import (
	"errors"
	"math/rand/v2"
	"sort"
	"strconv"
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
	if c.Class != Text || len(c.Values) < 3 || Repeats(c.Values) || official(c) {
		return 0, ""
	}
	if stem, _ := counting(c); stem != "" || Counts(c) {
		return 58, "all values count on from one another"
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

// official reports whether a column holds numbers that somebody else gives
// out: one more of the same form could be a living person's.
func official(c *Column) bool {
	if HasPhrase(c.Name, cardNames...) || HasPhrase(c.Name, "iban", "ssn", "social security", "passport", "passport number", "tax id", "tax number", "vat id", "vat number", "stceg",
		"driver license", "drivers license", "license plate", "imei", "vin", "bic", "swift", "sort code", "routing number", "bank code", "bankl") {
		return true
	}
	long := 0
	for _, v := range c.Values {
		if len(v) >= 13 && len(v) <= 24 && cardLong(v) && strings.Contains("3456", v[:1]) {
			long++
		}
	}
	return 2*long > len(c.Values)
}

// Counts reports whether a column's numbers lie so close together that a
// counter must have given them out, each once.
func Counts(c *Column) bool {
	stem, nums := counting(c)
	if len(nums) < 3 || c.Class == Text && stem == "" && len(nums) != len(c.Values) {
		return false
	}
	sort.Slice(nums, func(a, b int) bool { return nums[a] < nums[b] })
	for i := 1; i < len(nums); i++ {
		if nums[i] == nums[i-1] {
			return false
		}
	}
	rows := max(float64(c.Rows), float64(len(nums)))
	return float64(nums[len(nums)-1]-nums[0]) < 4*rows
}

// counting takes values apart into what they share and a number; no numbers if
// they are not all made so.
func counting(c *Column) (stem string, nums []int64) {
	if len(c.Values) < 3 {
		return "", nil
	}
	if stem = strings.TrimRight(commonPrefix(c.Values), digits); strings.ContainsAny(stem, " @") {
		return "", nil
	}
	for _, v := range c.Values {
		n, err := strconv.ParseInt(strings.TrimPrefix(v, stem), 10, 64)
		if err != nil || n < 0 || !only(v[len(stem):], digits) {
			return "", nil
		}
		nums = append(nums, n)
	}
	return stem, nums
}

// Stem returns what a counter's values begin with: every value is it and a
// number.
func Stem(c *Column) string {
	stem, _ := counting(c)
	return stem
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
	if Counts(c) {
		if v := c.next(row); v != "" {
			return v, nil
		}
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
	// "2026-000123": the numbers of a year count, and the last year's go on.
	groups, biggest := map[string][]string{}, ""
	for _, v := range same {
		head := strings.TrimRight(v, digits)
		if groups[head] = append(groups[head], v); len(groups[head]) > len(groups[biggest]) {
			biggest = head
		}
	}
	if Counts(&Column{Class: Text, Values: groups[biggest], Rows: c.Rows}) {
		stem := strings.TrimRight(last, digits)
		tail := last[len(stem):]
		if n, err := strconv.ParseInt(tail, 10, 64); err == nil {
			if v := c.after(stem, n, len(tail), true, row); v != "" {
				return v, nil
			}
		}
	}
	for range 20 {
		if v := p + refill(r, form[len(p):]); c.fits(v) && v != row.Was {
			return v, nil
		}
	}
	return "", errors.New("no code beside the table's was found")
}

// next returns the number after the table's last, in the same form: a width
// that zeros fill up stays.
func (c *Column) next(row *Row) string {
	stem, nums := counting(c)
	if len(nums) == 0 {
		return ""
	}
	top, width, padded := int64(-1), 0, false
	for i, v := range c.Values {
		top = max(top, nums[i])
		d := v[len(stem):]
		padded = padded || len(d) > 1 && d[0] == '0'
		width = max(width, len(d))
	}
	if tail := strings.TrimPrefix(c.Last, stem); only(tail, digits) && strings.HasPrefix(c.Last, stem) {
		if n, err := strconv.ParseInt(tail, 10, 64); err == nil && n > top { // the sample need not hold it
			top, width = n, max(width, len(tail))
		}
	}
	return c.after(stem, top, width, padded, row)
}

// after writes the number after top for a row, "" if there is no room for it.
func (c *Column) after(stem string, top int64, width int, padded bool, row *Row) string {
	v := strconv.FormatInt(top+1+int64(row.Number)+7*int64(row.Attempt/2), 10)
	if padded && len(v) < width {
		v = strings.Repeat("0", width-len(v)) + v
	}
	if padded && len(v) > width || !c.fits(stem+v) {
		return ""
	}
	return stem + v
}
