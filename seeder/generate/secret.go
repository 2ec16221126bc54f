package generate

import (
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"

	"honeyrow/token"
)

// secret makes tokens of no known vendor: from the column's alphabet, with the
// prefix, length and punctuation of its values.
type secret struct{}

func (secret) Kind() string { return "token" }

func (secret) Trait() Trait {
	return Trait{Strength: token.Strong, Watch: true, Weight: 12, Safe: "random, unknown to any service"}
}

func (secret) Fit(c *Column) (int, string) {
	names := []string{
		"token", "secret", "api key", "apikey", "key", "access key", "secret key", "client secret", "private key", "auth token",
		"access token", "refresh token", "signing key", "webhook secret", "session key", "hash", "digest", "credential", "api token", "license key", "payment method", "fingerprint",
	}
	if s, why := (clue{
		names: names, not: []string{"key id", "key name", "token type", "primary key", "foreign key", "key type", "token id"},
		classes: []Class{Text, Bytes}, valid: opaque, what: "opaque strings",
	}).fit(c); s > 0 {
		return s, why
	}
	return clue{
		classes: []Class{Text}, proof: true, what: "long opaque strings",
		valid: func(v string) bool { return len(v) >= 20 && opaque(v) && !ibanLike(v) },
	}.fit(c)
}

// opaque reports whether v looks drawn at random: no spaces, a part of ten or
// more characters that mixes digits with letters, of many different ones.
func opaque(v string) bool {
	if strings.HasPrefix(v, `\x`) {
		return len(v) >= 2+16
	}
	if strings.ContainsAny(v, " \t\n@") {
		return false
	}
	body := longest(v)
	if len(body) < 10 || digitsOf(body) == "" || only(body, digits) {
		return false
	}
	seen := map[byte]bool{}
	for i := range len(body) {
		seen[body[i]] = true
	}
	return len(seen) >= 8 || 2*len(seen) >= len(body)
}

// longest returns the longest run of letters and digits in v.
func longest(v string) string {
	best := ""
	for _, p := range strings.FieldsFunc(v, func(r rune) bool { return !strings.ContainsRune(base62, r) }) {
		if len(p) > len(best) {
			best = p
		}
	}
	return best
}

// opaqueLike draws a string in the form of like: parts of letters and digits
// are drawn from their whole alphabet (never by the template's pattern of
// letters and digits, which would repeat a fingerprint), but the short words
// that name the token ("tok", "live") stay.
func opaqueLike(r *rand.Rand, like string) string {
	if strings.HasPrefix(like, `\x`) {
		return `\x` + hex.EncodeToString(randomBytes(r, (len(like)-2)/2))
	}
	var out strings.Builder
	for i := 0; i < len(like); {
		j := i
		for j < len(like) && strings.IndexByte(base62, like[j]) >= 0 {
			j++
		}
		part := like[i:j]
		switch a := alphabetOf(part); {
		case part == "":
			out.WriteByte(like[i])
			j = i + 1
		case len(part) < 8 && !only(part, digits) && digitsOf(part) == "":
			out.WriteString(part)
		case a != "":
			out.WriteString(pick(r, a, len(part)))
		default:
			out.WriteString(part)
		}
		i = j
	}
	return out.String()
}

// alike returns one of the values that has a random part and is of the same
// length and vendor as v, or v.
func alike(r *rand.Rand, values []string, v string) string {
	var same []string
	for _, w := range values {
		if len(w) == len(v) && len(v) >= 16 && opaque(w) && vendorOf(w) == vendorOf(v) {
			same = append(same, w)
		}
	}
	if len(same) == 0 {
		return v
	}
	return same[r.IntN(len(same))]
}

func (secret) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	if !opaque(like) { // by chance: punctuation all over it, as one in some fifty has
		like = alike(r, c.Values, like)
	}
	if !opaque(like) {
		return "", errors.New("the template's value has no random part to replace")
	}
	if p := commonPrefix(c.Values); p != "" && strings.HasPrefix(like, p) && len(like)-len(p) >= 10 && c.Class == Text {
		return p + opaqueLike(r, like[len(p):]), nil
	}
	return opaqueLike(r, like), nil
}
