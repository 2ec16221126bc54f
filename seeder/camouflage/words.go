package camouflage

import (
	"math"
	"sort"
	"strings"
	"unicode"

	"honeyrow/seeder/generate"
)

// words measures a text against the column's others.
func (d *deck) words(f *features, c *cells) {
	shapes, tokens := map[string]int{}, map[string]int{}
	pairs, singles := map[[2]rune]float64{}, map[rune]float64{}
	for i, v := range c.text {
		if c.null[i] {
			continue
		}
		shapes[shape(v)]++
		for _, w := range split(v) {
			tokens[w]++
		}
		each(v, func(a, b rune) { pairs[[2]rune{a, b}]++; singles[a]++ })
	}
	add := func(name string, of func(v string) float64) {
		f.add(c.Name+": "+name, d.width, func(i int) float64 {
			if c.null[i] {
				return -1
			}
			return of(c.text[i])
		})
	}
	add("length", func(v string) float64 { return float64(len([]rune(v))) })
	add("how usual the form is", func(v string) float64 { return math.Log1p(float64(shapes[shape(v)] - 1)) })
	add("how usual the spelling is", func(v string) float64 {
		own := map[[2]rune]float64{}
		each(v, func(a, b rune) { own[[2]rune{a, b}]++ })
		sum, n := 0.0, 0.0
		each(v, func(a, b rune) {
			k := [2]rune{a, b}
			sum += math.Log((pairs[k] - own[k] + 0.1) / (singles[a] + 4))
			n++
		})
		return sum / max(n, 1)
	})
	if c.Class != generate.Text {
		return
	}
	add("its rarest word", func(v string) float64 {
		least := math.Inf(1)
		for _, w := range split(v) {
			least = min(least, float64(tokens[w]-1))
		}
		return math.Log1p(min(least, 1e6))
	})
	add("its last word", func(v string) float64 {
		ws := split(v)
		if len(ws) == 0 {
			return -1
		}
		return math.Log1p(float64(tokens[ws[len(ws)-1]] - 1))
	})
	if c.coded() {
		next := inCommon(c.text)
		f.add(c.Name+": characters in common with the value next to it", d.width, func(i int) float64 { return next[i] })
	}
	class := func(name string, in func(rune) bool) {
		add(name, func(v string) float64 {
			n := 0
			for _, r := range v {
				n += int(truth(in(r)))
			}
			return float64(n) / float64(max(len(v), 1))
		})
	}
	class("digits", unicode.IsDigit)
	class("capitals", unicode.IsUpper)
	class("punctuation", func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != ' ' })
	class("letters beyond ASCII", func(r rune) bool { return r > 127 })
	add("white space at an end", func(v string) float64 { return truth(v != strings.TrimSpace(v)) })
	add("different characters", func(v string) float64 {
		set := map[rune]bool{}
		for _, r := range v {
			set[r] = true
		}
		return float64(len(set)) / float64(max(len(v), 1))
	})
	d.domain(f, c)
	if c.Kind == "email" || c.Kind == "username" {
		lone := c.lone()
		f.add(c.Name+": a number without its first", d.width, func(i int) float64 { return truth(lone(i)) })
	}
}

// coded reports whether most of a column's values have digits: codes, not names.
func (c *cells) coded() bool {
	n := 0
	for _, v := range c.text[:c.real] {
		if strings.ContainsAny(v, "0123456789") {
			n++
		}
	}
	return 2*n > c.real
}

// inCommon is how many characters a text has in common, from its start, with that other
// one which has most, as a share of its own; equal texts are not counted.
func inCommon(texts []string) []float64 {
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return texts[order[a]] < texts[order[b]] })
	out := make([]float64, len(texts))
	for _, way := range []int{1, -1} {
		last, before := "", "" // the text, and the one before it that is another
		for k := range order {
			i := order[k]
			if way < 0 {
				i = order[len(order)-1-k]
			}
			v := texts[i]
			if v != last {
				last, before = v, last
			}
			n := 0
			for n < min(len(v), len(before)) && v[n] == before[n] {
				n++
			}
			out[i] = max(out[i], float64(n)/float64(max(len(v), 1)))
		}
	}
	return out
}

// lone says which logins or addresses bear a number that tells them from an earlier
// one that no row has: smithj2 without smithj.
func (c *cells) lone() func(i int) bool {
	held := map[string]bool{}
	for _, v := range c.text {
		held[strings.ToLower(v)] = true
	}
	return func(i int) bool {
		first, numbered := generate.Unnumbered(strings.ToLower(c.text[i]))
		return numbered && !held[first]
	}
}

// domain measures what stands behind the @ of addresses.
func (d *deck) domain(f *features, c *cells) {
	count, n := map[string]int{}, 0
	for i, v := range c.text {
		if _, dom, ok := strings.Cut(v, "@"); ok {
			count[dom]++
			if i < c.real {
				n++
			}
		}
	}
	if 2*n < c.real {
		return
	}
	f.add(c.Name+": others of its domain", d.width, func(i int) float64 {
		_, dom, ok := strings.Cut(c.text[i], "@")
		if !ok {
			return -1
		}
		return math.Log1p(float64(count[dom] - 1))
	})
}

func shape(v string) string {
	var b strings.Builder
	var last rune
	for _, r := range v {
		switch {
		case unicode.IsDigit(r):
			r = '9'
		case unicode.IsUpper(r):
			r = 'A'
		case unicode.IsLetter(r):
			r = 'a'
		}
		if r != last || r == '9' {
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}

func split(v string) []string {
	return strings.FieldsFunc(strings.ToLower(v), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' })
}

func each(v string, do func(a, b rune)) {
	last := '^'
	for _, r := range v {
		do(last, r)
		last = r
	}
	do(last, '$')
}
