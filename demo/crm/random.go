package crm

import (
	"hash/crc32"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	digits = "0123456789"
	hexes  = "0123456789abcdef"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	base62 = digits + upper + lower
	base32 = upper + "234567"
)

// dice is a seeded source with the draws that the generator needs.
type dice struct{ *rand.Rand }

func (d dice) chance(p float64) bool { return d.Float64() < p }

func (d dice) of(list []string) string { return list[d.IntN(len(list))] }

// early prefers the head of the list, as names do: the first is drawn some ten
// times as often as the last.
func (d dice) early(list []string) string {
	u := d.Float64()
	return list[int(u*u*float64(len(list)))]
}

func (d dice) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.IntN(len(alphabet))]
	}
	return string(b)
}

// pattern replaces "#" by digits and "@" by capitals.
func (d dice) pattern(p string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '#':
			return rune(digits[d.IntN(10)])
		case '@':
			return rune(upper[d.IntN(26)])
		}
		return r
	}, p)
}

// normal draws around mean, never more than four deviations away.
func (d dice) normal(mean, dev float64) float64 {
	return mean + dev*math.Max(-4, math.Min(4, d.NormFloat64()))
}

// between draws a moment in working hours more often than at night.
func (d dice) between(from, to time.Time) time.Time {
	span := to.Sub(from)
	if span <= 0 {
		return from
	}
	t := from.Add(time.Duration(d.Int64N(int64(span)))).Truncate(time.Microsecond)
	day := t.Truncate(24 * time.Hour)
	at := day.Add(time.Duration(math.Abs(d.normal(14, 3.5)) * float64(time.Hour))).Truncate(time.Microsecond)
	if at.Before(from) || at.After(to) {
		return t
	}
	return at
}

func (d dice) date(from, to time.Time) time.Time {
	return d.between(from, to).Truncate(24 * time.Hour)
}

// secret makes a key in the form that the vendor gives out. The keys are
// random and open nothing.
func (d dice) secret(vendor string) (keyID, secret string) {
	switch vendor {
	case "aws":
		return "AKIA" + d.text(base32, 16), d.text(base62+"+/", 40)
	case "stripe":
		return "", "sk_" + "live_" + d.text(base62, 99)
	case "github":
		s := d.text(base62, 30)
		return "", "ghp_" + s + base62sum(s)
	case "gitlab":
		return "", "glpat-" + d.text(base62, 20)
	case "slack":
		return "", "xoxb-" + d.text(digits, 12) + "-" + d.text(digits, 12) + "-" + d.text(base62, 24)
	case "sendgrid":
		return "", "SG." + d.text(base62, 22) + "." + d.text(base62, 43)
	case "twilio":
		return "SK" + d.text(hexes, 32), d.text(base62, 32)
	case "google":
		return "", "AIza" + d.text(base62+"-_", 35)
	case "shopify":
		return "", "shpat_" + d.text(hexes, 32)
	case "digitalocean":
		return "", "dop_v1_" + d.text(hexes, 64)
	case "databricks":
		return "", "dapi" + d.text(hexes, 32)
	default:
		return "", "key_" + d.text(base62, 40)
	}
}

// base62sum is the checksum at the end of GitHub's tokens: the CRC-32 of the
// random part in base 62, six characters.
func base62sum(s string) string {
	n := crc32.ChecksumIEEE([]byte(s))
	out := make([]byte, 6)
	for i := range out {
		out[5-i] = base62[n%62]
		n /= 62
	}
	return string(out)
}

// iban makes a German account number with right check digits and a bank code
// that starts with 9, which the Bundesbank does not give out: nobody's account.
func (d dice) iban() string {
	bban := "9" + d.text(digits, 17)
	rest := 0
	for _, c := range bban + "131400" { // "DE00" as digits
		rest = (rest*10 + int(c-'0')) % 97
	}
	check := 98 - rest
	return "DE" + string(digits[check/10]) + string(digits[check%10]) + bban
}
