package generate

import (
	"cmp"
	"embed"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/brianvoe/gofakeit/v7/data"
)

// What people are called, by language: usual names, the more usual ones first. They say of
// which languages a table's names are, and which other names these have. A name of two
// words stands there with a low line.
//
//go:embed names
var nameFiles embed.FS

// directory is lists of names, and where each name stands in them, in each way of writing
// it.
type directory struct {
	lists   [][]string
	tongues []string // of the lists
	where   map[string][]place
	any     []string // for who is of no language that is known
	parent  *directory

	once            sync.Once
	known, backward []string       // all of them, in small letters, from their ends too
	ends            map[string]int // how many of them are another one with this behind it
}

// place is where a name stands.
type place struct{ list, at int }

// directories are the lists of first names, women's and men's by themselves, and of last
// names.
var directories = sync.OnceValues(func() (first, last *directory) {
	first, last = newDirectory(data.Person["first"]), newDirectory(data.Person["last"])
	files, err := nameFiles.ReadDir("names")
	if err != nil {
		panic(err) // they are in the program
	}
	for _, f := range files {
		text, err := nameFiles.ReadFile("names/" + f.Name())
		if err != nil {
			panic(err)
		}
		of := map[string][]string{}
		for line := range strings.Lines(string(text)) {
			if key, names, _ := strings.Cut(strings.TrimSpace(line), " "); key != "#" {
				of[key] = append(of[key], strings.Fields(strings.ReplaceAll(names, "_", "\u00a0"))...)
			}
		}
		tongue := strings.TrimSuffix(f.Name(), ".txt")
		first.add(tongue, of["female"])
		first.add(tongue, of["male"])
		last.add(tongue, of["last"])
	}
	return first, last
})

// elsewhere is what a list of another table's names is called in place of a language.
const elsewhere = ""

// with is a directory that holds one more list, of names from elsewhere, with repeats.
func (d *directory) with(names []string) *directory {
	often := map[string]int{}
	for _, v := range names {
		often[v]++
	}
	different := slices.SortedFunc(maps.Keys(often), func(a, b string) int {
		return cmp.Or(often[b]-often[a], strings.Compare(a, b))
	})
	out := &directory{lists: slices.Clone(d.lists), tongues: slices.Clone(d.tongues), where: map[string][]place{}, any: d.any, parent: d}
	out.add(elsewhere, different)
	return out
}

// places are where a name stands, in small letters.
func (d *directory) places(name string) []place {
	own := d.where[name]
	if d.parent == nil {
		return own
	}
	return slices.Concat(d.parent.places(name), own)
}

// made are those of the names that test data is made of.
var made = sync.OnceValues(func() (first, last *directory) {
	first, last = newDirectory(data.Person["first"]), newDirectory(data.Person["last"])
	first.add("english", first.any)
	last.add("english", last.any)
	return first, last
})

func newDirectory(any []string) *directory { return &directory{where: map[string][]place{}, any: any} }

const (
	allMade   = 0.95 // of the names of test data, and none else
	leastMade = 100
)

// directoryOf is the one in which the names of a table are.
func directoryOf(names []string, first bool) *directory {
	kinds, known := map[string]bool{}, 0
	f, l := made()
	if !first {
		f = l
	}
	for _, v := range names {
		if low := strings.ToLower(v); !kinds[low] {
			kinds[low] = true
			if len(f.where[low]) > 0 {
				known++
			}
		}
	}
	if len(kinds) >= leastMade && float64(known) >= allMade*float64(len(kinds)) {
		return f
	}
	if f, l = directories(); !first {
		f = l
	}
	return f
}

func (d *directory) add(tongue string, names []string) {
	list := make([]string, 0, len(names))
	for i, v := range names {
		v = strings.ReplaceAll(v, "\u00a0", " ")
		list = append(list, v)
		seen := map[string]bool{}
		for _, form := range written {
			if low := strings.ToLower(form(v)); !seen[low] {
				seen[low] = true
				d.where[low] = append(d.where[low], place{len(d.lists), i})
			}
		}
	}
	d.lists, d.tongues = append(d.lists, list), append(d.tongues, tongue)
}

// written are the ways in which tables write names: with the marks of their letters, without
// them, with two letters in their place.
var written = []func(string) string{
	func(v string) string { return v },
	func(v string) string { return unmarked(v, false) },
	func(v string) string { return unmarked(v, true) },
}

// unmarked writes a name with the letters a to z, of two where one stands for two.
func unmarked(v string, two bool) string {
	var b strings.Builder
	for _, r := range v {
		low := unicode.ToLower(r)
		f := folded[low]
		if f == "" && low < 128 && r > 127 {
			f = string(low)
		}
		if f == "" {
			b.WriteRune(r)
			continue
		}
		if !two && strings.ContainsRune("äöü", low) {
			f = f[:1]
		}
		if low != r {
			f = strings.ToUpper(f[:1]) + f[1:]
		}
		b.WriteString(f)
	}
	return b.String()
}

// sort makes what tells which names go on from others, when it is first needed; what stands
// elsewhere in the database does not count.
func (d *directory) sort() *directory {
	if d.parent != nil {
		return d.parent.sort()
	}
	d.once.Do(func() {
		d.ends = map[string]int{}
		for v := range d.where {
			d.known, d.backward = append(d.known, v), append(d.backward, backward(v))
			rs := []rune(v)
			for n := wholeName; n < len(rs); n++ {
				if d.where[string(rs[:n])] != nil {
					d.ends[string(rs[n:])]++
				}
			}
		}
		slices.Sort(d.known)
		slices.Sort(d.backward)
	})
	return d
}

// speaks are the languages of a name.
func (d *directory) speaks(name string) map[string]bool {
	out := map[string]bool{}
	for _, p := range d.places(strings.ToLower(name)) {
		out[d.tongues[p.list]] = true
	}
	return out
}

// nowhere is how likely a name is that stands in no list, of those that do so.
const nowhere = 1.0 / 20000

// shares is how many of some different names are of each list, where many are of several;
// the last is of none. (Expectation and maximisation, by turns.)
func (d *directory) shares(names []string) []float64 {
	n := len(d.lists)
	of := make([]float64, n+1)
	for i := range of {
		of[i] = 1 / float64(n+1)
	}
	for range 8 {
		next := make([]float64, n+1)
		for _, v := range names {
			d.odds(of, v, func(list int, p float64) { next[list] += p })
		}
		for i := range next {
			of[i] = next[i] / max(float64(len(names)), 1)
		}
	}
	return of
}

// odds says how likely a name is of each list in which it stands, and of none.
func (d *directory) odds(shares []float64, name string, do func(list int, p float64)) {
	n := len(d.lists)
	places := d.places(strings.ToLower(name))
	sum := shares[n] * nowhere
	for _, p := range places {
		sum += shares[p.list] / float64(len(d.lists[p.list]))
	}
	if sum <= 0 {
		do(n, 1)
		return
	}
	for _, p := range places {
		do(p.list, shares[p.list]/float64(len(d.lists[p.list]))/sum)
	}
	do(n, shares[n]*nowhere/sum)
}

// find draws the place of a name among those in the lists; false if it is of none.
func (d *directory) find(r *rand.Rand, shares []float64, name string) (place, bool) {
	at := r.Float64()
	list := len(d.lists)
	d.odds(shares, name, func(l int, p float64) {
		if at >= 0 {
			if at -= p; at < 0 {
				list = l
			}
		}
	})
	for _, p := range d.places(strings.ToLower(name)) {
		if p.list == list {
			return p, true
		}
	}
	return place{}, false
}

// near is the place of another name of the list, about as usual.
func (d *directory) near(r *rand.Rand, p place) place {
	n := len(d.lists[p.list])
	at := p.at + int(math.Round(r.NormFloat64()*(5+float64(n)/6)))
	for at < 0 || at >= n { // as in a mirror
		if at < 0 {
			at = -1 - at
		} else {
			at = 2*n - 1 - at
		}
	}
	return place{p.list, at}
}

// Listed reports whether a first or a last name is a usual one somewhere.
func Listed(first bool, name string) bool {
	low := strings.ToLower(strings.TrimSpace(name))
	for _, of := range []func() (*directory, *directory){directories, made} {
		f, l := of()
		if !first {
			f = l
		}
		if len(f.where[low]) > 0 {
			return true
		}
	}
	return false
}

// Sexes says whether a first name is in a list of women's names, and of men's.
func Sexes(first string) (of [2]bool) {
	all, _ := directories()
	for _, p := range all.where[strings.ToLower(first)] {
		of[p.list%2] = true
	}
	return of
}
