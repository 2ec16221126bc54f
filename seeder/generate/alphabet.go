package generate

import (
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

const (
	digits  = "0123456789"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	hexLow  = "0123456789abcdef"
	hexUp   = "0123456789ABCDEF"
	base62  = digits + upper + lower
	base64u = base62 + "-_"
	base64s = base62 + "+/"
	base32s = upper + "234567"
)

// pick returns n characters of an ASCII alphabet.
func pick(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// one returns an element of a list that is not empty.
func one[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// randomBytes returns n random bytes.
func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.UintN(256))
	}
	return b
}

// only reports whether s is not empty and has no characters but the alphabet's.
func only(s, alphabet string) bool { return s != "" && strings.Trim(s, alphabet) == "" }

// alphabetOf returns the smallest common alphabet that holds all of s, or "".
func alphabetOf(s string) string {
	for _, a := range []string{digits, hexLow, hexUp, base32s, lower + digits, upper + digits, base62, base64u, base64s} {
		if only(s, a) {
			return a
		}
	}
	return ""
}

// digitsOf returns the digits in s.
func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// fillDigits replaces the digits of shape, from the right, by those of ds,
// keeping everything else; false if their numbers differ.
func fillDigits(shape, ds string) (string, bool) {
	if len(digitsOf(shape)) != len(ds) {
		return "", false
	}
	b := []byte(shape)
	i := 0
	for j := range b {
		if b[j] >= '0' && b[j] <= '9' {
			b[j] = ds[i]
			i++
		}
	}
	return string(b), true
}

// shape reduces a value to its form: 9 for digits, a and A for letters, other
// characters as they are.
func shape(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return '9'
		case r >= 'a' && r <= 'z':
			return 'a'
		case r >= 'A' && r <= 'Z':
			return 'A'
		}
		return r
	}, s)
}

// refill returns random characters in the form that shape returned.
func refill(r *rand.Rand, shape string) string {
	return strings.Map(func(c rune) rune {
		switch c {
		case '9':
			return rune(digits[r.IntN(10)])
		case 'a':
			return rune(lower[r.IntN(26)])
		case 'A':
			return rune(upper[r.IntN(26)])
		}
		return c
	}, shape)
}

// commonPrefix returns the longest prefix that all values share, in whole
// characters; "" for fewer than two different values.
func commonPrefix(values []string) string {
	if len(values) == 0 {
		return ""
	}
	p, differ := values[0], false
	for _, v := range values[1:] {
		differ = differ || v != values[0]
		for !strings.HasPrefix(v, p) {
			p = p[:len(p)-1]
		}
	}
	if !differ {
		return ""
	}
	for !utf8.ValidString(p) {
		p = p[:len(p)-1]
	}
	return p
}

// fits reports whether v respects the column's length.
func (c *Column) fits(v string) bool { return c.MaxLen <= 0 || utf8.RuneCountInString(v) <= c.MaxLen }

// form returns the template's value, or else one of the sampled values, whose
// form a new value is to take.
func (c *Column) form(r *rand.Rand, row *Row) string {
	if row.Was != "" || len(c.Values) == 0 {
		return row.Was
	}
	return one(r, c.Values)
}

// Casing gives s the case of like: all upper or all lower if like is so.
func Casing(s, like string) string { return casing(s, like) }

// casing gives s the case of like: all upper or all lower if like is so.
func casing(s, like string) string {
	switch {
	case like == "" || strings.ToUpper(like) == strings.ToLower(like):
		return s
	case like == strings.ToUpper(like) && utf8.RuneCountInString(like) > 1:
		return strings.ToUpper(s)
	case like == strings.ToLower(like):
		return strings.ToLower(s)
	}
	return s
}
