package seeder

import (
	"math/rand/v2"
	"slices"
	"time"
)

// loom is how the dates of a row's relatives hang together where one stands in several
// of them: a salary begins on the day on which the one before ends, the first of them on
// that of the first title, the last ends with the last department. Such dates are
// placed as one: what was one day stays one, steps that many rows have stay (a year), and
// the others are about as long as they were.
type loom struct {
	tables []*study
	since  map[*study]*span // from the date of their row on which they hang to the first
	steps  map[*study]*span // from one to the next
	open   map[state][2]time.Time
}

// knot is a date of a relative.
type knot struct {
	st  *study
	kid int
	j   int
	nth int // of its row's relatives in this table, by date
	at  time.Time
}

// The dates of relatives hang together if that many of a hundred stand in another relative
// of the row too; of a hundred rows at either end so many have an open relative from a time
// at which few have.
const (
	leastWoven = 50
	fewOpen    = 1
)

// loom is how the dates of relatives of a table's rows hang together, nil if they don't.
// Those with numbers of their own come where numbers are free.
func (st *study) loom(now time.Time) *loom {
	if st.loomed {
		return st.looms
	}
	st.loomed = true
	l := &loom{since: map[*study]*span{}, steps: map[*study]*span{}, open: map[state][2]time.Time{}}
	for _, o := range st.hangers {
		if o.drawn() == nil && o.kin.pointed == nil && len(o.clock(now).fields) > 0 && o.hanging(now).from != nil {
			l.tables = append(l.tables, o)
		}
	}
	for n := -1; n != len(l.tables) && len(l.tables) > 0; { // without one, others may hang together with nothing
		n = len(l.tables)
		all, woven := map[*study]int{}, map[*study]int{}
		for i := range st.sample.Rows {
			ks := l.family(i, now)
			for from, to := 0, 0; from < len(ks); from = to {
				for to < len(ks) && ks[to].at.Equal(ks[from].at) {
					to++
				}
				several := slices.ContainsFunc(ks[from:to], func(k knot) bool { return k.st != ks[from].st || k.kid != ks[from].kid })
				for _, k := range ks[from:to] {
					if all[k.st]++; several {
						woven[k.st]++
					}
				}
			}
		}
		l.tables = slices.DeleteFunc(l.tables, func(o *study) bool {
			return all[o] < leastSample || 100*woven[o] < leastWoven*all[o]
		})
	}
	if len(l.tables) == 0 {
		return nil
	}
	l.learn(st, now)
	st.looms = l
	return l
}

// family lists the dates of the relatives of a sampled row, in their order.
func (l *loom) family(row int, now time.Time) (out []knot) {
	for _, o := range l.tables {
		c, k := o.clock(now), o.kin
		v := k.to.sample.Rows[row][k.to.sample.index(k.fk.RefColumns[0])]
		if v == nil {
			continue
		}
		kids := slices.Clone(k.rows[*v][:min(len(k.rows[*v]), maxBrood)])
		slices.SortStableFunc(kids, func(a, b int) int { return c.began(a).Compare(c.began(b)) })
		for nth, kid := range kids {
			for j, at := range c.rows[kid] {
				if !at.IsZero() {
					out = append(out, knot{o, kid, j, nth, at})
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b knot) int { return a.at.Compare(b.at) })
	return out
}

// learn reads how far such dates are from each other, and from when on the relatives are
// that have not ended: nobody's salary is two years old.
func (l *loom) learn(st *study, now time.Time) {
	since, steps := map[*study][][2]time.Time{}, map[*study][][2]time.Time{}
	open := map[state][]time.Time{}
	to := st.clock(now)
	for i := range st.sample.Rows {
		last := map[*study]time.Time{}
		for _, k := range l.family(i, now) {
			if k.j != 0 {
				continue
			}
			if before, ok := last[k.st]; ok {
				steps[k.st] = append(steps[k.st], [2]time.Time{before, k.at})
			} else if j := slices.Index(to.fields, k.st.hanging(now).from); j >= 0 && !to.rows[i][j].IsZero() {
				since[k.st] = append(since[k.st], [2]time.Time{to.rows[i][j], k.at})
			}
			last[k.st] = k.at
			kind := k.state(now)
			open[kind] = append(open[kind], k.at)
		}
	}
	for _, o := range l.tables {
		grain := o.clock(now).grain[0]
		at := slices.Index(to.fields, o.hanging(now).from)
		l.since[o], l.steps[o] = newSpan(since[o], to.grain[at], grain), newSpan(steps[o], grain)
	}
	for kind, all := range open {
		slices.SortFunc(all, time.Time.Compare)
		off := len(all) * fewOpen / 100
		l.open[kind] = [2]time.Time{all[off], all[len(all)-1-off]}
	}
}

// state is which dates a relative of a table has: one that has not ended has no last one.
type state struct {
	st   *study
	kind string
}

func (k *knot) state(now time.Time) state { return state{k.st, k.st.clock(now).kinds[k.kid]} }

// tie is a date behind which another lies, and how far.
type tie struct {
	from time.Time
	v    int64
	s    *span
}

// weave places the dates of the relatives that a row will have, in all tables that hang
// together. Not ok if some came to lie where no real row's do.
func (l *loom) weave(h *hand, r *rand.Rand) (out map[*study]kindred, ok bool) {
	now := h.g.Now
	to := l.tables[0].kin.to.clock(now)
	was := to.rows[h.template]
	ks := l.family(h.template, now)
	is := map[time.Time]time.Time{} // by the template's
	for j := len(to.fields) - 1; j >= 0; j-- {
		if at, moved := h.when[to.fields[j]]; moved && !was[j].IsZero() {
			is[was[j]] = at
		}
	}
	began := map[*study]map[int]knot{} // the first date of the nth relative
	for _, o := range l.tables {
		began[o] = map[int]knot{}
	}
	for _, k := range ks {
		if k.j == 0 {
			began[k.st][k.nth] = k
		}
	}
	ok = true
	for n := 0; n < len(ks); {
		at := ks[n].at
		from := n
		for n < len(ks) && ks[n].at.Equal(at) {
			n++
		}
		if _, there := is[at]; !there {
			ties := l.ties(h, to, was, began, is, ks[from:n])
			if len(ties) == 0 {
				return nil, false
			}
			is[at] = tied(r, ties, func() time.Duration { return at.Sub(at.Truncate(day)) })
		}
		for _, k := range ks[from:n] {
			ok = ok && l.holds(h, to, was, began, is, k)
		}
	}
	out = map[*study]kindred{}
	for _, o := range l.tables {
		out[o] = kindred{}
	}
	for _, k := range ks {
		if out[k.st][k.kid] == nil {
			out[k.st][k.kid] = moments{}
		}
		c := k.st.clock(now)
		out[k.st][k.kid][c.fields[k.j]] = is[k.at].Truncate(c.grain[k.j])
	}
	return out, ok
}

// ties are the dates before those of a day: of the same relative, of the one before, of
// their row.
func (l *loom) ties(h *hand, to *clock, was []time.Time, began map[*study]map[int]knot, is map[time.Time]time.Time, ks []knot) (out []tie) {
	add := func(s *span, before, at time.Time) {
		if from, ok := is[before]; ok && !before.IsZero() {
			out = append(out, tie{from, s.far(before, at), s})
		}
	}
	for _, k := range ks {
		c := k.st.clock(h.g.Now)
		if k.j > 0 {
			add(c.span(0, k.j), c.rows[k.kid][0], k.at)
		} else if k.nth > 0 {
			add(l.steps[k.st], began[k.st][k.nth-1].at, k.at)
		} else if j := slices.Index(to.fields, k.st.hanging(h.g.Now).from); j >= 0 {
			add(l.since[k.st], was[j], k.at)
		}
	}
	return out
}

// tied is the date that follows from that distance which most rows have, or else from the
// shortest, by about as much.
func tied(r *rand.Rand, ties []tie, hour func() time.Duration) time.Time {
	best, most := ties[0], 0.0
	for _, t := range ties {
		if same := t.s.common(t.v); same > most {
			best, most = t, same
		} else if most == 0 && max(t.v, -t.v) < max(best.v, -best.v) && t.s.days == best.s.days {
			best = t
		}
	}
	return best.s.from(best.from, best.s.near(r, best.v, usually), hour)
}

// common is the share of real rows that have a distance, 0 if they are few.
func (s *span) common(v int64) float64 {
	low, high := slices.BinarySearch(s.all, v)
	if !high {
		return 0
	}
	end, _ := slices.BinarySearch(s.all, v+1)
	if n := end - low; s.months || n >= habit(len(s.all)) {
		return float64(n) / float64(len(s.all))
	}
	return 0
}

// holds reports whether a relative's date lies where real ones do: after those of the
// relative itself and of the one before, on the side of its row's on which it was, no
// later than all others, and if it has not ended, from when such are, or its template is.
func (l *loom) holds(h *hand, to *clock, was []time.Time, began map[*study]map[int]knot, is map[time.Time]time.Time, k knot) bool {
	c, at := k.st.clock(h.g.Now), is[k.at]
	if c.beyond(k.j, at) || at.After(c.now) != k.at.After(c.now) {
		return false
	}
	for j, before := range was {
		if now, moved := h.when[to.fields[j]]; moved && !before.IsZero() && k.at.Compare(before) != at.Compare(now) {
			return false
		}
	}
	if k.j > 0 {
		first := c.rows[k.kid][0]
		return first.IsZero() || k.at.Compare(first) == at.Compare(is[first])
	}
	if k.nth > 0 {
		if before := began[k.st][k.nth-1].at; k.at.Compare(before) != at.Compare(is[before]) {
			return false
		}
	}
	o := l.open[k.state(h.g.Now)]
	return !at.Before(o[0]) && !at.After(o[1]) || at.Before(o[0]) && !at.Before(k.at) || at.After(o[1]) && !at.After(k.at)
}

// thread gives a row a date at which its relatives' dates, if they hang together, lie where
// real ones do.
func (h *hand) thread(st *study, r *rand.Rand) {
	l := st.loom(h.g.Now)
	if l == nil || h.template >= len(st.sample.Rows) || len(h.when) == 0 {
		return
	}
	first, is := h.g.Shift, h.dated()
	moves := phases(r)
	for n := 0; ; n++ {
		for range 4 {
			if out, ok := l.weave(h, r); ok {
				h.broods = out
				return
			}
		}
		if n == len(moves) || h.bound {
			break
		}
		h.g.Shift = first + time.Duration(moves[n])*day
		h.place(st, r)
	}
	h.redate(is) // there the dates are as far as they can be from wrong
}

// woven are the dates of relatives in a table that hang together with others; not ok if
// these don't.
func (h *hand) woven(st *study, r *rand.Rand) bool {
	l := st.kin.to.loom(h.g.Now)
	if l == nil || !slices.Contains(l.tables, st) || len(h.when) == 0 {
		return false
	}
	for try := 1; ; try++ {
		out, ok := l.weave(h, r)
		if out == nil {
			return false
		}
		if ok || try == placings {
			for o, b := range out {
				h.broods[o] = b
			}
			return true
		}
	}
}
