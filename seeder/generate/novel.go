package generate

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// vocabulary is the names of a whole table, whose parts lexicons are, and the lists of
// what people are called elsewhere.
type vocabulary struct {
	lists  *directory
	held   map[string]int  // how often, in small letters
	forms  map[string]bool // O'Aa, Aa-Aa
	upper  string          // a name in the case of all
	strict bool            // first names, of which there are few: what is none is seen at once
	size   int

	known, backward []string // all that is held, from its end too; made when first needed
	writing         map[string]*[3]int
	marked          bool
}

func newVocabulary(names []string, lists *directory, strict bool) *vocabulary {
	w := &vocabulary{lists: lists, held: map[string]int{}, forms: map[string]bool{}, upper: capital(names), strict: strict, size: len(names)}
	for _, v := range names {
		low := strings.ToLower(v)
		if w.held[low]++; w.held[low] == 1 {
			w.forms[outline(v)] = true
		}
	}
	return w
}

// capital returns a name whose case is that of the others: if all are in
// capitals or none has one, new ones are written so too.
func capital(own []string) string {
	up, low := true, true
	for _, v := range own {
		up, low = up && v == strings.ToUpper(v), low && v == strings.ToLower(v)
	}
	switch {
	case up:
		return "AA"
	case low:
		return "aa"
	}
	return ""
}

// outline is where a name has capitals, and what it has beside letters.
func outline(v string) string {
	var b strings.Builder
	var before rune
	for _, r := range v {
		switch {
		case unicode.IsUpper(r):
			r = 'A'
		case unicode.IsLetter(r):
			r = 'a'
		}
		if r != before {
			b.WriteRune(r)
		}
		before = r
	}
	return b.String()
}

const (
	// mostCoined is up to which share of the different names may stand in no list for none
	// to be put together: who reads it knows a name that is none, and to be in a list, as
	// most are, says less. mostCoinedStrict is that of first names.
	mostCoined       = 0.25
	mostCoinedStrict = 0.6
	mostBarren       = 5 // times that nothing new was made of the pieces
	offers           = 4 // of so many new names one is taken that is spelt about as usually
)

// novel returns a name that the table does not hold: a real one of a language of own's,
// about as usual there as one of own that stands once, written as the table writes names.
// Of tables a good part of whose names stand in no list, it is put together from
// pieces of them as often as those are; of a people whom no list knows, always. With are
// the languages of the person's other name, nil if nothing is known of it. "" if none is found.
func (x *lexicon) novel(r *rand.Rand, fresh bool, with map[string]bool) string {
	like := x.once
	if len(like) == 0 {
		like = x.own
	}
	coins := x.unlisted > mostCoined && !x.strict || x.unlisted > mostCoinedStrict
	for try := range 24 {
		rare := one(r, like)
		at, listed := x.lists.find(r, x.shares, rare)
		switch {
		case listed && try < 8 && len(with) > 0 && x.lists.tongues[at.list] != elsewhere && !with[x.lists.tongues[at.list]]: // another people's
		case listed:
			if v := x.listed(r, at, rare); v != "" {
				return v
			}
		case coins && x.kinds >= coined:
			if v := x.pieced(r, rare); v != "" {
				return v
			}
		}
	}
	if x.kinds >= coined && !x.strict || x.kinds >= leastAlike && x.unlisted > mostCoinedStrict { // the table holds nearly all that the lists do, or no list knows them
		if v := x.pieced(r, one(r, like)); v != "" {
			return v
		}
	}
	for range 100 { // of no country, or drawn since all that the table has is somebody's
		if len(x.own) < x.size && !fresh {
			break
		}
		if v := casing(one(r, x.lists.any), x.upper); x.held[strings.ToLower(v)] == 0 {
			return v
		}
	}
	return ""
}

// nearest keeps of some names the one that is spelt about as usually as another.
func (x *lexicon) nearest(rare string) (offer func(v string), best func() string) {
	want, kept, least := x.usual(rare, true), "", math.Inf(1)
	return func(v string) {
		if far := math.Abs(x.usual(v, false) - want); far < least {
			kept, least = v, far
		}
	}, func() string { return kept }
}

// listed returns a name of the list at a place, near it, that the table does not hold; ""
// if it holds them all.
func (x *lexicon) listed(r *rand.Rand, at place, rare string) string {
	offer, best := x.nearest(rare)
	n := 0
	add := func(at place) {
		if v := casing(x.write(r, at), x.upper); x.fits(v, at) {
			offer(v)
			n++
		}
	}
	for try := 0; try < 12*offers && n < offers; try++ {
		add(x.lists.near(r, at))
	}
	all := len(x.lists.lists[at.list])
	for from, k := r.IntN(all), 0; k < all && n == 0; k++ {
		add(place{at.list, (from + k) % all})
	}
	return best()
}

// fits reports whether a name of a list is none of the table's, however it is written, and
// has the form of some.
func (w *vocabulary) fits(v string, at place) bool {
	name := w.lists.lists[at.list][at.at]
	for _, form := range written {
		if w.held[strings.ToLower(form(name))] > 0 {
			return false
		}
	}
	return w.forms[outline(v)]
}

// write writes a name of a list as the table writes names of that language: with their
// marks or without, or with two letters in place of one. Where it has none of the language
// that would tell, as those of others; else with marks if any name has some.
func (w *vocabulary) write(r *rand.Rand, at place) string {
	name := w.lists.lists[at.list][at.at]
	if written[2](name) == name && written[1](name) == name {
		return name
	}
	if w.writing == nil {
		w.learnWriting()
	}
	tongue := w.lists.tongues[at.list]
	if tongue == elsewhere {
		return name
	}
	for _, of := range []string{tongue, ""} {
		t := w.writing[of]
		if t == nil || t[0]+t[1]+t[2] < leastAlike && of != "" || t[0]+t[1]+t[2] == 0 {
			continue
		}
		k := r.IntN(t[0]*t[0] + t[1]*t[1] + t[2]*t[2]) // what few are written like may be other names
		for form, n := range t {
			if k -= n * n; k < 0 {
				return written[form](name)
			}
		}
	}
	switch {
	case w.marked:
		return name
	case tongue == "german":
		return written[2](name)
	}
	return written[1](name)
}

func (w *vocabulary) learnWriting() {
	w.writing = map[string]*[3]int{"": {}}
	for low := range w.held {
		w.marked = w.marked || strings.ContainsFunc(low, func(r rune) bool { return r > 127 })
		all := w.lists.places(low)
		if slices.ContainsFunc(all, func(at place) bool {
			n := w.lists.lists[at.list][at.at]
			return strings.ToLower(n) == low && written[2](n) == n
		}) {
			continue // of a language that writes it without marks
		}
		for _, at := range all {
			name := strings.ToLower(w.lists.lists[at.list][at.at])
			forms := [3]string{name, written[1](name), written[2](name)}
			if forms[0] == forms[2] && forms[0] == forms[1] {
				continue
			}
			tongue := w.lists.tongues[at.list]
			if tongue == elsewhere {
				continue
			}
			if w.writing[tongue] == nil {
				w.writing[tongue] = &[3]int{}
			}
			for k := range forms {
				if forms[k] == low {
					w.writing[tongue][k]++
					w.writing[""][k]++
					break
				}
			}
		}
	}
}

// pieced returns a name that is put together from pieces of own, as long as a rare one if
// any is; "" if that fails. Short pieces more often make a name that is one already, so
// that whatever comes first would be longer than the table's.
func (x *lexicon) pieced(r *rand.Rand, rare string) string {
	offer, best := x.nearest(rare)
	if x.barren > mostBarren {
		return ""
	}
	long, other, least, n := utf8.RuneCountInString(rare), "", math.MaxInt, 0
	for try := 0; try < 600 && n < offers; try++ {
		v := x.coin(r)
		if v == "" || x.held[strings.ToLower(v)] > 0 || x.leans(v) {
			continue
		}
		switch far := max(utf8.RuneCountInString(v)-long, long-utf8.RuneCountInString(v)); {
		case far == 0:
			offer(v)
			n++
		case far < least:
			other, least = v, far
		}
	}
	if best() == "" && other != "" {
		offer(other)
	}
	if best() == "" {
		x.barren++
	}
	return best()
}

// start is what stands before a name.
func (x *lexicon) start() []rune { return []rune("^^^^")[:x.chain] }

// coin puts a name together from pieces of the table's; "" if that fails.
func (x *lexicon) coin(r *rand.Rand) string {
	rs := x.start()
	for len(rs) < x.most+x.chain+1 {
		next := x.links[string(rs[len(rs)-x.chain:])]
		if len(next) == 0 {
			return ""
		}
		l := next[r.IntN(len(next))]
		if l.end {
			v := string(rs[x.chain:])
			if n := len(rs) - x.chain; n < max(x.least, 3) || x.kinds >= coined && slices.ContainsFunc(brims(strings.ToLower(v)), func(b string) bool { return x.brims[b] < 2 }) {
				return ""
			}
			return v
		}
		rs = append(rs, l.next)
	}
	return ""
}

const (
	wholeName = 4 // letters of a name on which others don't go by chance
	leftName  = 3 // of one that is read as the rest of another
	ofMany    = 8 // names have an ending more for it to make names of others: Peters, Petersen
)

// leans reports whether a name is a known one with letters before or behind it, or without
// its last or first ones: "Jonathanna", "Kenne".
// A last name may be another with an ending that makes names of many.
func (w *vocabulary) leans(v string) bool {
	low := []rune(strings.ToLower(v))
	if len(low) < leftName {
		return false
	}
	if w.known == nil {
		for v := range w.held {
			w.known, w.backward = append(w.known, v), append(w.backward, backward(v))
		}
		slices.Sort(w.known)
		slices.Sort(w.backward)
	}
	lists := w.lists.sort()
	for i, all := range [2][2][]string{{w.known, lists.known}, {w.backward, lists.backward}} {
		v := low
		if i == 1 {
			v = []rune(backward(string(low)))
		}
		ends := lists.ends
		if w.strict || i == 1 {
			ends = nil
		}
		if meets(v, all, ends) {
			return true
		}
	}
	return false
}

// meets reports whether a name begins as another one does, with no ending of many behind
// it, or another one as it.
func meets(v []rune, all [2][]string, ends map[string]int) bool {
	whole := string(v)
	for _, names := range all {
		for n := wholeName; n < len(v); n++ {
			if _, is := slices.BinarySearch(names, string(v[:n])); is && ends[string(v[n:])] < ofMany {
				return true
			}
		}
		i, _ := slices.BinarySearch(names, whole)
		for k := i; k <= i+1 && k < len(names); k++ { // the next by letters
			if names[k] != whole && strings.HasPrefix(names[k], whole) {
				return true
			}
		}
	}
	return false
}

func backward(v string) string {
	rs := []rune(v)
	slices.Reverse(rs)
	return string(rs)
}
