package generate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// loginForms are the ways to make a login of a name, the usual ones first.
var loginForms = []func(f, l string) string{
	func(f, l string) string { return f + "." + l },
	func(f, l string) string { return f[:1] + l },
	func(f, l string) string { return f + l },
	func(f, l string) string { return f + "_" + l },
	func(f, l string) string { return f + "-" + l },
	func(f, l string) string { return f[:1] + "." + l },
	func(f, l string) string { return f[:1] + "_" + l },
	func(f, l string) string { return l + "." + f },
	func(f, l string) string { return l + "_" + f },
	func(f, l string) string { return l + f[:1] },
	func(f, l string) string { return l + "." + f[:1] },
	func(f, l string) string { return l + f },
	func(f, l string) string { return f + l[:1] },
	func(f, l string) string { return f + "." + l[:1] },
	func(f, l string) string { return f[:1] + l[:1] },
	func(f, l string) string { return f },
	func(f, l string) string { return l },
}

// login makes a login for row's person in the way in which was, the template
// row's login, was made of the template's person; where that does not show, in
// a way with the same punctuation. Trailing digits are kept in number, a single
// one as it is, more are such as other logins end in; where a single one counts those who
// would have the same login, the first has none, the next attempt the 2.
func login(r *rand.Rand, c *Column, was string, row *Row) string {
	plain := Spellings[row.Spell%len(Spellings)]
	f, l := plain(row.First), plain(row.Last)
	if f == "" {
		f = pick(r, lower, 5)
	}
	if l == "" {
		l = pick(r, lower, 7)
	}
	stem := strings.TrimRight(was, digits)
	tail := len(was) - len(stem)
	make := loginForms[0]
	if form := loginForm(strings.ToLower(stem), plain(row.WasFirst), plain(row.WasLast)); form >= 0 {
		make = loginForms[form]
	} else if was != "" {
		switch {
		case strings.Contains(stem, "."):
			make = loginForms[0]
		case strings.Contains(stem, "_"):
			make = loginForms[3]
		case strings.Contains(stem, "-"):
			make = loginForms[4]
		default:
			make = loginForms[1]
		}
	}
	v := make(f, l)
	if row.Numbered && tail <= 1 {
		if row.Attempt > 0 {
			v += strconv.Itoa(row.Attempt + 1)
		}
		return casing(v, stem)
	}
	if row.Attempt > 3 && tail == 0 { // the table is full of such names
		tail = 2
	}
	switch {
	case tail == 1 && row.Attempt == 0 && was[len(was)-1] > '0': // most often the second or third of a name
		v += was[len(was)-1:]
	case tail > 0:
		v += tailOf(r, c.Values, tail)
	}
	return casing(v, stem)
}

// tailOf is a number of so many digits behind a login: another's, or one next to it if
// hardly any two have the same, within the highest and the lowest (a year of birth, a
// century).
func tailOf(r *rand.Rand, values []string, size int) string {
	times, lowest, highest := map[int]int{}, math.MaxInt, 0
	var tails []int
	for _, v := range values {
		local, _, _ := strings.Cut(v, "@")
		tail := local[len(strings.TrimRight(local, digits)):]
		if n, err := strconv.Atoi(tail); err == nil && len(tail) == size {
			tails = append(tails, n)
			times[n]++
			lowest, highest = min(lowest, n), max(highest, n)
		}
	}
	if len(tails) == 0 {
		return digits[1+r.IntN(9):][:1] + pick(r, digits, size-1)
	}
	n := one(r, tails)
	if times[n] == 1 {
		room := max(2, (highest-lowest)/max(1, len(tails)))
		n = min(max(n+r.IntN(2*room+1)-room, lowest), highest)
	}
	return fmt.Sprintf("%0*d", size, n)
}

// loginForm returns the index of the form that makes stem of a name, or -1.
func loginForm(stem, f, l string) int {
	if f == "" || l == "" {
		return -1
	}
	for i, form := range loginForms {
		if form(f, l) == stem {
			return i
		}
	}
	return -1
}

// MadeOf reports whether a login, or the local part of an address, is made of a
// name in one of the usual ways, its letters spelt so.
func MadeOf(v, first, last string, spelling func(string) string) bool {
	v, _, _ = strings.Cut(strings.ToLower(v), "@")
	return loginForm(strings.TrimRight(v, digits), spelling(first), spelling(last)) >= 0
}

// Unnumbered returns a login or an address without the number that tells it from an
// earlier one, a single digit from 2 behind the login; ok is false if there is none.
func Unnumbered(v string) (first string, ok bool) {
	local, domain, at := strings.Cut(v, "@")
	stem := strings.TrimRight(local, digits)
	if n := local[len(stem):]; stem == "" || len(n) != 1 || n < "2" {
		return "", false
	}
	if at {
		stem += "@" + domain
	}
	return stem, true
}

// Below returns the logins or addresses that are the same as one with a single digit but
// without it, or with a lower number, the first first; none if it has none.
func Below(v string) (out []string) {
	first, ok := Unnumbered(v)
	if !ok {
		return nil
	}
	local, domain, at := strings.Cut(first, "@")
	out = append(out, first)
	for n := 2; n < int(v[len(local)]-'0'); n++ {
		lower := local + strconv.Itoa(n)
		if at {
			lower += "@" + domain
		}
		out = append(out, lower)
	}
	return out
}
