package generate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"honeyrow/token"
)

// phone makes telephone numbers that no subscriber has, from the ranges that
// national regulators keep for drama, in the column's own notation.
type phone struct{}

var phoneForm = regexp.MustCompile(`^\+?[0-9(][0-9 ()./-]{5,22}[0-9](\s*(x|ext\.?)\s*[0-9]{1,5})?$`)

func (phone) Kind() string { return "phone" }

func (phone) Trait() Trait {
	return Trait{Strength: token.Firm, Watch: true, Weight: 4, Person: true, Safe: "from ranges kept for fiction: no subscriber has it"}
}

func (phone) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"phone", "phone number", "telephone", "mobile", "cell", "fax", "tel", "telefon", "telf", "tel number", "telnr", "msisdn", "mobile number", "home phone", "work phone", "cellphone"},
		not:     []string{"phone type", "phone verified", "phone id"},
		classes: []Class{Text},
		valid: func(v string) bool {
			n := len(digitsOf(v))
			return n >= 7 && n <= 20 && phoneForm.MatchString(v)
		}, what: "telephone numbers",
	}.fit(c)
}

// numberRange is numbers of so many digits after a prefix.
type numberRange struct {
	prefix string
	digits int
}

// nearest returns the range that begins most like a national number, so that
// a mobile number stays one and the area code keeps its length.
func nearest(r *rand.Rand, ranges []numberRange, national string) numberRange {
	var best []numberRange
	most := -1
	for _, rg := range ranges {
		n := 0
		for n < len(national) && n < len(rg.prefix) && n < 3 && national[n] == rg.prefix[n] {
			n++
		}
		if n > most {
			best, most = nil, n
		}
		if n == most {
			best = append(best, rg)
		}
	}
	return one(r, best)
}

// drama lists number ranges kept for fiction: the national number's first
// digits (without trunk zero), all its digits. Sources: Ofcom (01632, 07700 900),
// ARCEP (019900, 026191, 035301, 046571, 053649, 063998), Bundesnetzagentur
// (030 23125, 040 66969, 069 90009, 0171 39200), ACMA (0491 570 1, 02 5550, 07 7010).
var drama = map[string][]numberRange{
	"44": {{"7700900", 10}, {"1632960", 10}},
	"33": {{"19900", 9}, {"26191", 9}, {"35301", 9}, {"46571", 9}, {"53649", 9}, {"63998", 9}},
	"49": {{"3023125", 10}, {"4066969", 10}, {"6990009", 10}, {"17139200", 10}},
	"61": {{"4915701", 9}, {"25550", 9}, {"77010", 9}},
}

// Narrow implements Narrow: blocks kept for fiction have 100 to 10,000 numbers,
// and testers and shy customers take theirs from them too.
func (phone) Narrow(_ *Column, row *Row) string {
	if len(row.PhoneRanges) > 0 {
		return ""
	}
	return "few numbers are kept for fiction and other rows may hold them (phone_ranges names a range of yours)"
}

// owned returns a number of the owner's own ranges in the notation of like, or
// "" if none suits it.
func owned(r *rand.Rand, ranges []string, like string) string {
	n := len(digitsOf(like))
	var fit []string
	for _, p := range ranges {
		if strings.HasPrefix(p, "+") == strings.HasPrefix(like, "+") && n-len(digitsOf(p)) >= 2 {
			fit = append(fit, digitsOf(p))
		}
	}
	if len(fit) == 0 {
		return ""
	}
	p := one(r, fit)
	v, _ := fillDigits(like, p+pick(r, digits, n-len(p)))
	return v
}

func (phone) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	if row.Attempt > 1 && len(c.Values) > 0 { // the range that the template leads to is full
		near := like[:min(3, len(like))]
		for range 50 {
			if like = one(r, c.Values); row.Attempt > 4 || strings.HasPrefix(like, near) { // first the same country
				break
			}
		}
	}
	if i := strings.IndexAny(like, "xe"); i > 0 { // without the extension
		like = strings.TrimSpace(like[:i])
	}
	if len(row.PhoneRanges) > 0 {
		for try := 0; try < 50; try++ {
			if v := owned(r, row.PhoneRanges, like); v != "" && c.fits(v) {
				return v, nil
			}
			if len(c.Values) == 0 {
				break
			}
			like = one(r, c.Values)
		}
		return "", errors.New("none of phone_ranges is in the column's notation")
	}
	v := dramaNumber(r, like, c.Values)
	if v == "" || !c.fits(v) {
		return "", errors.New("no range of telephone numbers without subscribers is known for the column's notation")
	}
	return v, nil
}

// dramaNumber returns a number that nobody has in the notation of like, or "". Where
// no country code stands before it, the column's other values tell the country: a
// number kept for fiction in one is somebody's in another.
func dramaNumber(r *rand.Rand, like string, values []string) string {
	ds := digitsOf(like)
	abroad := strings.HasPrefix(like, "+")
	for cc, ranges := range drama {
		if abroad && strings.HasPrefix(ds, cc) || strings.HasPrefix(ds, "00"+cc) {
			lead := cc
			if !abroad {
				lead = "00" + cc
			}
			rg := nearest(r, ranges, strings.TrimPrefix(ds[len(lead):], "0"))
			want := rg.prefix + pick(r, digits, rg.digits-len(rg.prefix))
			if v, ok := fillDigits(like, lead+want); ok {
				return v
			}
			if v, ok := fillDigits(like, lead+"0"+want); ok {
				return v // +44 (0)20 ...
			}
			return strings.TrimSuffix(like[:strings.Index(like, cc)+len(cc)], " ") + " " + want
		}
	}
	if abroad && !strings.HasPrefix(ds, "1") {
		return ""
	}
	if !abroad && strings.HasPrefix(ds, "0") {
		cc := trunkCountry(append([]string{like}, values...))
		if cc == "" {
			return "" // a number kept for fiction here is a stranger's elsewhere
		}
		return trunkNumber(r, like, ds, []string{cc})
	}
	if !abroad && !americans(append([]string{like}, values...)) {
		return ""
	}
	return northAmerican(r, like, ds)
}

// trunkNumber takes a national number with trunk zero: by its length and first
// digits one of the countries.
func trunkNumber(r *rand.Rand, like, ds string, countries []string) string {
	for _, cc := range countries {
		for _, rg := range drama[cc] {
			if len(ds) == rg.digits+1 && ds[1] == rg.prefix[0] {
				v, _ := fillDigits(like, "0"+rg.prefix+pick(r, digits, rg.digits-len(rg.prefix)))
				return v
			}
		}
	}
	for _, cc := range slices.Backward(countries) { // by its area code, whatever its length
		for _, rg := range drama[cc] {
			if len(ds) > 3 && strings.HasPrefix(rg.prefix, ds[1:3]) {
				v := "0" + rg.prefix + pick(r, digits, rg.digits-len(rg.prefix))
				if i := strings.IndexAny(like, " /-"); i > 0 && i < len(v) && strings.HasPrefix(v, like[:i]) {
					return v[:i] + like[i:i+1] + v[i:]
				}
				return v
			}
		}
	}
	rg := drama[countries[0]][0]
	if len(countries) == 1 {
		rg = nearest(r, drama[countries[0]], ds[1:])
	}
	v := "0" + rg.prefix + pick(r, digits, rg.digits-len(rg.prefix))
	if out, ok := fillDigits(like, v); ok {
		return out
	}
	return v
}

// northAmerican keeps the area code and takes 555-0100 to 555-0199.
func northAmerican(r *rand.Rand, like, ds string) string {
	line := fmt.Sprintf("55501%02d", r.IntN(100))
	area := fmt.Sprintf("%d%d%d", 2+r.IntN(8), r.IntN(8), 1+r.IntN(9))
	switch len(ds) {
	case 7:
		v, _ := fillDigits(like, line)
		return v
	case 10:
		v, _ := fillDigits(like, areaOf(ds[:3], area)+line)
		return v
	case 11:
		if ds[0] == '1' {
			v, _ := fillDigits(like, "1"+areaOf(ds[1:4], area)+line)
			return v
		}
	}
	return "+1 " + area[:3] + "-" + line[:3] + "-" + line[3:]
}

// areaOf returns was if it can be an area code, else area.
func areaOf(was, area string) string {
	if was[0] >= '2' && was[1] != '9' {
		return was
	}
	return area
}
