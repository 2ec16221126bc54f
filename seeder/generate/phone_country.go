package generate

import (
	"regexp"
	"strings"
)

// fewPhones is of how many numbers nothing is concluded but from how they are written.
const fewPhones = 8

// northern is how North Americans write numbers.
var northern = regexp.MustCompile(`^(?:1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}$|^\d{3}-\d{4}$`)

// americans reports whether numbers without a country code may be of North America,
// where neither an area code nor the three digits behind it begin with 0 or 1.
// Mobile numbers of India, China or Mexico are as long.
func americans(values []string) bool {
	n, not, written := 0, 0, 0
	for _, v := range values {
		ds := digitsOf(v)
		if strings.HasPrefix(v, "+") || strings.HasPrefix(ds, "0") {
			continue
		}
		if northern.MatchString(v) {
			written++
		}
		if len(ds) == 11 && ds[0] == '1' {
			ds = ds[1:]
		}
		switch {
		case len(ds) == 10 && (ds[0] < '2' || ds[3] < '2'), len(ds) == 7 && ds[0] < '2':
			not++
		}
		n++
	}
	return 10*not <= n && (n > fewPhones || 10*written >= 9*n)
}

// trunk is what a column's national numbers with trunk zero look like.
type trunk struct {
	n       int
	lengths map[int]int
	first   map[byte]int
	third   map[byte]map[byte]int // by the digit after the zero: the next one
	written map[string]int        // by country: numbers that are written as only it does
	mobile  int                   // German ones by prefix and length
	abroad  map[string]int        // numbers with a country code, by country
	codes   int
}

// ways are how numbers of one country are written, and of no other that is known.
var ways = map[string]*regexp.Regexp{
	"33": regexp.MustCompile(`^0\d(?:([ .-])\d\d)(?:[ .-]\d\d){3}$`),
	"44": regexp.MustCompile(`^\(?07[1-57-9]\d\d\)? \d{6}$|^\(?07[1-57-9]\d\d\)? \d{3} \d{3}$|^\(?01[2-9]\d\d\)? \d{6}$|^\(?020\)? [378]\d{3} \d{4}$`),
	"49": regexp.MustCompile(`^0[1-9]\d{2,4} ?/ ?\d[\d -]{2,10}$`),
	"61": regexp.MustCompile(`^04\d\d \d{3} \d{3}$|^\(0[2378]\) ?\d{4} ?\d{4}$`),
}

func trunks(values []string) *trunk {
	t := &trunk{lengths: map[int]int{}, first: map[byte]int{}, third: map[byte]map[byte]int{}, written: map[string]int{}, abroad: map[string]int{}}
	for _, v := range values {
		ds := digitsOf(v)
		if strings.HasPrefix(v, "+") {
			t.codes++
			for cc := range drama {
				if strings.HasPrefix(ds, cc) {
					t.abroad[cc]++
				}
			}
			continue
		}
		if len(ds) < 6 || ds[0] != '0' || ds[1] == '0' {
			continue
		}
		t.n++
		t.lengths[len(ds)]++
		t.first[ds[1]]++
		if t.third[ds[1]] == nil {
			t.third[ds[1]] = map[byte]int{}
		}
		t.third[ds[1]][ds[2]]++
		if ds[1] == '1' && (ds[2] == '5' || ds[2] == '6' || ds[2] == '7') && len(ds) >= 11 {
			t.mobile++
		}
		for cc, way := range ways {
			if way.MatchString(v) {
				t.written[cc]++
			}
		}
	}
	return t
}

// among reports whether nearly all numbers have one of these digits behind the zero.
func (t *trunk) among(all string) bool {
	k := 0
	for i := range len(all) {
		k += t.first[all[i]]
	}
	return 20*k >= 19*t.n
}

// only counts the numbers with a digit behind the zero, and reports whether the next
// one is always one of these.
func (t *trunk) only(d byte, next string) (int, bool) {
	for k := range t.third[d] {
		if strings.IndexByte(next, k) < 0 {
			return 0, false
		}
	}
	return t.first[d], true
}

// trunkCountry is the country with numbers kept for fiction of which a column's
// national numbers with trunk zero are, "" if that is not sure: Dutch, Swiss, South
// African and Malaysian numbers look much like French, Japanese and Korean ones like
// British, Italian and Austrian ones like German, and what nobody has in one country
// somebody has in another.
func trunkCountry(values []string) string {
	t := trunks(values)
	if t.n == 0 {
		return ""
	}
	for cc, n := range t.written {
		if 3*n >= 2*t.n && t.suits(cc) {
			return cc
		}
	}
	for cc, n := range t.abroad { // the others of the column say where it is at home
		if n >= fewPhones && 10*n >= 9*t.codes && t.suits(cc) {
			return cc
		}
	}
	if t.n < fewPhones {
		return ""
	}
	if n, ok := t.only('7', "12345789"); ok && 5*n >= t.n && 10*t.lengths[11] >= 9*t.n && t.among("12378") {
		if _, ok := t.only('1', "123456789"); ok { // 010 is Korea's and Egypt's
			return "44"
		}
	}
	if n, ok := t.only('1', "3456789"); ok && n >= fewPhones && t.suits("33") && len(t.third['6']) >= 5 { // 010 and 011 are the Netherlands', Sweden's, Japan's
		if _, ok := t.only('7', "3456789"); ok {
			return "33"
		}
	}
	if t.suits("61") && 5*t.first['4'] >= t.n && len(t.third['4']) >= 5 { // Switzerland has 041, 043 and 044
		return "61"
	}
	if n, ok := t.only('1', "567"); ok && 5*t.mobile >= t.n && t.mobile == n {
		return "49"
	}
	return ""
}

// suits reports whether nearly all numbers are as long as a country's.
func (t *trunk) suits(cc string) bool {
	switch cc {
	case "33":
		return 20*t.lengths[10] >= 19*t.n && t.among("12345679")
	case "44":
		return 10*(t.lengths[11]+t.lengths[10]) >= 9*t.n && t.lengths[11] > t.lengths[10] && t.among("12378")
	case "61":
		return 20*t.lengths[10] >= 19*t.n && t.among("23478")
	}
	return 20*t.mobile >= t.n // Germany's are of any length, and so are Italy's and Austria's
}
