package seeder

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"honeyrow/seeder/generate"
)

// moments are the dates of a row, as a clock on the wall shows them.
type moments map[*field]time.Time

// kindred are the dates of a row's relatives in one table, by their templates.
type kindred map[int]moments

// ends are the first and the last of them, as far as the first of each goes; nil if
// there are none.
func (k kindred) ends(c *clock) []time.Time {
	var out []time.Time
	for _, at := range k {
		for _, f := range c.fields {
			if t, ok := at[f]; ok {
				out = append(out, t)
				break
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return []time.Time{slices.MinFunc(out, time.Time.Compare), slices.MaxFunc(out, time.Time.Compare)}
}

// end is the last of all of them.
func (k kindred) end() (last time.Time) {
	for _, at := range k {
		for _, t := range at {
			if t.After(last) {
				last = t
			}
		}
	}
	return last
}

func (c *clock) named(at []time.Time) moments {
	out := moments{}
	for j, t := range at {
		if !t.IsZero() {
			out[c.fields[j]] = t
		}
	}
	return out
}

// place chooses a row's dates: the first where its key or its shift has it, at an hour
// of another row's where nothing says otherwise, the others from there.
func (h *hand) place(st *study, r *rand.Rand) {
	c := st.clock(h.g.Now)
	own, kind := c.of(h.was)
	root := firstOf(own)
	if root < 0 {
		h.when, h.meant, h.broods = nil, nil, nil
		return
	}
	by := h.g.Shift
	if c.grain[root] >= day {
		by = by.Round(day)
	}
	at := own[root].Add(by)
	if st.inOrder == nil && h.haven == nil {
		at = c.inside(root, at)
	}
	if st.inOrder != c.fields[root] && c.grain[root] < day {
		for range 20 {
			to := at.Truncate(day).Add(c.hour(r, root))
			if to.Before(c.now) == (kind[root] == 'p') && (h.after.IsZero() || !to.Before(h.after)) {
				at = to
				break
			}
		}
	}
	if h.slot == nil && st.inOrder != c.fields[root] && h.haven == nil {
		at = c.suited(r, nil, root, root, at)
	}
	at = at.Truncate(c.grain[root])
	h.when = c.named(c.place(r, h.was, at))
	h.g.Shift, h.g.Anchor, h.g.Scale = at.Sub(own[root]), time.Time{}, 0
	h.meant, h.broods = h.when, nil
}

// stand is when a row and its relatives take place.
type stand struct {
	g           generate.Row
	when, meant moments
	broods      map[*study]kindred
}

func (h *hand) dated() stand { return stand{h.g, h.when, h.meant, h.broods} }

func (h *hand) redate(s stand) { h.g, h.when, h.meant, h.broods = s.g, s.when, s.meant, s.broods }

// at is a row's first date, in the order of placing.
func (h *hand) at(c *clock) time.Time {
	for _, f := range c.fields {
		if at, ok := h.when[f]; ok {
			return at
		}
	}
	return time.Time{}
}

// past returns the first and the last date of a row that lie in the past, zero if
// there is none.
func (h *hand) past(st *study) (first, last time.Time) {
	if len(h.when) == 0 {
		if first, last = st.past(h.was, h.g.Now); !first.IsZero() {
			first, last = first.Add(h.g.Shift), last.Add(h.g.Shift)
		}
		return first, last
	}
	for f, at := range h.when {
		if f.plan.Kind != "timestamp" || at.After(h.g.Now) {
			continue
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	return first, last
}

// litterOf is a row's relatives in one table as far as dates go: where their first
// dates lie.
type litterOf struct {
	row   int // that they hang on, in its sample
	spans []int64
}

// hang is how the first dates of a table's rows lie behind a date of the row that
// they hang on.
type hang struct {
	from    *field // nil: the first of all, since their row has no date
	span    *span
	step    int64 // the least of them that is not 0, in months
	litters []litterOf
	of      map[int]int     // by row
	sides   map[int]int     // on which side of each date of their row they lie, once asked for
	apart   map[int]float64 // how far litters of so many are from each other, once asked for
	byKey   []*litterOf     // of rows without a date, in the order of their keys, once asked for
	origin  time.Time       // of such, the first of all relatives' dates
}

// hanging learns how relatives' dates hang on their row's.
func (st *study) hanging(now time.Time) *hang {
	k := st.kin
	if k.hung != nil {
		return k.hung
	}
	to, own := k.to.clock(now), st.clock(now)
	grain := day
	if len(own.grain) > 0 { // else no date of theirs moves
		grain = own.grain[0]
	}
	ref := k.to.sample.index(k.fk.RefColumns[0])
	if k.parent {
		ref = k.to.sample.index(k.fk.Columns[0])
	}
	best := -1
	var chosen *span
	for j := range to.fields {
		if to.fields[j].plan.Kind != "timestamp" {
			continue
		}
		var pairs [][2]time.Time
		for i, row := range k.to.sample.Rows {
			if row[ref] == nil || to.rows[i][j].IsZero() {
				continue
			}
			for _, kid := range k.rows[*row[ref]] {
				if at := own.began(kid); !at.IsZero() {
					pairs = append(pairs, [2]time.Time{to.rows[i][j], at})
				}
			}
		}
		s := newSpan(pairs, to.grain[j], grain)
		if best < 0 || s.bound() && s.loose() < chosen.loose() {
			best, chosen = j, s
		}
	}
	k.hung = &hang{span: chosen, of: map[int]int{}}
	if best >= 0 {
		k.hung.from = to.fields[best]
	} else {
		k.hung.span = newSpan(nil, grain)
		k.hung.span.still = true
	}
	if best < 0 {
		k.hung.begin(own, k)
	}
	for i, row := range k.to.sample.Rows {
		if row[ref] == nil {
			continue
		}
		var at []time.Time
		for _, kid := range k.rows[*row[ref]] {
			if t := own.began(kid); !t.IsZero() {
				at = append(at, t)
			}
		}
		slices.SortFunc(at, time.Time.Compare)
		if len(at) == 0 || best >= 0 && to.rows[i][best].IsZero() {
			continue
		}
		from := k.hung.origin
		if best >= 0 {
			from = to.rows[i][best]
		}
		l := litterOf{row: i}
		for _, t := range at {
			l.spans = append(l.spans, k.hung.span.far(from, t))
		}
		k.hung.of[i] = len(k.hung.litters)
		k.hung.litters = append(k.hung.litters, l)
	}
	if i := sort.Search(len(k.hung.span.all), func(i int) bool { return k.hung.span.all[i] > 0 }); i < len(k.hung.span.all) {
		k.hung.step = k.hung.span.all[i]
	}
	if best < 0 {
		for _, l := range k.hung.litters {
			k.hung.span.all = append(k.hung.span.all, l.spans...)
		}
		slices.Sort(k.hung.span.all)
	}
	return k.hung
}

// lacks reports whether a row will have no relative like a template's: its date would
// still be to come.
func (h *hand) lacks(st *study, template int) bool {
	b, placed := h.broods[st]
	_, ok := b[template]
	return placed && !ok && !st.clock(h.g.Now).began(template).IsZero()
}

// brood places the dates of the relatives that a row will have in the table of st, by
// their templates. They lie behind the row's as those of another row do that began
// about then, and has as many.
func (h *hand) brood(st *study, r *rand.Rand) kindred {
	if b, ok := h.broods[st]; ok {
		return b
	}
	out := kindred{}
	if h.broods == nil {
		h.broods = map[*study]kindred{}
	}
	if h.woven(st, r) {
		return h.broods[st]
	}
	h.broods[st] = out
	k := st.kin
	own := st.clock(h.g.Now)
	v := h.was[k.to.sample.index(k.fk.RefColumns[0])]
	if v == nil || len(own.fields) == 0 {
		return out
	}
	var kids []int // those with dates that move, in their order
	for _, i := range k.rows[*v][:min(len(k.rows[*v]), maxBrood)] {
		if !first(own.rows[i]).IsZero() {
			kids = append(kids, i)
		}
	}
	if len(kids) == 0 {
		return out
	}
	if kids = h.together(st, r, kids, out); len(kids) == 0 {
		return out
	}
	slices.SortStableFunc(kids, func(a, b int) int { return first(own.rows[a]).Compare(first(own.rows[b])) })
	hang := st.hanging(h.g.Now)
	from, ok := h.when[hang.from]
	switch {
	case hang.from == nil:
		from = hang.origin
	case !ok: // its row has no such date
		from = first(own.rows[kids[0]]).Add(h.g.Shift)
	}
	for n, at := range h.firsts(st, hang, r, kids, from, ok) { // what would still be to come is left out
		out[kids[n]] = own.named(own.place(r, st.sample.Rows[kids[n]], at))
	}
	return out
}

// firsts are the first dates of so many relatives, in their order. Of those that follow
// from a date of their row, one on the other side of another of its dates than real ones
// (a salary from after somebody left) is left out, the others are moved.
func (h *hand) firsts(st *study, hang *hang, r *rand.Rand, kids []int, from time.Time, hung bool) []time.Time {
	own, to := st.clock(h.g.Now), st.kin.to.clock(h.g.Now)
	apart := hang.lonely(len(kids))
	ats := make([]time.Time, len(kids))
	for try := 1; ; try++ {
		ats = ats[:len(kids)]
		spans, model := []int64(nil), -1
		if l := hang.next(r, st, h, len(kids)); l != nil {
			spans = hang.fit(r, l, len(kids))
		} else {
			spans, model = hang.like(r, h, to, len(kids), from)
		}
		if l := h.haven.litter(hang, len(kids), from); l != nil && try == 1 {
			spans, model, ats = l.spans, l.row, ats[:len(l.spans)] // the others are left out
		}
		good, off, out := true, 0.0, map[int]bool{}
		for n := range ats {
			v := spans[n]
			if hung || n > 0 || hang.from == nil {
				v = hang.span.near(r, v, max(usually, 1.2*apart))
			}
			off = max(off, math.Abs(hang.span.rank(v)-hang.span.rank(spans[n])))
			j := firstOf(own.rows[kids[n]])
			at := hang.span.from(from, v, func() time.Duration { return own.hour(r, j) }).Truncate(own.grain[j])
			if own.rows[kids[n]][j].After(own.now) != at.After(own.now) {
				good = false
				if try == placings && at.After(own.now) {
					if hang.tied() {
						out[n] = true
					} else {
						at = between(r, from, own.now).Truncate(own.grain[j])
					}
				}
			}
			low, high := time.Time{}, own.now // where it may be
			for f, above := range h.when {
				if i := slices.Index(to.fields, f); i >= 0 && f.plan.Kind == "timestamp" && st.kin.lawful(st, f) {
					a, b := hang.side(st, i, h.g.Now), at.Compare(above)
					if model >= 0 && !to.rows[model][i].IsZero() && a == 0 {
						was := hang.span.from(to.rows[model][slices.Index(to.fields, hang.from)], spans[n], func() time.Duration { return at.Sub(at.Truncate(day)) })
						a = was.Compare(to.rows[model][i])
					}
					if a*b < 0 {
						good, out[n] = false, out[n] || hang.tied()
					}
					if a > 0 && above.After(low) {
						low = above
					} else if a < 0 && above.Before(high) {
						high = above
					}
				}
			}
			if try == placings && !hang.tied() && (at.Before(low) || at.After(high)) && low.Before(high) {
				at = between(r, cmp.Or(low, from), high).Truncate(own.grain[j])
			}
			if own.grain[j] >= day && slices.ContainsFunc(ats[:n], at.Equal) { // they may have to differ
				good = false
				for slices.ContainsFunc(ats[:n], at.Equal) && try == placings {
					at = at.Add(-day)
				}
			}
			ats[n] = at
		}
		if good && (off >= apart || try > placings/2) || try == placings {
			kept := make([]time.Time, 0, len(ats))
			for n, at := range ats {
				if !out[n] {
					kept = append(kept, at)
				}
			}
			slices.SortFunc(kept, time.Time.Compare)
			return kept
		}
	}
}

// side is on which side of the jth date of their row relatives' first dates lie: 1 if
// nearly none is before it, -1 if nearly none is after, 0 if that is not sure.
func (g *hang) side(st *study, j int, now time.Time) int {
	if way, ok := g.sides[j]; ok {
		return way
	}
	to, own := st.kin.to.clock(now), st.clock(now)
	var count [2]int // before and after
	n := 0
	ref := st.kin.to.sample.index(st.kin.fk.RefColumns[0])
	for i, row := range st.kin.to.sample.Rows {
		if row[ref] == nil || to.rows[i][j].IsZero() {
			continue
		}
		for _, kid := range st.kin.rows[*row[ref]] {
			if at := own.began(kid); !at.IsZero() {
				n++
				switch at.Compare(to.rows[i][j]) {
				case -1:
					count[0]++
				case 1:
					count[1]++
				}
			}
		}
	}
	way := 0
	switch {
	case n < leastSpans:
	case 200*count[0] <= n && count[1] > 0:
		way = 1
	case 200*count[1] <= n && count[0] > 0:
		way = -1
	}
	if g.sides == nil {
		g.sides = map[int]int{}
	}
	g.sides[j] = way
	return way
}

// like returns how far n relatives of a row that began at about a time lie behind it,
// and which row that is: one that has as many, else more. What is missing is other
// rows'.
func (g *hang) like(r *rand.Rand, h *hand, to *clock, n int, from time.Time) (spans []int64, model int) {
	model = -1
	var best *litterOf
	score := func(l *litterOf) int {
		if len(l.spans) >= n {
			return len(l.spans) - n
		}
		return 1000 + n - len(l.spans)
	}
	own, kind := to.of(h.was)
	for range 24 {
		var l *litterOf
		if i := to.like(r, h.was, own, kind, from); i >= 0 && len(own) > 0 {
			if at, ok := g.of[i]; ok {
				l = &g.litters[at]
			}
		} else if len(g.litters) > 0 {
			l = &g.litters[r.IntN(len(g.litters))]
		}
		if l != nil && (best == nil || score(l) < score(best)) {
			best = l
		}
		if best != nil && score(best) == 0 {
			break
		}
	}
	if best != nil && g.from != nil {
		model = best.row
	}
	return g.fit(r, best, n), model
}

// fit returns n distances, a litter's as far as it has so many.
func (g *hang) fit(r *rand.Rand, best *litterOf, n int) (spans []int64) {
	if best != nil {
		spans = slices.Clone(best.spans)
		for len(spans) > n { // any but the first: without its last ones it would end too soon
			at := n
			if !g.tied() && n > 1 {
				at = 1 + r.IntN(len(spans)-1)
			}
			spans = slices.Delete(spans, at, at+1)
		}
	}
	for v := int64(0); len(spans) < n; v += max(g.step, 1) {
		switch {
		case g.tied():
			if !slices.Contains(spans, v) {
				spans = append(spans, v)
			}
		case len(g.span.all) == 0:
			spans = append(spans, 0)
		default:
			spans = append(spans, g.span.all[r.IntN(len(g.span.all))])
		}
	}
	slices.SortFunc(spans, cmp.Compare)
	return spans
}

// tied reports whether relatives' dates are a whole number of months from one of
// their row's: such a date moves with that one alone.
func (g *hang) tied() bool { return g.span.months }
