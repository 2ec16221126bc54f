package seeder

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"time"
)

// scatter chooses up to n of the free numbers as densely as rows stand: each time
// the one nearest to a row drawn at random. Drawn from the numbers themselves,
// more would lie where more are missing, and a thief would learn where.
func (st *study) scatter(r *rand.Rand, f *field, free []slot, n int) []slot {
	var keys []int64
	for _, row := range st.sample.Rows {
		if v := row[f.sample]; v != nil {
			if k, err := strconv.ParseInt(*v, 10, 64); err == nil {
				keys = append(keys, k)
			}
		}
	}
	left := slices.Clone(free)
	slices.SortFunc(left, func(a, b slot) int { return cmp.Compare(a.key, b.key) })
	slices.Sort(keys)
	dense := len(keys) > 1 && 10*max(int64(len(keys)), st.table.Rows) >= 7*(keys[len(keys)-1]-keys[0])
	if dense && st.kin == nil {
		return st.refill(r, keys, left, n)
	}
	var out []slot
	for len(left) > 0 && len(out) < n && len(keys) > 0 {
		want := keys[r.IntN(len(keys))]
		i := sort.Search(len(left), func(i int) bool { return left[i].key >= want })
		switch {
		case i == len(left):
			i--
		case i > 0 && want-left[i-1].key < left[i].key-want:
			i--
		}
		if dense {
			for k := max(0, i-choice/2); k < min(len(left), i+choice/2); k++ {
				if left[k].width < left[i].width {
					i = k
				}
			}
		}
		out, left = append(out, left[i]), slices.Delete(left, i, i+1)
	}
	if st.kin == nil { // of relatives more are found than are needed
		apart(out)
	}
	return out
}

// apart gives numbers of one gap dates in their order: each would be free to have any
// of the gap's, and of two the second the earlier one.
func apart(slots []slot) {
	gaps := map[int64][]int{}
	for i, s := range slots {
		gaps[s.before] = append(gaps[s.before], i)
	}
	for _, in := range gaps {
		if len(in) < 2 {
			continue
		}
		slices.SortFunc(in, func(a, b int) int { return cmp.Compare(slots[a].key, slots[b].key) })
		if slices.IsSortedFunc(in, func(a, b int) int { return slots[a].taken.Compare(slots[b].taken) }) && !slots[in[0]].taken.IsZero() {
			continue // they have theirs, in their order
		}
		gap := make([]slot, len(in))
		for k, i := range in {
			gap[k] = slots[i]
		}
		for k, i := range in {
			slots[i] = share(gap, k)
		}
	}
}

// refill chooses free numbers where nearly none is missing, so that a row beside
// numbers that are is one of few: a gap is filled up, if all its numbers suit, those
// first that nothing stays missing in, and of these the small ones: honey rows that
// stand beside each other are found together. As many honey rows as real ones stand
// beside a gap that stays.
func (st *study) refill(r *rand.Rand, keys []int64, left []slot, n int) (out []slot) {
	var gaps [][]slot
	for _, s := range left {
		if last := len(gaps) - 1; last >= 0 && gaps[last][0].before == s.before {
			gaps[last] = append(gaps[last], s)
		} else {
			gaps = append(gaps, []slot{s})
		}
	}
	rest := func(gap []slot) (stay int64) { // numbers that stay missing, of the key or of a counter
		stay = gap[0].width - 1 - int64(len(gap))
		for _, s := range gap {
			stay = max(stay, s.most-1-int64(len(gap)))
		}
		return stay
	}
	choice := max(leastChoice, min(gapChoice, len(gaps)/4)) // no larger a part of few
	beside := 2 * float64(len(gaps)) / float64(max(int64(len(keys)), st.table.Rows))
	var parts []part
	for len(gaps) > 0 && len(out) < n {
		// One in each part of the rows, so that chance puts no half of them in a tenth.
		want := keys[min((len(out)*len(keys)+r.IntN(len(keys)))/n, len(keys)-1)]
		i := min(sort.Search(len(gaps), func(i int) bool { return gaps[i][0].key >= want }), len(gaps)-1)
		one := r.Float64() < beside
		for k := max(0, i-choice/2); k < min(len(gaps), i+choice/2) && !one; k++ {
			fits, room := len(gaps[k]) <= n-len(out), len(gaps[i]) <= n-len(out)
			less, same := rest(gaps[k]) < rest(gaps[i]), rest(gaps[k]) == rest(gaps[i])
			if fits && (!room || less || same && len(gaps[k]) < len(gaps[i])) {
				i = k
			}
		}
		gap := gaps[i]
		gaps = slices.Delete(gaps, i, i+1)
		if one || len(gap) > n-len(out) {
			parts = append(parts, part{gap, len(out)})
			out = append(out, gap[r.IntN(len(gap))])
			continue
		}
		for k := range gap {
			out = append(out, share(gap, k))
		}
	}
	for _, p := range parts { // fewer gaps than rows: one holds several
		most := min(len(p.gap), 1+n-len(out))
		if most < 2 {
			continue
		}
		for i, k := range r.Perm(len(p.gap))[:most] {
			if i == 0 {
				out[p.at] = share(p.gap, k)
			} else {
				out = append(out, share(p.gap, k))
			}
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// part is a gap of which one number was chosen, at a place among the chosen ones.
type part struct {
	gap []slot
	at  int
}

// share is the kth number of a gap that holds several rows: their dates are in the
// order of their numbers.
func share(gap []slot, k int) slot {
	s := gap[k]
	if span := s.high.Sub(s.low); span > 0 {
		s.low, s.high = s.low.Add(span*time.Duration(k)/time.Duration(len(gap))), s.low.Add(span*time.Duration(k+1)/time.Duration(len(gap)))
	}
	return s
}

// choice is among how many free numbers near one place the best is taken, gapChoice among
// how many gaps that are filled up: of more, so that rows stand alone in small ones as
// long as there are any, and few beside another honey row.
const (
	choice      = 8
	gapChoice   = 24
	leastChoice = 8
)
