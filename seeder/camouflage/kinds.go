package camouflage

import (
	"math"
	"strings"
)

// First begins the name of a trait that is the number in the first of a row's children.
const First = "the first "

// mostKinds is how many categories children are judged by.
const mostKinds = 4

// kinds measures how many children a row has, and the numbers that the first holds, among
// rows of the same category: a plan that nobody has with as many invoices, a salary at
// hiring that the title does not have.
func (d *deck) kinds(f *features, k int, name string) {
	told := map[string]func(Brood) float64{}
	names := []string{"rows in " + name}
	told[names[0]] = func(b Brood) float64 { return float64(b.Count) }
	if k < len(d.t.Traits) {
		for j, trait := range d.t.Traits[k] {
			if strings.HasPrefix(trait, First) {
				n := name + ": " + trait
				names = append(names, n)
				told[n] = func(b Brood) float64 {
					if j < len(b.Traits) {
						return b.Traits[j]
					}
					return math.NaN()
				}
			}
		}
	}
	n := 0
	for _, c := range d.cells {
		if c.Role == Ignored || c.Role == Key || c.kinds < 2 || c.kinds*8 > c.real || c.kinds > 80 {
			continue
		}
		if n++; n > mostKinds {
			return
		}
		for _, what := range names {
			num := make([]float64, d.width)
			for i, row := range d.rows {
				if num[i] = math.NaN(); k < len(row.Broods) {
					num[i] = told[what](row.Broods[k])
				}
			}
			mean, beyond := within(c.id, ranks(num))
			f.add(what+" for its "+c.Name, d.width, func(i int) float64 { return mean[i] })
			f.add(what+" beyond all others' of its "+c.Name, d.width, func(i int) float64 { return beyond[i] })
		}
	}
}

// within tells how far each number is from the mean of the others of its class, and how
// far outside of all of them; 0 where there are none.
func within(class []int, num []float64) (mean, beyond []float64) {
	type of struct {
		sum, n                   float64
		low, next, high, besides float64 // the two least and the two greatest
	}
	all := map[int]*of{}
	for i, v := range num {
		if math.IsNaN(v) {
			continue
		}
		o := all[class[i]]
		if o == nil {
			o = &of{low: math.Inf(1), next: math.Inf(1), high: math.Inf(-1), besides: math.Inf(-1)}
			all[class[i]] = o
		}
		o.sum, o.n = o.sum+v, o.n+1
		if v < o.low {
			o.low, o.next = v, o.low
		} else {
			o.next = min(o.next, v)
		}
		if v > o.high {
			o.high, o.besides = v, o.high
		} else {
			o.besides = max(o.besides, v)
		}
	}
	mean, beyond = make([]float64, len(num)), make([]float64, len(num))
	for i, v := range num {
		o := all[class[i]]
		if math.IsNaN(v) || o.n < 2 {
			continue
		}
		mean[i] = v - (o.sum-v)/(o.n-1)
		if v == o.low {
			beyond[i] = max(0, o.next-v)
		} else if v == o.high {
			beyond[i] = max(0, v-o.besides)
		}
	}
	return mean, beyond
}
