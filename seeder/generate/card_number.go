package generate

import (
	"errors"
	"math/rand/v2"
	"strings"

	"honeyrow/token"
)

// cardNumber makes payment card numbers that nobody's card can have: with the
// owner's closed BIN if there is one; else numbers with a right check digit in
// 28 and 29, which no card network issues (beside Mastercard's 2-series, 2221
// to 2720, they do not catch the eye). Masked numbers stay masked.
type cardNumber struct{}

func (cardNumber) Kind() string { return "card_number" }

func (cardNumber) Trait() Trait {
	return Trait{Strength: token.Firm, Watch: true, Weight: 15, Person: true, Safe: "with your closed BIN, or in 28 and 29, which no card network issues"}
}

var cardNames = []string{"card number", "card no", "card nr", "cardnumber", "pan", "credit card", "cc number", "cc no", "ccnum", "ccnumb", "creditcard", "debit card", "card num", "masked pan", "card"}

func (cardNumber) Fit(c *Column) (int, string) {
	score, why := clue{
		names:   cardNames,
		classes: []Class{Text, Integer, Decimal}, valid: cardLike, what: "card numbers with a right check digit or masked ones",
		proof: c.Class == Text,
	}.fit(c)
	if score > 0 {
		return score, why
	}
	return clue{names: cardNames, classes: []Class{Text, Integer, Decimal}, valid: cardLong, what: "as long as card numbers"}.fit(c)
}

var ungrouped = strings.NewReplacer(" ", "", "-", "")

// cardLong accepts what is as long as a card number, whatever its check digit.
func cardLong(v string) bool {
	plain := ungrouped.Replace(v)
	return len(plain) >= 13 && len(plain) <= 19 && only(plain, digits)
}

// cardLike accepts card numbers that pass Luhn's check, and masked ones.
func cardLike(v string) bool {
	plain := ungrouped.Replace(v)
	if len(plain) < 13 || len(plain) > 19 {
		return false
	}
	if only(plain, digits) {
		return luhn(plain) == 0
	}
	return only(plain, digits+"*xX•") && only(plain[len(plain)-4:], digits)
}

// luhn returns the sum of ISO/IEC 7812-1, modulo ten: 0 for a right number.
func luhn(s string) int {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum % 10
}

// Narrow implements Narrow: behind a long prefix few digits are left to draw.
func (cardNumber) Narrow(c *Column, row *Row) string {
	for _, v := range c.Values {
		if n := len(digitsOf(v)); len(row.CardPrefix) > 0 && n-1-len(row.CardPrefix) < 6 {
			return "few numbers are left behind your card_prefix"
		}
	}
	return ""
}

func (cardNumber) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	if like == "" {
		like = "9999999999999999"
	}
	if strings.ContainsAny(like, "*xX•") { // masked: keep what stands before the mask
		i := len(strings.TrimRight(like, digits))
		return like[:i] + pick(r, digits, len(like)-i), nil
	}
	n := len(digitsOf(like))
	prefix := row.CardPrefix
	if prefix == "" {
		prefix = one(r, []string{"28", "29"})
	}
	if n < len(prefix)+5 {
		return "", errors.New("the column's card numbers are too short for the card prefix")
	}
	body := prefix + pick(r, digits, n-1-len(prefix))
	check := (10 - luhn(body+"0")) % 10
	v, _ := fillDigits(like, body+digits[check:check+1])
	if !c.fits(v) {
		return "", errors.New("the column is too short for a card number")
	}
	return v, nil
}
