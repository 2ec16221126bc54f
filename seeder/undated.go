package seeder

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
)

// Relatives of rows that have no date of their own (they were loaded at once) come when those
// of another row do. Moved by weeks with their row, as relatives of other rows are, they
// would come when nobody's did, and be put at the ends of what their table holds.

// leastBeside is among how many rows on each side of a key one is drawn.
const leastBeside = 30

// next draws a row whose relatives say when those of a row without a date come: one near
// it by key that has about as many. nil if rows have a date, or tell nothing.
func (g *hang) next(r *rand.Rand, st *study, h *hand, n int) (best *litterOf) {
	if g.from != nil || len(g.litters) < leastSpans {
		return nil
	}
	to := st.kin.to
	f := to.drawn()
	key := func(row []*string) (k int64) {
		if f != nil && row[f.sample] != nil {
			k, _ = strconv.ParseInt(*row[f.sample], 10, 64)
		}
		return k
	}
	if g.byKey == nil {
		for i := range g.litters {
			g.byKey = append(g.byKey, &g.litters[i])
		}
		slices.SortStableFunc(g.byKey, func(a, b *litterOf) int {
			return cmp.Compare(key(to.sample.Rows[a.row]), key(to.sample.Rows[b.row]))
		})
	}
	own := cmp.Or(h.id(), key(h.was))
	at := sort.Search(len(g.byKey), func(i int) bool { return key(to.sample.Rows[g.byKey[i].row]) >= own })
	width := max(leastBeside, len(g.byKey)/20)
	low := max(0, min(at-width, len(g.byKey)-2*width))
	near := g.byKey[low:min(len(g.byKey), low+2*width)]
	off := func(l *litterOf) int { // rather too many, of which some are left out
		if by := n - len(l.spans); by > 0 {
			return 2 * by
		}
		return len(l.spans) - n
	}
	for range 8 {
		if l := near[r.IntN(len(near))]; best == nil || off(l) < off(best) {
			best = l
		}
	}
	return best
}

// begin finds the first date of rows' relatives, from which those of rows that have no date
// of their own are told.
func (g *hang) begin(own *clock, k *kinship) {
	for _, rows := range k.rows {
		for _, kid := range rows {
			if at := own.began(kid); !at.IsZero() && (g.origin.IsZero() || at.Before(g.origin)) {
				g.origin = at
			}
		}
	}
}
