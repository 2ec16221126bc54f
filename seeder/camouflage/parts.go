package camouflage

import (
	"math"
	"regexp"
	"sort"
	"strconv"

	"honeyrow/seeder/generate"
)

// numberIn is the number in a text that has others: a house's in a street.
var numberIn = regexp.MustCompile(`[0-9]{1,9}`)

// numbersIn measures the numbers in texts, where most have one, among those of rows of
// the same category: no house of the country has a number as high.
func (d *deck) numbersIn(f *features, texts, cats []*cells) {
	for _, c := range texts {
		num := make([]float64, d.width)
		has := 0
		for i, v := range c.text {
			n, err := strconv.ParseFloat(numberIn.FindString(unaddressed(v)), 64)
			if num[i] = n; err != nil {
				num[i] = math.NaN()
			} else if i < c.real {
				has++
			}
		}
		if 2*has < c.real {
			continue
		}
		rank := ranks(num)
		f.add(c.Name+": number in it", d.width, func(i int) float64 { return rank[i] })
		for k := 0; k < len(cats) && k < 4; k++ {
			high := excess(num, cats[k].id)
			f.add(c.Name+": number in it for its "+cats[k].Name, d.width, func(i int) float64 { return high[i] })
		}
	}
}

// unaddressed is a text without an address's domain.
func unaddressed(v string) string {
	for i := range len(v) {
		if v[i] == '@' {
			return v[:i]
		}
	}
	return v
}

// excess is how many times as high a number is as the highest of most others of its
// class (one in a hundred lies above), as a logarithm.
func excess(num []float64, class []int) []float64 {
	of := map[int][]float64{}
	for i, v := range num {
		if !math.IsNaN(v) {
			of[class[i]] = append(of[class[i]], v)
		}
	}
	for _, vs := range of {
		sort.Float64s(vs)
	}
	out := make([]float64, len(num))
	for i, v := range num {
		if vs := of[class[i]]; len(vs) > 20 && v > 0 {
			out[i] = math.Log(v / max(vs[len(vs)-1-len(vs)/100], 1))
		}
	}
	return out
}

// years measures whole numbers that read like years against the years of the row's
// dates: a card expires one to four years after it was issued.
func (d *deck) years(f *features, nums, dates []*cells) {
	for _, c := range nums {
		if !c.yearly() {
			continue
		}
		for k := 0; k < len(dates) && k < 4; k++ {
			after := make([]float64, d.width)
			count := map[float64]int{}
			for i := range d.rows {
				after[i] = math.NaN()
				if at := dates[k].at[i]; !at.IsZero() && !math.IsNaN(c.num[i]) {
					after[i] = c.num[i] - float64(at.Year())
					count[after[i]]++
				}
			}
			f.add(c.Name+" after the year of "+dates[k].Name, d.width, func(i int) float64 { return after[i] })
			f.add(c.Name+" as long after the year of "+dates[k].Name, d.width, func(i int) float64 { return math.Log1p(float64(count[after[i]] - 1)) })
		}
	}
}

// yearly reports whether a column's numbers read like years.
func (c *cells) yearly() bool {
	return c.Class == generate.Integer && generate.Years(c.text[:c.real])
}

// couples measures how well a first and a last name go together, by those of the others:
// people of one language have names of one language.
func (d *deck) couples(f *features) {
	var first, last *cells
	for _, c := range d.cells {
		switch {
		case c.Role != Content:
		case c.Kind == "first_name" && first == nil:
			first = c
		case c.Kind == "last_name" && last == nil:
			last = c
		}
	}
	if first == nil || last == nil {
		return
	}
	fit := generate.Together(first.text, last.text)
	f.add(first.Name+" together with "+last.Name, d.width, func(i int) float64 { return fit[i] })
}
