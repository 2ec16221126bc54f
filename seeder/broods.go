package seeder

import (
	"math"
	"slices"
	"sort"
	"time"

	"honeyrow/seeder/camouflage"
	"honeyrow/seeder/generate"
)

// pressed tells how closely an owner's rows stand to others in time, for how many numbers
// lie between them, and how many stand beside a number that is missing: rows that were
// put where numbers are missing that took no time to be lost come too soon one after the
// other, and fill what others leave.
func (t *traits) pressed(child *Table, s *Sample, first []time.Time, owners map[string][]int) {
	type one struct {
		row int
		key int64
		at  time.Time
	}
	var all []one
	for _, rows := range owners {
		for _, k := range rows {
			if key, ok := numbered(child, s, s.Rows[k]); ok && !first[k].IsZero() {
				all = append(all, one{k, key, wall(first[k])})
			}
		}
	}
	sort.Slice(all, func(a, b int) bool { return all[a].key < all[b].key })
	up := 0
	at := make([]time.Time, len(all))
	for i, o := range all {
		if at[i] = o.at; i > 0 && !o.at.Before(all[i-1].at) {
			up++
		}
	}
	closer, beside := map[int]float64{}, map[int]bool{}
	if p := newPulse(at, 0); p != nil && 20*up >= 19*(len(all)-1) {
		u := make([]float64, len(all))
		for i := range all {
			u[i] = p.until(at[i])
			if i > 0 {
				u[i] = max(u[i], u[i-1])
			}
		}
		for i, o := range all {
			closer[o.row] = burst(u, i)
		}
	}
	if 10*int64(len(all)) >= 9*child.Rows { // else rows between them were not read
		for i, o := range all {
			beside[o.row] = i > 0 && all[i-1].key < o.key-1 || i+1 < len(all) && all[i+1].key > o.key+1
		}
	}
	t.add("how much closer rows come than others", owners, func(_ string, rows []int) float64 {
		sum := 0.0
		for _, k := range rows {
			sum += closer[k]
		}
		return sum
	})
	t.add("the closest of rows to others", owners, func(_ string, rows []int) float64 {
		most := -2.0
		for _, k := range rows {
			most = max(most, closer[k])
		}
		return most
	})
	t.add("rows beside a missing number", owners, func(_ string, rows []int) float64 {
		n := 0.0
		for _, k := range rows {
			if beside[k] {
				n++
			}
		}
		return n
	})
}

// begins tells the number in an owner's first row: a salary that his title does not have.
func (t *traits) begins(s *Sample, column int, owners map[string][]int) {
	t.add(camouflage.First+s.Columns[column], owners, func(_ string, rows []int) float64 {
		for _, k := range rows {
			if v := s.Rows[k][column]; v != nil {
				if x, ok := generate.Number(*v); ok {
					return x
				}
			}
		}
		return math.NaN()
	})
}

// against tells how many of an owner's rows have a date on the other side of one of his
// own than rows have: a salary from after he left.
func (t *traits) against(st *study, child *Table, s *Sample, dates []int, at int, owners map[string][]int) {
	bad := map[int]float64{}
	for i, name := range st.sample.Columns {
		c := st.table.Column(name)
		if c == nil || c.Class != generate.Timestamp && c.Class != generate.Date {
			continue
		}
		own := map[string]time.Time{}
		for _, row := range st.sample.Rows {
			if row[at] != nil && row[i] != nil {
				if x, _, ok := generate.ParseTime(*row[i]); ok && !generate.Sentinel(x) {
					own[*row[at]] = wall(x)
				}
			}
		}
		for _, j := range dates {
			var side [2][]int // rows before and after
			n := 0
			for owner, rows := range owners {
				x, ok := own[owner]
				for _, k := range rows {
					if s.Rows[k][j] == nil || !ok {
						continue
					}
					if y, _, ok := generate.ParseTime(*s.Rows[k][j]); ok {
						n++
						switch y = wall(y); {
						case y.Before(x):
							side[0] = append(side[0], k)
						case y.After(x):
							side[1] = append(side[1], k)
						}
					}
				}
			}
			for w := range side {
				if n >= leastAgainst && 1000*len(side[w]) <= mostAgainst*n {
					for _, k := range side[w] {
						bad[k]++
					}
				}
			}
		}
	}
	t.add("orders with dates of its row that they break", owners, func(_ string, rows []int) float64 {
		n := 0.0
		for _, k := range rows {
			n += bad[k]
		}
		return n
	})
}

// How many rows have to show an order, and how many of a thousand may break it.
const (
	leastAgainst = 40
	mostAgainst  = 5
)

// copies tells how near another owner's rows are to an owner's, all together: in how far
// the first lies behind a date of his and each behind the one before. As a share of those
// with as many rows who have somebody nearer.
func (t *traits) copies(st *study, first []time.Time, at int, owners map[string][]int) {
	out := map[string]float64{}
	if came := st.came(at); came != nil {
		var all []float64
		far := map[string][]float64{}
		many := map[int][]string{}
		for owner, rows := range owners {
			last, ok := came[owner]
			if !ok || len(rows) < 2 {
				continue
			}
			for _, k := range rows {
				if first[k].IsZero() {
					break
				}
				is := wall(first[k])
				far[owner] = append(far[owner], is.Sub(last).Hours())
				last = is
			}
			if len(far[owner]) == len(rows) {
				many[len(rows)] = append(many[len(rows)], owner)
				all = append(all, far[owner]...)
			}
		}
		slices.Sort(all)
		for _, group := range many {
			if len(group) < leastGroup {
				continue
			}
			slices.Sort(group)
			rank := make([][]float64, len(group))
			for i, owner := range group {
				for _, v := range far[owner] {
					rank[i] = append(rank[i], float64(sort.SearchFloat64s(all, v))/float64(len(all)))
				}
			}
			near := make([]float64, len(group))
			for a := range group {
				near[a] = nearest(rank, a)
			}
			sorted := slices.Sorted(slices.Values(near))
			for a, owner := range group {
				out[owner] = 1 - float64(sort.SearchFloat64s(sorted, near[a]))/float64(len(sorted))
			}
		}
	}
	t.add("how near another's rows are to its in time", owners, func(owner string, _ []int) float64 {
		if v, ok := out[owner]; ok {
			return v
		}
		return -1
	})
}

// leastGroup is how many owners have as many rows for these to be compared.
const leastGroup = 20

// nearest is how far the nearest of points is from one of them, by the coordinate in which
// they are farthest apart.
func nearest(points [][]float64, of int) float64 {
	near := math.Inf(1)
	for b, p := range points {
		if b == of {
			continue
		}
		far := 0.0
		for k, v := range p {
			if far = max(far, math.Abs(v-points[of][k])); far >= near {
				break
			}
		}
		near = min(near, far)
	}
	return near
}

// came is when the owners of rows came, by what these point at: the first date that nearly
// all have; nil if there is none.
func (st *study) came(at int) map[string]time.Time {
	for i, name := range st.sample.Columns {
		c := st.table.Column(name)
		if c == nil || c.Class != generate.Timestamp && c.Class != generate.Date || generate.HasPhrase(name, "birth", "born", "birthday", "dob") {
			continue
		}
		out := map[string]time.Time{}
		for _, row := range st.sample.Rows {
			if row[at] != nil && row[i] != nil {
				if x, _, ok := generate.ParseTime(*row[i]); ok && !generate.Sentinel(x) {
					out[*row[at]] = wall(x)
				}
			}
		}
		if 20*len(out) >= 19*len(st.sample.Rows) {
			return out
		}
	}
	return nil
}
