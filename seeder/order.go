package seeder

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// instant is a date of a honey row, or of the row that it hangs on, beside that
// of the template.
type instant struct {
	was, is time.Time
	f       *field
	cell    *Cell // nil: of the row that it hangs on, which stays as it is
	layout  string
}

// instants lists the dates of a row that were moved.
func (h *hand) instants(st *study) (out []*instant) {
	for _, f := range st.columns {
		if f.plan.Kind != "timestamp" || f.sample < 0 || h.was[f.sample] == nil || f.Class != generate.Date && f.Class != generate.Timestamp {
			continue
		}
		c := h.row.cell(f.Name)
		if c == nil || c.Source != Made || c.Value == nil {
			continue
		}
		was, _, ok1 := generate.ParseTime(*h.was[f.sample])
		is, layout, ok2 := generate.ParseTime(*c.Value)
		if ok1 && ok2 && !generate.Sentinel(was) {
			if at, ok := h.meant[f]; ok {
				was = inPlace(at, was.Location())
			}
			out = append(out, &instant{was: was, is: is, f: f, cell: c, layout: layout})
		}
	}
	return out
}

// keepOrder puts a row's dates into the order in which the template's stand, also
// with those of the row that it hangs on. Most are: they move together. But a date
// that would pass now steps back, one far from the first keeps its hour, and a
// whole day goes another way than a moment.
func (st *study) keepOrder(r *rand.Rand, h *hand) {
	all := h.instants(st)
	if len(all) == 0 {
		return
	}
	if h.above != nil {
		for _, i := range h.above.instants(st.kin.to) {
			if i.cell = nil; st.kin.lawful(st, i.f) {
				all = append(all, i)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *instant) int { return a.was.Compare(b.was) })
	h.upward(st, r, all)
	h.downward(r, all)
}

// lawful reports whether real relatives' dates nearly all stand on one side of
// this date of their row: an invoice follows its member's coming, not his last
// login. Where there are too few to tell, the template's order is kept.
func (k *kinship) lawful(st *study, of *field) bool {
	if known, ok := k.laws[of.Name]; ok {
		return known
	}
	if len(k.rows) == 0 {
		return true
	}
	lawful := false
	at := k.to.sample.index(k.fk.RefColumns[0])
	if k.parent {
		at = k.to.sample.index(k.fk.Columns[0])
	}
	for _, f := range st.columns {
		if f.plan.Kind != "timestamp" || f.sample < 0 || lawful {
			continue
		}
		before, after, n := 0, 0, 0
		for _, row := range k.to.sample.Rows {
			if row[at] == nil || row[of.sample] == nil {
				continue
			}
			own, _, ok := generate.ParseTime(*row[of.sample])
			for _, kid := range k.rows[*row[at]] {
				v := st.sample.Rows[kid][f.sample]
				if !ok || v == nil {
					continue
				}
				if is, _, ok := generate.ParseTime(*v); ok {
					n++
					if is.Before(own) {
						before++
					} else if is.After(own) {
						after++
					}
				}
			}
		}
		lawful = n < 20 || 100*min(before, after) <= 2*n
	}
	if k.laws == nil {
		k.laws = map[string]bool{}
	}
	k.laws[of.Name] = lawful
	return lawful
}

// upward moves dates behind those that they follow.
func (h *hand) upward(st *study, r *rand.Rand, all []*instant) {
	var last *instant
	for _, i := range all {
		if last != nil && i.cell != nil && (i.is.Before(last.is) || i.was.Equal(last.was) && i.layout == last.layout) {
			end := time.Time{} // before which it has to be
			if !i.was.After(h.g.Now) {
				end = h.g.Now
			}
			if h.slot != nil && i.f == st.inOrder && h.slot.high.After(last.is) {
				end = h.slot.high
			}
			to := last.is.Add(i.was.Sub(last.was))
			if !end.IsZero() && to.After(end) {
				to = between(r, last.is, end)
			}
			i.set(to, true, h.g.Now)
		}
		if last == nil || !i.is.Before(last.is) {
			last = i
		}
	}
}

// downward moves dates in front of those that stay and that they precede.
func (h *hand) downward(r *rand.Rand, all []*instant) {
	floor := make([]time.Time, len(all)) // the latest before it that stays
	for k, i := range all[:len(all)-1] {
		floor[k+1] = floor[k]
		if i.cell == nil && i.is.After(floor[k]) {
			floor[k+1] = i.is
		}
	}
	var next *instant
	for k := len(all) - 1; k >= 0; k-- {
		i := all[k]
		if next != nil && i.cell != nil && i.is.After(next.is) {
			to := next.is.Add(i.was.Sub(next.was))
			if to.Before(floor[k]) {
				to = between(r, floor[k], next.is)
			}
			i.set(to, false, h.g.Now)
		}
		if next == nil || !i.is.After(next.is) {
			next = i
		}
	}
}

func between(r *rand.Rand, low, high time.Time) time.Time {
	if !low.Before(high) {
		return high
	}
	return low.Add(time.Duration((0.1 + 0.8*r.Float64()) * float64(high.Sub(low))))
}

// set writes a date in the column's grain, no earlier (up) or no later than to.
func (i *instant) set(to time.Time, up bool, now time.Time) {
	grain := 24 * time.Hour
	if i.f.Class == generate.Timestamp {
		grain = i.f.seen.Grain(i.is.Format(i.layout))
	}
	at := to.Truncate(grain)
	if up && at.Before(to) && (i.was.After(now) || !at.Add(grain).After(now)) {
		at = at.Add(grain)
	}
	layout := i.layout
	if dot := strings.IndexByte(layout, '.'); dot > 0 { // as fine as it has to be
		if rest := strings.TrimLeft(layout[dot+1:], "0"); len(layout)-dot-1-len(rest) != 6 {
			layout = layout[:dot] + ".999999" + rest
		}
	}
	v := at.In(i.is.Location()).Format(layout)
	i.cell.Value = &v
	if t, _, ok := generate.ParseTime(v); ok { // as coarse as it is written
		i.is = t
	}
}
