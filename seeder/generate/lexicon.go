package generate

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"
)

// lexicon is the names that one column holds, and how they are spelt.
type lexicon struct {
	own    []string         // with repeats
	more   []string         // names from elsewhere, if they are of the same language
	list   []string         // the same, whatever the language
	part   bool             // own are those of a part of the table's rows, of a country
	once   []string         // of own, those that stand once in the table
	times  map[int][]string // own, by how often each stands in the table
	rare   int              // up to so many times, names are told by how often they stand there
	many   []string         // own that stand there as often or oftener
	held   map[string]int   // how often, in small letters
	kinds  int              // of own, different ones
	pairs  map[[2]rune]float64
	single map[rune]float64
	links  map[string][]step // what follows some characters, of names that differ
	chain  int               // so many
	listed map[string]bool   // of list, in small letters
	// strict: no name is put together that goes on from another, or breaks off in
	// it: "Petersen" is a last name beside "Peters", "Jonathanna" no first one.
	strict bool
	known  []string // of strict ones, all that is held and more; made when first needed
	least  int      // characters of the shortest and the longest name
	most   int
}

// step is a character that follows others in a name.
type step struct {
	next rune
	end  bool
}

const (
	// coined is how many different names a lexicon needs for new ones to be put
	// together from pieces of them; fewer would only give back themselves.
	coined = 60
	// chained is how many characters decide about the next one, of chainedMore names one more.
	chained     = 3
	chainedMore = 600
	akin        = 2 // one of so many names has to stand in a list for it to be of their language
)

// newLexicon learns from own. What is new or stands once is so in whole, of
// which own is a part.
func newLexicon(own, whole, more []string) *lexicon {
	x := &lexicon{own: own, list: more, part: len(own) < len(whole), times: map[int][]string{}, held: map[string]int{}, pairs: map[[2]rune]float64{}, single: map[rune]float64{}, links: map[string][]step{}, least: math.MaxInt}
	seen := map[string]bool{}
	for _, v := range whole {
		x.held[strings.ToLower(v)]++
	}
	kinds := map[string]bool{}
	for _, v := range own {
		spell(v, func(a, b rune) { x.pairs[[2]rune{a, b}]++; x.single[a]++ })
		kinds[strings.ToLower(v)] = true
	}
	if x.chain = chained; len(kinds) >= chainedMore {
		x.chain++
	}
	for _, v := range own {
		low := strings.ToLower(v)
		if x.held[low] < 2 {
			x.once = append(x.once, v)
		}
		x.times[max(x.held[low], 1)] = append(x.times[max(x.held[low], 1)], v)
		if seen[low] {
			continue
		}
		seen[low] = true
		x.kinds++
		rs := append(x.start(), []rune(v)...)
		for i := x.chain; i <= len(rs); i++ {
			l := step{end: i == len(rs)}
			if !l.end {
				l.next = rs[i]
			}
			k := string(rs[i-x.chain : i])
			x.links[k] = append(x.links[k], l)
		}
		n := utf8.RuneCountInString(v)
		x.least, x.most = min(x.least, n), max(x.most, n)
	}
	for x.rare = 1; x.rare < mostRare && different(x.times[x.rare]) >= leastAlike && different(x.times[x.rare+1]) >= leastAlike; {
		x.rare++
	}
	for n, of := range x.times {
		if n >= x.rare {
			x.many = append(x.many, of...)
		}
	}
	slices.Sort(x.many)
	x.listed = map[string]bool{}
	for _, v := range more {
		x.listed[strings.ToLower(v)] = true
	}
	known := 0
	for v := range seen {
		if x.listed[v] {
			known++
		}
	}
	if akin*known >= len(seen) { // else "Todd" would stand in Ireland, and "Wilkinson" in Sweden
		x.more = more
	}
	return x
}

// A name is rare if the table has it up to mostRare times, as long as each number
// of times has leastAlike different names: to take one name for another is no change
// then that shows in either.
const (
	mostRare   = 5
	leastAlike = 6
)

func different(names []string) int {
	seen := map[string]bool{}
	for _, v := range names {
		seen[strings.ToLower(v)] = true
	}
	return len(seen)
}

// draw returns one of own or one that own does not hold, each as often as a next row
// would bring it; always a new one if fresh. A row drawn at random shares a rare name
// with so many others, and so will the honey row (Good and Turing: names that no row
// has come as often as there are names that one row has, and those that one row has
// as often as there are rows whose name stands twice).
func (x *lexicon) draw(r *rand.Rand, fresh bool) string {
	if len(x.own) == 0 {
		return one(r, x.list)
	}
	times := max(x.held[strings.ToLower(one(r, x.own))], 1)
	switch {
	case fresh || times == 1:
	case times <= x.rare:
		return one(r, x.times[times-1])
	default:
		return one(r, x.many)
	}
	if v := x.novel(r, fresh); v != "" {
		return v
	}
	return one(r, x.own)
}

// novel returns a name that own does not hold: of some, the one whose spelling
// is about as usual as that of a name drawn among those that stand there once. It is one
// of the list as often as those are, else put together from pieces: a name that is
// nobody's anywhere comes no more often than the table's own that no list has.
func (x *lexicon) novel(r *rand.Rand, fresh bool) string {
	like := x.once
	if len(like) == 0 {
		like = x.own
	}
	rare := one(r, like)
	real := len(x.more) > 0 && x.listed[strings.ToLower(rare)]
	want, best, least := x.usual(rare, true), "", math.Inf(1)
	upper := capital(x.own)
	offer := func(v string) {
		if v == "" || x.held[strings.ToLower(v)] > 0 {
			return
		}
		if far := math.Abs(x.usual(v, false) - want); far < least {
			best, least = v, far
		}
	}
	pieces := func() {
		if v := x.coin(r); !x.strict || !x.leans(v) {
			offer(v)
		}
	}
	for range 24 {
		if real {
			offer(casing(one(r, x.more), upper))
		}
	}
	if x.kinds >= coined && !real {
		for range 36 {
			pieces()
		}
	}
	for range 100 { // own holds nearly all of more, or too few for much else than themselves
		if best != "" {
			break
		}
		if len(x.more) > 0 {
			offer(casing(one(r, x.more), upper))
		} else if x.kinds >= leastAlike {
			pieces()
		}
	}
	for range 100 { // of no country, or drawn since all that the table has is somebody's
		if best != "" || x.part && !fresh {
			break
		}
		offer(casing(one(r, x.list), upper))
	}
	return best
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

// leans reports whether a name is a known one with letters behind it, or one
// whose last letters are missing.
func (x *lexicon) leans(v string) bool {
	const whole = 4 // letters of a name that others are not made of by chance
	if x.known == nil {
		x.known = slices.Sorted(maps.Keys(x.held))
		for _, v := range x.list {
			x.known = append(x.known, strings.ToLower(v))
		}
		slices.Sort(x.known)
	}
	low := strings.ToLower(v)
	for n := whole; n < len(low); n++ {
		if _, is := slices.BinarySearch(x.known, low[:n]); is {
			return true
		}
	}
	i, _ := slices.BinarySearch(x.known, low)
	return len(low) >= whole && i < len(x.known) && x.known[i] != low && strings.HasPrefix(x.known[i], low)
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
			if v := rs[x.chain:]; len(v) >= max(x.least, 3) {
				return string(v)
			}
			return ""
		}
		rs = append(rs, l.next)
	}
	return ""
}

// usual says how usual a name's spelling is among own: the mean logarithm of
// how often its pairs of characters stand there. held leaves the name itself
// out.
func (x *lexicon) usual(v string, held bool) float64 {
	own := map[[2]rune]float64{}
	if held {
		spell(v, func(a, b rune) { own[[2]rune{a, b}]++ })
	}
	sum, n := 0.0, 0.0
	spell(v, func(a, b rune) {
		k := [2]rune{a, b}
		sum += math.Log((x.pairs[k] - own[k] + 0.1) / (x.single[a] + 4))
		n++
	})
	return sum / max(n, 1)
}

func spell(v string, do func(a, b rune)) {
	last := '^'
	for _, r := range v {
		do(last, r)
		last = r
	}
	do(last, '$')
}
