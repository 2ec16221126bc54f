package engine

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"math"
	"strconv"
	"strings"
	"unicode"

	"honeyrow/engine/match"
	"honeyrow/event"
	"honeyrow/token"
)

// What a sighting is worth. docs/alert.md, "Evidence and chance", has the model
// for readers of alerts; this file is its arithmetic, in bits: a value of n bits
// is met by chance once in 2^n ordinary values of its kind.

const (
	// correlated is what each further value of a honey row counts beside the
	// best one: names, titles and dates of one person depend on each other.
	correlated = 0.7
	// newer is the part of a table's rows that came after the honey row, for
	// which its uniqueness was not checked.
	newer = 0.1
	// leastChance is stated where the arithmetic gives less.
	leastChance = 1e-30
	// silence is the chance from which weak values say nothing together.
	silence = 0.5
	// near is how far from each other two weak values inside one field may
	// stand, in bytes, to be of one record.
	near = 400
	// word is how long the values in an aggregate or an object are taken to be
	// at least, in bytes.
	word = 6

	disguiseBits = 4 // for the ways in which a value may be hidden
	pieceBits    = 9 // for the places where pieces may be cut
	identityBits = 100
)

// look is how a sighting came about.
type look struct {
	// tries are the places at which the value could have stood so far in this
	// run: fields, or bytes of text.
	tries float64
	// loss are the bits that are lost since the value was one of many in a field.
	loss float64
}

// tried returns a look over n places.
func tried[T int | int32 | int64 | uint64](n T) look { return look{tries: max(float64(n), 1)} }

// weight is the evidence for one honey row in one run.
type weight struct {
	best, rest float64 // bits of the best value, of the others together
	value      string  // the best one
	tries      float64 // the most of any
}

// add counts a value; one that stands in another one tells nothing new.
func (w *weight) add(value string, bits, tries float64) {
	w.tries = max(w.tries, tries)
	switch {
	case w.value != "" && within(w.value, value):
		if bits > w.best {
			w.best, w.value = bits, value
		}
	case bits > w.best:
		w.rest += w.best
		w.best, w.value = bits, value
	default:
		w.rest += bits
	}
}

// chance returns how probable it is that ordinary rows gave all this.
func (w *weight) chance() float64 {
	return chance(w.best+correlated*w.rest, w.tries)
}

// within reports whether one of two values is a part of the other.
func within(a, b string) bool {
	a, b = bare(a), bare(b)
	if len(a) < len(b) {
		a, b = b, a
	}
	return strings.Contains(a, b)
}

// bare is a value's letters and digits, in lower case.
func bare(v string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && !alnum(byte(r)) {
			return -1
		}
		return unicode.ToLower(r)
	}, v)
}

// chance of meeting a value of that many bits in so many tries.
func chance(bits, tries float64) float64 {
	return min(1, max(tries*math.Exp2(-bits), leastChance))
}

// sighting is a token seen, and what that is worth.
type sighting struct {
	tok             *token.Token
	means, disguise string // as in event.Hit
	ev              event.Evidence
	tries           float64
}

// newSighting weighs a sighting of token tok; means may have the disguise behind it.
func newSighting(x *match.Index, tok uint32, means string, at look) sighting {
	means, disguise, _ := strings.Cut(means, " ")
	return sighting{x.Token(tok), means, disguise, weigh(x, tok, means, disguise, at), trials(x, tok, means, at)}
}

// weigh makes the evidence of a sighting of token tok.
func weigh(x *match.Index, tok uint32, means, disguise string, at look) event.Evidence {
	t := x.Token(tok)
	ev := event.Evidence{Length: len(t.Value), Among: t.Among, Searched: uint64(at.tries)}
	bits := valueBits(t)
	switch means {
	case meansColumn:
		ev.Length = len(t.Value)
		if t.Key {
			bits = identityBits
		}
	case meansPredicate, meansTable: // named with its column, or its table
		bits = identityBits
	case meansDisguised:
		switch disguise {
		case match.MD5.String():
			ev.Length = md5.Size
		case match.SHA1.String():
			ev.Length = sha1.Size
		case match.SHA256.String():
			ev.Length = sha256.Size
		case meansCRC:
			ev.Length, bits = 4, min(bits, 32)
		case match.Chunks.String():
			bits -= pieceBits
		}
		bits -= disguiseBits
	case meansPart:
		ev.Length = min(ev.Length, x.MaxPart())
	}
	ev.Bits = math.Round(10*max(bits-at.loss, 0)) / 10
	ev.Chance = round(chance(ev.Bits, trials(x, tok, means, at)))
	if means == meansColumn {
		ev.Chance = min(ev.Chance, silence)
	}
	return ev
}

// trials returns how many ordinary values had the opportunity to be taken for
// token tok or another one like it.
func trials(x *match.Index, tok uint32, means string, at look) float64 {
	switch means {
	case meansColumn:
		// The honey row is in this column, and no other row of it had the value:
		// what is mistaken for it is a row that came since.
		rows := at.tries
		if a := x.Token(tok).Among; a > 0 {
			rows = float64(a)
		}
		return 1 + newer*rows
	case meansTogether:
		return at.tries * honeyRows(x, tok)
	}
	return at.tries * float64(x.Tokens())
}

// honeyRows estimates how many honey rows there are.
func honeyRows(x *match.Index, tok uint32) float64 {
	return max(1, float64(x.Tokens())/float64(max(1, len(x.Row(tok)))))
}

// round keeps two digits.
func round(p float64) float64 {
	if p <= 0 {
		return 0
	}
	scale := math.Pow(10, 1-math.Floor(math.Log10(p)))
	return math.Round(p*scale) / scale
}

// kindBits are what the most a value of a kind is worth whose values are drawn
// from few: less than the variety of a population, since common ones are met
// more often.
var kindBits = map[string]float64{
	"first_name": 7, "last_name": 9.5, "person_name": 16, "city": 5, "region": 4, "country": 3, "postcode": 10, "street": 12,
	"company": 12, "title": 3, "role": 2, "status": 2, "card_brand": 2, "card_last4": 13, "date_of_birth": 14, "birth_date": 14,
	"timestamp": 30, "ip_address": 16, "username": 16, "login": 16,
}

const digitBits = 3.32 // log2(10)

// valueBits estimates how many bits a token's value carries, by its kind and
// form. It is less than what the value has, if anything.
func valueBits(t *token.Token) float64 {
	v := t.Value
	bits := textBits(v[:min(len(v), 256)])
	if n := digitsOf(v); n > 0 && isNumber(v) {
		bits = digitBits * float64(significant(v)-1)
	} else if n >= 4 && isMoment(v) {
		bits = momentBits(v)
	}
	switch t.Kind {
	case "phone":
		n := digitsOf(v)
		if n >= 10 {
			n -= 3 // country and area
		}
		bits = digitBits * float64(n-1)
	case "card_number", "iban", "national_id", "account_number": // issuer and check digits
		bits = min(bits, digitBits*float64(max(digitsOf(v)-8, 2)))
	}
	if most, ok := kindBits[t.Kind]; ok {
		bits = min(bits, most)
	} else if t.Strength == token.Weak {
		bits = min(0.75*bits, 20)
	}
	if t.Strength < token.Strong && t.Among > 3 {
		// None of so many rows held it: at most three in them, at 95 %.
		bits = max(bits, math.Log2(float64(t.Among)/3))
	}
	return max(bits, 1)
}

// textBits estimates the bits of a text: 5 for a character where letters and
// digits are mixed (4 if all are hexadecimal), 3.32 for a digit, 2.2 for a
// letter of a word, little for signs and for what comes again.
func textBits(v string) float64 {
	bits := 0.0
	for i := 0; i < len(v); {
		if !alnum(v[i]) {
			bits += 0.5
			i++
			continue
		}
		j, digits, hexa, fresh := i, 0, 0, 0
		for ; j < len(v) && alnum(v[j]); j++ {
			c := v[j] | 0x20
			if v[j] <= '9' {
				digits++
			}
			if v[j] <= '9' || c >= 'a' && c <= 'f' {
				hexa++
			}
			if j == i || v[j] != v[j-1] {
				fresh++
			}
		}
		each := 2.2
		switch n := j - i; {
		case digits == n:
			each = digitBits
		case digits == 0:
		case hexa == n:
			each = 4
		default:
			each = 5
		}
		bits += each*float64(fresh) + 0.5*float64(j-i-fresh)
		i = j
	}
	return bits
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

func digitsOf(v string) int {
	n := 0
	for i := range len(v) {
		if v[i] >= '0' && v[i] <= '9' {
			n++
		}
	}
	return n
}

// isNumber reports whether v is a decimal number.
func isNumber(v string) bool {
	_, err := strconv.ParseFloat(v, 64)
	return err == nil
}

// significant counts the digits of a number without zeros at either end.
func significant(v string) int {
	d := strings.Trim(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, v), "0")
	return max(len(d), 1)
}

// isMoment reports whether v is a date or a time: digits with the signs between.
func isMoment(v string) bool {
	for i := range len(v) {
		if !(v[i] >= '0' && v[i] <= '9') && !strings.ContainsRune("-:. T+Z", rune(v[i])) {
			return false
		}
	}
	return strings.Count(v, "-") >= 2 || strings.Count(v, ":") >= 2
}

// momentBits gives a date 14 bits, a time of day 16, and each digit of a
// fraction its own; midnight and full seconds tell nothing.
func momentBits(v string) float64 {
	bits := 0.0
	if strings.Count(v, "-") >= 2 {
		bits = 14
	}
	if _, clock, ok := strings.Cut(v, ":"); ok && strings.Trim(clock, "0:.+Z ") != "" {
		bits += 16
		if _, f, ok := strings.Cut(clock, "."); ok {
			bits += digitBits * float64(len(strings.TrimRight(f, "0")))
		}
	}
	return bits
}
