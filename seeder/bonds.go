package seeder

import (
	"cmp"
	"math"
	"slices"

	"honeyrow/seeder/generate"
)

// tie finds what goes with what: which columns have to agree in the row that gives a
// value, and which do as far as rows are left.
func (w *weave) tie(st *study) {
	places := w.places()
	for i, t := range w.threads {
		if !t.loose {
			continue
		}
		part := st.partOf(t.f)
		said := map[int]float64{}
		for k, other := range w.threads {
			if k == i {
				continue
			}
			switch kind := other.f.plan.Kind; {
			case part != "" && kind == "region" && st.placed(other.f) == st.placed(t.f):
				t.bound = append(t.bound, k)
				continue
			case (part == "street" || part == "postcode") && kind == "city" && st.placed(other.f) == st.placed(t.f):
				t.with = k
				continue
			case part == "street" || part == "postcode":
				continue // nothing else says where somebody lives
			case w.determines(t, other):
				t.bound = append(t.bound, k)
				continue
			}
			if s := explains(t.code, other.code); s > 0 {
				said[k] = s
				t.goes = append(t.goes, k)
				if other.f.plan.Kind == "timestamp" && s > mostDated && numeric(t.f) {
					t.loose = false // a number that the row's own dates tell
				}
			}
			if w.classed(other) && w.classed(t) {
				t.paired = append(t.paired, k)
				w.pair(i, k)
			}
		}
		slices.SortStableFunc(t.goes, func(a, b int) int { return cmp.Compare(said[b], said[a]) })
		if len(w.keys) > 0 {
			t.age = explains(t.code, places)
		}
	}
}

// mostDated is how much of a number the dates of its row may say for it to be another
// row's: a year of the date, or the days between two, is the row's own.
const mostDated = 0.3

func numeric(f *field) bool {
	switch f.plan.Kind {
	case "number", "salary", "balance":
		return true
	}
	return false
}

// partOf is what of a place a column holds, "" if nothing.
func (st *study) partOf(f *field) string {
	switch f.plan.Kind {
	case "city", "postcode", "street":
		return f.plan.Kind
	}
	return ""
}

// placed is whose place a column is of: what its name has beside the words for parts of
// places ("birth" of birth_city).
func (st *study) placed(f *field) string {
	out := ""
	for _, word := range generate.Words(f.Name) {
		switch word {
		case "city", "town", "ort", "place", "locality", "municipality", "name", "postcode", "post", "postal", "code", "zip", "zipcode", "postalcode", "plz",
			"street", "strasse", "address", "addr", "line", "1", "2", "state", "province", "region", "country", "county", "district", "land", "canton":
		default:
			out += word + " "
		}
	}
	return out
}

// classed reports whether a column's values are classes of rows, not parts of a range.
func (w *weave) classed(t *thread) bool {
	switch t.f.plan.Kind {
	case "timestamp", "date_of_birth", "street", "postcode", "email":
		return false
	}
	return !numeric(t.f) || len(t.f.counts()) <= 12
}

// pair notes which classes of one column rows hold beside which of another; what is rare
// need not have met.
func (w *weave) pair(i, k int) {
	a, b := w.threads[i].code, w.threads[k].code
	na, nb := make([]int, slices.Max(a)+1), make([]int, slices.Max(b)+1)
	for n := range a {
		na[a[n]]++
		nb[b[n]]++
	}
	beside := make([][]bool, len(nb))
	for y, q := range nb {
		beside[y] = make([]bool, len(na))
		for x, p := range na {
			beside[y][x] = p*q < len(a)
		}
	}
	for n := range a {
		beside[b[n]][a[n]] = true
	}
	w.pairs[[2]int{i, k}] = beside
}

// determines reports whether a column's value says what stands in another that has fewer:
// of a town its region, of a manager the department.
func (w *weave) determines(t, other *thread) bool {
	if !w.classed(t) || !w.classed(other) || other.size >= t.size {
		return false
	}
	most, n := map[int32]map[int32]int{}, map[int32]int{}
	for i, c := range t.exact {
		if c == 0 {
			continue
		}
		if most[c] == nil {
			most[c] = map[int32]int{}
		}
		most[c][other.exact[i]]++
		n[c]++
	}
	kept, all, usual := 0, 0, map[int32]int{}
	for c, of := range most {
		if n[c] < 2 {
			continue
		}
		best := 0
		for o, k := range of {
			best = max(best, k)
			usual[o] += k
		}
		kept, all = kept+best-1, all+n[c]-1 // one of each agrees with itself
	}
	top := 0
	for _, k := range usual {
		top = max(top, k)
	}
	return all >= 20 && 100*kept >= 97*all && 100*top < 90*all
}

// explains is the share of a column's uncertainty that another takes away, 0 if that may
// be chance.
func explains(a, b []int32) float64 {
	width := int(slices.Max(b)) + 1
	joint, na, nb := make([]float64, (int(slices.Max(a))+1)*width), make([]float64, slices.Max(a)+1), make([]float64, width)
	n := float64(len(a))
	for i := range a {
		joint[int(a[i])*width+int(b[i])]++
		na[a[i]]++
		nb[b[i]]++
	}
	mutual, own, ka, kb := 0.0, 0.0, -1, -1
	for k, p := range joint {
		if p > 0 {
			mutual += p / n * math.Log(p*n/(na[k/width]*nb[k%width]))
		}
	}
	for _, p := range na {
		if p > 0 {
			own -= p / n * math.Log(p/n)
			ka++
		}
	}
	for _, p := range nb {
		if p > 0 {
			kb++
		}
	}
	free := float64(ka * kb)
	if free <= 0 || 2*n*mutual < free+3*math.Sqrt(2*free) {
		return 0
	}
	return max(0, (mutual-free/(2*n))/max(own, 1e-9))
}

// measure finds how much real rows have in common with those most like them.
func (w *weave) measure(st *study) {
	pool := st.pool
	if len(pool) == 0 {
		for i := range w.rows {
			pool = append(pool, i)
		}
	}
	for n := 0; n < len(pool); n += 1 + len(pool)/mostGoals {
		i := pool[n]
		l := w.likest(func(t int) int32 { return w.threads[t].exact[i] }, w.place[i], i)
		w.goals = append(w.goals, l)
		w.whole, w.near = append(w.whole, l.whole), append(w.near, l.near)
	}
	slices.Sort(w.whole)
	slices.Sort(w.near)
}

// mostGoals is how many real rows are measured, nearRows the share of the table up to
// which one row is near another in the order of keys, in percent.
const (
	mostGoals = 200
	nearRows  = 7
)

// likest finds how much a row has in common with that most like it, but for one row.
func (w *weave) likest(exact func(t int) int32, place, but int) (l likeness) {
	sum := make([]float64, len(w.rows))
	for k, t := range w.threads {
		own := exact(k)
		if b := t.weight[own]; b > 0 {
			for j, c := range t.exact {
				if c == own {
					sum[j] += b
				}
			}
		}
	}
	reach := max(nearRows*len(w.rows)/100, 8)
	for j, s := range sum {
		if j == but {
			continue
		}
		l.whole = max(l.whole, s)
		if d := w.place[j] - place; d <= reach && d >= -reach {
			l.near = max(l.near, s)
		}
	}
	return l
}

// rank is the share of real rows that are less like another.
func (w *weave) rank(v float64, whole bool) float64 {
	of := w.near
	if whole {
		of = w.whole
	}
	i, _ := slices.BinarySearch(of, v)
	return float64(i) / float64(max(len(of), 1))
}
