package camouflage

import (
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"honeyrow/seeder/generate"
)

// named measures names as somebody reads them: whether one is another without its last or
// first letters, goes on from one, begins as one and ends as another, ends as no other does,
// or is one that people have.
func (d *deck) named(f *features) {
	for _, c := range d.cells {
		if c.Role != Content {
			continue
		}
		switch c.Kind {
		case "first_name", "last_name":
			calls(f, c.Name, c.Kind == "first_name", c.text)
			if c.Kind == "first_name" {
				d.sexes(f, c)
			}
		case "person_name":
			first, last := make([]string, d.width), make([]string, d.width)
			for i, v := range c.text {
				first[i], last[i] = generate.SplitName(v)
			}
			calls(f, c.Name+"'s first name", true, first)
			calls(f, c.Name+"'s last name", false, last)
		}
	}
}

// sexes measures whether others of a first name, or of other women's or men's names where
// nobody else has it, are of the same few categories: Mr Karin.
func (d *deck) sexes(f *features, c *cells) {
	class := make([]string, d.width)
	for i, v := range c.text {
		if class[i] = strings.ToLower(v); c.seen(i) == 0 {
			s := generate.Sexes(v)
			class[i] = "\x00" + strconv.FormatBool(s[0]) + strconv.FormatBool(s[1])
		}
	}
	n := 0
	for _, o := range d.cells {
		if o.Role != Content || o == c || !o.few() || o.kinds > mostSexes || n == mostSexes {
			continue
		}
		n++
		all, both := map[string]float64{}, map[string]float64{}
		for i, v := range class {
			all[v]++
			both[v+"\x00"+o.text[i]]++
		}
		f.add(c.Name+" as those of its "+o.Name, d.width, func(i int) float64 {
			share := o.seen(i) / float64(d.width)
			return math.Log((both[class[i]+"\x00"+o.text[i]] - 1 + share) / (all[class[i]] * max(share, 1e-3)))
		})
	}
}

// mostSexes is how many values a category has that a first name may tell, and how many such
// are looked at.
const mostSexes = 4

// Letters of a name that is read as another's beginning, of one from which another goes on,
// and of an ending.
const (
	leftOf  = 3
	goingOn = 4
	endsIn  = 3
)

func calls(f *features, column string, first bool, names []string) {
	count, backward := map[string]float64{}, map[string]float64{}
	low := make([]string, len(names))
	for i, v := range names {
		low[i] = strings.ToLower(v)
		if v != "" {
			count[low[i]]++
			backward[reversed(low[i])]++
		}
	}
	sorted, behind := keys(count), keys(backward)
	ends := map[string]float64{}
	for _, v := range behind {
		ends[start(v, endsIn)]++
	}
	type told struct{ cut, from, both, end, known, strange float64 }
	of := map[string]told{"": {-1, -1, -1, -1, -1, -1}}
	for _, v := range sorted {
		r := reversed(v)
		t := told{
			cut:  math.Log1p(max(longer(v, sorted, count), longer(r, behind, backward))),
			from: math.Log1p(shorter(v, count)),
			both: min(1, float64(shared(v, sorted)+shared(r, behind))/float64(len([]rune(v)))),
			end:  math.Log1p(ends[start(r, endsIn)] - 1),
		}
		t.known = truth(generate.Listed(first, v))
		t.strange = truth(t.known == 0 && count[v] < 2)
		of[v] = t
	}
	add := func(name string, tell func(t told) float64) {
		f.add(column+": "+name, len(names), func(i int) float64 { return tell(of[low[i]]) })
	}
	add("rows whose name it is without some letters", func(t told) float64 { return t.cut })
	add("rows from whose name it goes on", func(t told) float64 { return t.from })
	add("what it begins and ends with in common with others", func(t told) float64 { return t.both })
	add("names that end so", func(t told) float64 { return t.end })
	add("is in a list of names", func(t told) float64 { return t.known })
	add("nobody else's, and in no list of names", func(t told) float64 { return t.strange })
}

func keys(of map[string]float64) []string {
	out := make([]string, 0, len(of))
	for v := range of {
		out = append(out, v)
	}
	sort.Strings(out)
	return out
}

// longer is how many rows have that name which begins with another, of those the most.
func longer(v string, sorted []string, count map[string]float64) (most float64) {
	if len([]rune(v)) < leftOf {
		return 0
	}
	for i, _ := slices.BinarySearch(sorted, v); i < len(sorted) && strings.HasPrefix(sorted[i], v); i++ {
		if sorted[i] != v {
			most = max(most, count[sorted[i]])
		}
	}
	return most
}

// shorter is how many rows have a name with which another one begins.
func shorter(v string, count map[string]float64) (most float64) {
	rs := []rune(v)
	for n := goingOn; n < len(rs); n++ {
		most = max(most, count[string(rs[:n])])
	}
	return most
}

// shared is how many characters a name has from its start in common with another.
func shared(v string, sorted []string) int {
	most := 0
	i, _ := slices.BinarySearch(sorted, v)
	for k := max(0, i-1); k <= min(i+1, len(sorted)-1); k++ {
		if sorted[k] == v {
			continue
		}
		a, b, n := []rune(v), []rune(sorted[k]), 0
		for n < min(len(a), len(b)) && a[n] == b[n] {
			n++
		}
		most = max(most, n)
	}
	return most
}

func start(v string, n int) string {
	rs := []rune(v)
	return string(rs[:min(n, len(rs))])
}

func reversed(v string) string {
	rs := []rune(v)
	slices.Reverse(rs)
	return string(rs)
}
