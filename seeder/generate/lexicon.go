package generate

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"
)

// lexicon is the names that one column holds, or a part of it, and how they are spelt.
type lexicon struct {
	*vocabulary
	own    []string         // with repeats
	once   []string         // of own, those that stand once in the table
	times  map[int][]string // own, by how often each stands in the table
	rare   int              // up to so many times, names are told by how often they stand there
	many   []string         // own that stand there as often or oftener
	kinds  int              // of own, different ones
	pairs  map[[2]rune]float64
	single map[rune]float64
	links  map[string][]step // what follows some characters, of names that differ
	chain  int               // so many
	brims  map[string]int    // how many different names begin or end so
	least  int               // characters of the shortest and the longest name
	most   int
	barren int // how often nothing new could be put together

	shares   []float64 // of the lists, of own's different names; see directory
	unlisted float64   // how many of them stand in no list
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
	// brim is how many characters a name put together begins and ends with as two others do;
	// a longer one ends so with one more.
	brim     = 3
	longName = 6
)

// newLexicon learns from own, which are all or a part of the table's names.
func newLexicon(own []string, of *vocabulary) *lexicon {
	x := &lexicon{vocabulary: of, own: own, times: map[int][]string{}, pairs: map[[2]rune]float64{}, single: map[rune]float64{}, links: map[string][]step{}, brims: map[string]int{}, least: math.MaxInt}
	different := map[string]bool{}
	for _, v := range own {
		spell(v, func(a, b rune) { x.pairs[[2]rune{a, b}]++; x.single[a]++ })
		different[strings.ToLower(v)] = true
	}
	if x.chain = chained; len(different) >= chainedMore {
		x.chain++
	}
	seen := map[string]bool{}
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
		for _, brim := range brims(low) {
			x.brims[brim]++
		}
		n := utf8.RuneCountInString(v)
		x.least, x.most = min(x.least, n), max(x.most, n)
	}
	for x.rare = 1; x.rare < mostRare && kinds(x.times[x.rare]) >= leastAlike && kinds(x.times[x.rare+1]) >= leastAlike; {
		x.rare++
	}
	for n, of := range x.times {
		if n >= x.rare {
			x.many = append(x.many, of...)
		}
	}
	slices.Sort(x.many)
	names := slices.Sorted(maps.Keys(different))
	for _, v := range names {
		if len(x.lists.places(v)) == 0 {
			x.unlisted += 1 / float64(len(names))
		}
	}
	x.shares = x.lists.shares(names)
	return x
}

// brims are the beginning and the end of a name.
func brims(v string) []string {
	rs := []rune(v)
	n := len(rs)
	out := []string{"^" + string(rs[:min(n, brim)]), string(rs[max(0, n-brim):]) + "$"}
	if n >= longName {
		out = append(out, string(rs[n-brim-1:])+"$")
	}
	return out
}

// A name is rare if the table has it up to mostRare times, as long as each number
// of times has leastAlike different names: to take one name for another is no change
// then that shows in either.
const (
	mostRare   = 5
	leastAlike = 6
)

// kinds is how many different names there are.
func kinds(names []string) int {
	seen := map[string]bool{}
	for _, v := range names {
		seen[strings.ToLower(v)] = true
	}
	return len(seen)
}

// pick returns one of own, "" if it is time for a name that own does not hold, each as
// often as a next row would bring it; always "" if fresh. A row drawn at random shares a rare
// name with so many others, and so will the honey row (Good and Turing: names that no row
// has come as often as there are names that one row has, and those that one row has
// as often as there are rows whose name stands twice).
func (x *lexicon) pick(r *rand.Rand, fresh bool) string {
	if fresh || len(x.own) == 0 {
		return ""
	}
	switch times := max(x.held[strings.ToLower(one(r, x.own))], 1); {
	case times == 1:
		return ""
	case times <= x.rare:
		return one(r, x.times[times-1])
	default:
		return one(r, x.many)
	}
}

// another returns a new name where there is one, else one of own.
func (x *lexicon) another(r *rand.Rand, fresh bool, with map[string]bool) string {
	if len(x.own) == 0 {
		return one(r, x.lists.any)
	}
	if v := x.novel(r, fresh, with); v != "" {
		return v
	}
	return one(r, x.own)
}

// draw returns a name as pick does, or another.
func (x *lexicon) draw(r *rand.Rand, fresh bool) string {
	if v := x.pick(r, fresh); v != "" {
		return v
	}
	return x.another(r, fresh, nil)
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
