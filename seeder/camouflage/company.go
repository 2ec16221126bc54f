package camouflage

import (
	"math"
	"sort"
	"time"
)

// Bounds of how many categories and dates are looked at together.
const (
	maxCompany      = 4
	maxCompanyDates = 3
)

// company measures how soon, by each date, another row of the same categories comes: in
// rows of any kind that are nearer, for as many as one of the kind is due among. A row
// that is made of another stands nearer to it, in the rarer a category the clearer, than
// rows that have only chance to thank for it.
func (d *deck) company(f *features, cats, dates []*cells) {
	some := cats[:min(len(cats), maxCompany)]
	type kind struct {
		name string
		of   []*cells
	}
	var kinds []kind
	for _, c := range some {
		kinds = append(kinds, kind{c.Name, []*cells{c}})
	}
	if len(some) > 1 {
		kinds = append(kinds, kind{"all categories", some})
	}
	for _, date := range dates[:min(len(dates), maxCompanyDates)] {
		var order []int
		for i, at := range date.at {
			if !at.IsZero() {
				order = append(order, i)
			}
		}
		sort.SliceStable(order, func(a, b int) bool { return date.at[order[a]].Before(date.at[order[b]]) })
		for _, k := range kinds {
			near := d.soon(order, date.at, k.of)
			f.add("how near in "+date.Name+" another row with the same "+k.name+" is", d.width, func(i int) float64 { return near[i] })
		}
	}
}

// soon counts, for each row, those of others that are nearer in time than the nearest of
// its kind, as a multiple of how many there are for one of the kind; -1 where it has no
// date or is the only one.
func (d *deck) soon(order []int, at []time.Time, of []*cells) []float64 {
	out, ids := make([]float64, d.width), make([]int, d.width)
	known, held := map[string]int{}, []int{}
	for i := range out {
		out[i], ids[i] = -1, -1
	}
	for _, i := range order {
		key := make([]byte, 0, 4*len(of))
		for _, c := range of {
			key = append(key, byte(c.id[i]), byte(c.id[i]>>8), byte(c.id[i]>>16), byte(c.id[i]>>24))
		}
		id, ok := known[string(key)]
		if !ok {
			id = len(held)
			known[string(key)], held = id, append(held, 0)
		}
		ids[i] = id
		held[id]++
	}
	for k, i := range order {
		if held[ids[i]] < 2 {
			continue
		}
		lo, hi := k-1, k+1
		for lo >= 0 && ids[order[lo]] != ids[i] {
			lo--
		}
		for hi < len(order) && ids[order[hi]] != ids[i] {
			hi++
		}
		far := time.Duration(math.MaxInt64)
		if lo >= 0 {
			far = at[i].Sub(at[order[lo]])
		}
		if hi < len(order) {
			far = min(far, at[order[hi]].Sub(at[i]))
		}
		// Rows that are as near as that one are not nearer, in whatever order they stand.
		from := sort.Search(len(order), func(j int) bool { return at[i].Sub(at[order[j]]) < far })
		to := sort.Search(len(order), func(j int) bool { return at[order[j]].Sub(at[i]) >= far })
		n := max(0, to-from-1)
		out[i] = math.Log1p(float64(n) * float64(held[ids[i]]-1) / float64(len(order)))
	}
	return out
}
