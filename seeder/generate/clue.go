package generate

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// clue is how a generator recognises a column.
type clue struct {
	// names are phrases of lower-case words; a column is so named if its own
	// words contain one of them side by side.
	names []string
	// not are phrases that rule a name out.
	not []string
	// classes are the types it can have.
	classes []Class
	// valid, if set, judges one value.
	valid func(string) bool
	what  string // what valid recognises, for the reason
	// proof says that valid alone is convincing, whatever the name.
	proof bool
}

// fit scores a column: 40 to 60 for the name, the rest for the values.
func (k clue) fit(c *Column) (int, string) {
	if !slices.Contains(k.classes, c.Class) {
		return 0, ""
	}
	phrase := ""
	words := Words(c.Name)
	for _, n := range k.names {
		if len(n) > len(phrase) && hasPhrase(words, n) {
			phrase = n
		}
	}
	for _, n := range k.not {
		if hasPhrase(words, n) {
			phrase = ""
		}
	}
	share, n := 1.0, len(c.Values)
	if k.valid != nil && n > 0 && (phrase != "" || k.proof) { // else it can't matter, and is costly
		share = k.share(c.Values)
	}
	name := 0
	if phrase != "" { // a longer phrase says more
		name = min(60, 52+2*strings.Count(phrase, " ")+len(phrase)/6)
	}
	switch {
	case n == 0 && phrase != "":
		return name, fmt.Sprintf("name says %q; no values to check", phrase)
	case n == 0:
		return 0, ""
	case phrase != "" && k.valid == nil:
		return name + 15, fmt.Sprintf("name says %q", phrase)
	case phrase != "" && share >= 0.7:
		return name + int(35*share), fmt.Sprintf("name says %q, %d %% of %d values are %s", phrase, int(100*share), n, k.what)
	case k.proof && share >= 0.8:
		return 20 + int(60*share), fmt.Sprintf("%d %% of %d values are %s", int(100*share), n, k.what)
	}
	return 0, ""
}

func (k clue) share(values []string) float64 {
	ok := 0
	for _, v := range values {
		if k.valid(v) {
			ok++
		}
	}
	return float64(ok) / float64(len(values))
}

// Words splits a column or table name into lower-case words at underscores,
// other punctuation and changes of case: "EMailAddr2" gives "e mail addr 2".
func Words(name string) []string {
	var out []string
	var cur []rune
	flush := func() {
		if len(cur) > 0 {
			out = append(out, strings.ToLower(string(cur)))
			cur = cur[:0]
		}
	}
	rs := []rune(name)
	for i, r := range rs {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case i > 0 && unicode.IsDigit(r) != unicode.IsDigit(rs[i-1]):
			flush()
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1]) && unicode.IsUpper(rs[i-1])):
			flush()
		}
		cur = append(cur, r)
	}
	flush()
	return out
}

// hasPhrase reports whether words contain the phrase's words side by side.
func hasPhrase(words []string, phrase string) bool {
	want := strings.Fields(phrase)
	for i := 0; i+len(want) <= len(words); i++ {
		if slices.Equal(words[i:i+len(want)], want) {
			return true
		}
	}
	return false
}

// HasPhrase reports whether a column or table name contains one of the phrases
// of lower-case words.
func HasPhrase(name string, phrases ...string) bool {
	words := Words(name)
	return slices.ContainsFunc(phrases, func(p string) bool { return hasPhrase(words, p) })
}

// Repeats reports whether values form a category: few different ones, most of
// which stand in several rows, so that one of them identifies nobody.
func Repeats(values []string) bool {
	if len(values) < 2 {
		return false
	}
	count := map[string]int{}
	for _, v := range values {
		count[v]++
	}
	shared := 0
	for _, n := range count {
		if n > 1 {
			shared += n
		}
	}
	return 2*len(count) <= len(values)+1 && 2*shared >= len(values)
}
