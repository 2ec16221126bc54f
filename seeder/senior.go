package seeder

import (
	"math/rand/v2"
	"slices"
	"sort"
)

// senior draws a row at whose target a honey row points where targets came before the rows
// that point at them (or after): the target stands among those that were there when the
// honey row came as another row's does among those that were there then. Were it the other
// row's own, it would be too old: what came between that row and this one is missing, and
// what a later row points at counts only if it was there. -1 where there is no such order.
func (w *weave) senior(r *rand.Rand, m *mixture, i int, set []bool, there func(int) bool, some []int) int {
	t := w.threads[i]
	if t.rank == nil || t.rank.ours || m.at == nil || len(w.keys) == 0 || t.rank.before == t.rank.behind {
		return -1
	}
	own := *m
	own.at = nil // rows that could not stand here show how old targets are
	all := w.eligible(&own, i, set, there, false)
	var targets []float64
	for _, d := range all {
		targets = append(targets, t.rank.ids[d])
	}
	slices.Sort(targets)
	targets = slices.Compact(targets)
	if t.rank.behind {
		slices.Reverse(targets)
	}
	// among are how many of the targets a row with such a key may point at.
	among := func(key float64) int {
		return sort.Search(len(targets), func(k int) bool {
			return t.rank.before && targets[k] >= key || t.rank.behind && targets[k] <= key
		})
	}
	rows := map[float64][]int{}
	for _, d := range some {
		rows[t.rank.ids[d]] = append(rows[t.rank.ids[d]], d)
	}
	all = w.agreeing(m, t, set, w.aged(m, t, all))
	here := among(float64(m.at.key))
	for range placings {
		d := all[r.IntN(len(all))]
		at, n := slices.Index(targets, t.rank.ids[d]), among(float64(w.keys[w.place[d]]))
		if at < 0 || at >= n {
			continue
		}
		at = int((float64(at) + r.Float64()) / float64(n) * float64(here))
		if at >= here {
			continue
		}
		at = t.less(r, targets[:here], at, rows)
		if of := rows[targets[at]]; len(of) > 0 {
			return of[r.IntN(len(of))]
		}
	}
	return -1
}

// less is a target near another in rank at which one row less points: with the honey row
// it has as many. The other one where none is.
func (t *thread) less(r *rand.Rand, targets []float64, at int, rows map[float64][]int) int {
	held := func(k int) float64 {
		if of := rows[targets[k]]; len(of) > 0 {
			return t.held[t.exact[of[0]]]
		}
		return 0
	}
	n, wide := held(at), max(2, len(targets)/10)
	if n < 2 || n > mostShared {
		return at
	}
	var some []int
	for k := max(0, at-wide); k <= min(len(targets)-1, at+wide); k++ {
		if held(k) == n-1 {
			some = append(some, k)
		}
	}
	if len(some) == 0 {
		return at
	}
	return some[r.IntN(len(some))]
}
