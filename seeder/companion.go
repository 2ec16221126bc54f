package seeder

import (
	"math/rand/v2"
	"slices"
	"time"

	"honeyrow/seeder/generate"
)

// companion is the table of the same row's relatives at which those of another table
// point, and how the dates of both hang together: a payment is made when its rental
// begins, or so long after it as others are.
type companion struct {
	other *study
	f     *field         // the column that points
	ref   int            // what it points at, in the other's sample
	from  *field         // the date there from which dates here are
	rows  map[string]int // the other's sampled rows, by what is pointed at
	span  *span
}

// closer is how much less the distances from a companion's dates have to differ than
// those from other dates for the companion to say when a row came.
const closer = 4

// pairUp finds for each table of relatives the table of the same row's relatives at which
// it points, and for each table whose rows have relatives all of these.
func (d *draft) pairUp() {
	for _, st := range d.studies {
		if st.kin == nil || st.kin.parent {
			continue
		}
		st.kin.to.hangers = append(st.kin.to.hangers, st)
		for _, f := range st.columns {
			if o := d.sister(st, f); o != nil && st.kin.pointed == nil {
				st.kin.pointed, st.kin.by = o, f
			}
		}
	}
}

// companion is what relatives' dates go with, nil if that is nothing but their row's.
func (st *study) companion(now time.Time) *companion {
	k := st.kin
	if k.pointed == nil || k.paired {
		return k.companion
	}
	k.paired = true
	c := &companion{other: k.pointed, f: k.by, ref: k.pointed.sample.index(k.by.fk.RefColumns[0]), rows: map[string]int{}}
	own, theirs := st.clock(now), c.other.clock(now)
	if c.ref < 0 || len(own.fields) == 0 || len(theirs.fields) == 0 {
		return nil
	}
	for i, row := range c.other.sample.Rows {
		if row[c.ref] != nil {
			c.rows[*row[c.ref]] = i
		}
	}
	for j, f := range theirs.fields {
		if f.plan.Kind != "timestamp" {
			continue
		}
		var pairs [][2]time.Time
		for i, row := range st.sample.Rows {
			if v := row[c.f.sample]; v != nil {
				if o, ok := c.rows[*v]; ok && !theirs.rows[o][j].IsZero() && !own.began(i).IsZero() {
					pairs = append(pairs, [2]time.Time{theirs.rows[o][j], own.began(i)})
				}
			}
		}
		if s := newSpan(pairs, theirs.grain[j], own.grain[0]); len(pairs) >= leastSpans && (c.span == nil || s.slack() < c.span.slack()) {
			c.from, c.span = f, s
		}
	}
	if c.span == nil || c.span.slack() > 0 && closer*c.span.slack() > st.hanging(now).span.slack() {
		return nil
	}
	k.companion = c
	return c
}

// slack is how loose distances are, of which those that are none go before multiples of
// something: what is paid when it is lent is paid whole minutes before it is returned too.
func (s *span) slack() float64 {
	zero, _ := slices.BinarySearch(s.all, 0)
	above, _ := slices.BinarySearch(s.all, 1)
	if n := len(s.all); n > 0 && 10*(above-zero) >= 9*n {
		return -1000
	}
	return s.loose()
}

// begins is when a row comes that points at another that came at a time.
func (c *companion) begins(r *rand.Rand, own *clock, at time.Time) time.Time {
	v := c.span.near(r, c.span.all[r.IntN(len(c.span.all))], usually)
	return c.span.from(at, v, func() time.Duration { return own.hour(r, 0) }).Truncate(own.grain[0])
}

// together places those relatives of a row whose dates go with those at which they
// point, and returns the others.
func (h *hand) together(st *study, r *rand.Rand, kids []int, out kindred) (left []int) {
	c := st.companion(h.g.Now)
	if c == nil {
		return kids
	}
	own, theirs := st.clock(h.g.Now), h.brood(c.other, r)
	for _, kid := range kids {
		i, ok := 0, false
		if v := st.sample.Rows[kid][c.f.sample]; v != nil {
			i, ok = c.rows[*v]
		}
		switch at, moved := theirs[i][c.from]; {
		case !ok || !moved && !h.lacks(c.other, i): // it is none of the family, or has a date that stays
			left = append(left, kid)
		case moved:
			if to := c.begins(r, own, at); to.After(own.now) == first(own.rows[kid]).After(own.now) {
				out[kid] = own.named(own.place(r, st.sample.Rows[kid], to))
			}
		}
	}
	return left
}

// keepUp has a relative follow the one at which it points to where that came to stand
// once it had its number.
func (d *draft) keepUp(st *study, h *hand) {
	c := st.companion(d.now)
	if c == nil || h.when == nil || h.was[c.f.sample] == nil {
		return
	}
	i, ok := c.rows[*h.was[c.f.sample]]
	if !ok {
		return
	}
	was, ok := h.above.broods[c.other][i][c.from]
	at := slices.IndexFunc(d.hands[c.other], func(o *hand) bool { return o.above == h.above && o.template == i })
	if !ok || at < 0 {
		return
	}
	cell := d.hands[c.other][at].row.cell(c.from.Name)
	if cell == nil || cell.Value == nil {
		return
	}
	is, _, ok := generate.ParseTime(*cell.Value)
	if by := wall(is).Sub(was); ok && by != 0 {
		moved := moments{}
		for f, t := range h.when {
			moved[f] = t.Add(by)
		}
		h.when, h.meant = moved, moved
	}
}
