package generate

import (
	"errors"
	"math/rand/v2"
	"strings"

	"honeyrow/token"
)

// iban makes account numbers with right check digits at a bank that does not
// exist: codes outside of what the national registers hand out.
type iban struct{}

func (iban) Kind() string { return "iban" }

func (iban) Trait() Trait {
	return Trait{Strength: token.Strong, Watch: true, Weight: 15, Person: true, Safe: "right check digits, at a bank code that no bank has"}
}

func (iban) Fit(c *Column) (int, string) {
	names := []string{"iban", "bank account", "account iban", "iban number", "account number", "bank account number"}
	if s, why := (clue{names: names, classes: []Class{Text}, valid: validIBAN, what: "IBANs with right check digits", proof: true}).fit(c); s > 0 {
		return s, why
	}
	return clue{names: names, classes: []Class{Text}, valid: ibanLike, what: "in the form of IBANs"}.fit(c)
}

// ibanForms give, per country, the national part (ISO 13616 registry: n digits
// 9, a letters A) after a bank code that no bank has. German bank codes begin
// with 1 to 8 (Bundesbank, Bankleitzahlen); the numeric codes elsewhere end
// their register's range unassigned; letter codes begin with QZ.
var ibanForms = map[string]struct{ bank, rest string }{
	"DE": {"9", "99999999999999999"}, "AT": {"99999", "99999999999"}, "CH": {"99999", "999999999999"},
	"FR": {"99999", "999999999999999999"}, "ES": {"9999", "9999999999999999"}, "BE": {"999", "999999999"},
	"NL": {"QZ", "AA9999999999"}, "GB": {"QZ", "AA00999999999999"}, "IE": {"QZ", "AA00999999999999"},
	"IT": {"X99999", "99999999999999999"}, "PL": {"999", "999999999999999999999"}, "PT": {"9999", "99999999999999999"},
	"SE": {"999", "99999999999999999"}, "DK": {"9999", "9999999999"}, "NO": {"9999", "9999999"}, "FI": {"999", "99999999999"},
	"LU": {"999", "9999999999999"}, "CZ": {"9999", "9999999999999999"},
}

func (iban) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	plain := strings.ToUpper(strings.ReplaceAll(like, " ", ""))
	if len(plain) < 4 {
		plain = "DE00"
	}
	form, ok := ibanForms[plain[:2]]
	if !ok {
		return "", errors.New("no bank code without a bank is known for the country of the template's IBAN")
	}
	bban := form.bank + refill(r, form.rest)
	v := plain[:2] + ibanCheck(plain[:2], bban) + bban
	if strings.Contains(like, " ") {
		v = spaced(v)
	}
	if !c.fits(v) {
		return "", errors.New("the column is too short for an IBAN")
	}
	return v, nil
}

// spaced writes an IBAN in groups of four.
func spaced(v string) string {
	var b strings.Builder
	for i := range len(v) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// ibanCheck returns the two check digits (ISO 7064 MOD 97-10).
func ibanCheck(country, bban string) string {
	n := 98 - mod97(bban+country+"00")
	return string([]byte{'0' + byte(n/10), '0' + byte(n%10)})
}

func mod97(s string) int {
	m := 0
	for _, c := range []byte(s) {
		if c >= 'A' {
			m = (m*100 + int(c-'A') + 10) % 97
		} else {
			m = (m*10 + int(c-'0')) % 97
		}
	}
	return m
}

// ibanLike reports whether v has the form of an IBAN, whatever its check digits.
func ibanLike(v string) bool {
	v = strings.ReplaceAll(v, " ", "")
	return len(v) >= 15 && len(v) <= 34 && only(v[:2], upper) && only(v[2:4], digits) && only(v, digits+upper) && len(digitsOf(v)) >= 10
}

func validIBAN(v string) bool {
	v = strings.ReplaceAll(v, " ", "")
	return ibanLike(v) && mod97(v[4:]+v[:4]) == 1
}
