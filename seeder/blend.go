package seeder

import (
	"math/rand/v2"
	"slices"
	"sort"
	"strings"

	"honeyrow/seeder/generate"
)

// blend returns the row that a honey row is made of: the template's keys, dates, form of
// what names somebody, and pattern of NULLs, with contents of other rows. Were all the
// template's, the two would be a pair that whoever sorts the table by what its rows have
// in common finds: a street and the town, a manager and the title, height and weight.
//
// Column by column, those of few values first, a value is taken from a row drawn among
// those that agree in what goes with it, as far as leastDonors do (a chain of conditional
// draws: what goes together still does). Of some such rows that one is kept that has
// about as much in common with the row most like it as a real row drawn at random has.
func (d *draft) blend(st *study, r *rand.Rand, template int, old *era, at *slot, few bool) []*string {
	was := st.sample.Rows[template]
	w := st.woven(d.relatives(st))
	if w == nil || st.whole {
		return was
	}
	goal := w.goals[r.IntN(len(w.goals))]
	var best *mixture
	for try := range blends {
		m := w.mix(r, template, old, at, try > 0)
		m.likest(w)
		if best == nil || m.off(w, goal) < best.off(w, goal) {
			best = m
		}
		if !few && (try > 0 || best.whole <= goal.whole && best.near <= goal.near) { // many take too long
			break
		}
	}
	return best.row(r, w)
}

// blends is of how many blends of one template the best is taken, leastDonors among how
// many rows a value is drawn, as far as they agree.
const (
	blends      = 6
	leastDonors = 8
)

// mixture is a row while it is put together: of which sampled row each thread is.
type mixture struct {
	from     []int // by thread
	template int
	place    int // in the order of keys
	at       *slot
	likeness
}

// likeness is how much a row has in common with that one which is most like it: of all,
// and of those that stand near it in the order of keys.
type likeness struct{ whole, near float64 }

// off is how far a likeness is from another, as shares of real rows.
func (l *likeness) off(w *weave, goal likeness) float64 {
	d := w.rank(l.whole, true) - w.rank(goal.whole, true)
	e := w.rank(l.near, false) - w.rank(goal.near, false)
	return max(d, -d) + max(e, -e)
}

// mix puts a row together. Of coarse columns, which have few values, it is the template
// unless more is asked for.
func (w *weave) mix(r *rand.Rand, template int, old *era, at *slot, more bool) *mixture {
	m := &mixture{from: make([]int, len(w.threads)), template: template, place: w.place[template], at: at}
	if at != nil && len(w.keys) > 0 {
		m.place, _ = slices.BinarySearch(w.keys, at.key)
	}
	for i, t := range w.threads {
		if m.from[i] = template; old != nil && t.f.plan.Kind == "timestamp" { // what is drawn goes with when it will begin
			m.from[i] = old.row
		}
	}
	set := make([]bool, len(w.threads)) // what the others have to go by
	for i, t := range w.threads {
		set[i] = !t.loose
	}
	for _, i := range w.loose {
		t := w.threads[i]
		set[i] = true
		switch other := w.same(i, template, set); {
		case t.exact[template] == 0: // the pattern of NULLs is the template's
		case other >= 0:
			m.from[i] = m.from[other]
		case t.with >= 0 && set[t.with]: // of the town: another row's there, or its own
			if d := w.local(r, m, i, set); d >= 0 {
				m.from[i] = d
			}
		case t.coarse() && (!more || r.IntN(2) == 0) && !w.torn(m, i, set):
		default:
			if d := w.donor(r, m, i, set, nil); d >= 0 {
				m.from[i] = d
			}
		}
	}
	return m
}

// torn reports whether a thread's own value does not go with what was drawn for others: a
// form of address with another sex.
func (w *weave) torn(m *mixture, i int, set []bool) bool {
	t, k := w.threads[i], m.from[i]
	return slices.ContainsFunc(t.bound, func(o int) bool {
		return set[o] && w.threads[o].exact[m.from[o]] != 0 && w.threads[o].exact[m.from[o]] != w.threads[o].exact[k]
	}) || slices.ContainsFunc(t.paired, func(o int) bool {
		return set[o] && !w.pairs[[2]int{i, o}][w.threads[o].code[m.from[o]]][t.code[k]]
	})
}

// local draws the row that gives a street or a postcode to a row of a town: one of the
// town, whose street as many others are in as in that of a row of the town drawn at random
// (Good and Turing: in one that is new there as often as rows are alone in theirs).
func (w *weave) local(r *rand.Rand, m *mixture, i int, set []bool) int {
	t, towns := w.threads[i], w.threads[w.threads[i].with]
	town := towns.exact[m.from[t.with]]
	there := func(d int) bool { return towns.exact[d] == town }
	if t.f.plan.Kind == "postcode" {
		if d := w.donor(r, m, i, set, there); d >= 0 {
			return d
		}
		return m.from[t.with]
	}
	if w.streets[i] == nil {
		w.streets[i] = map[[2]int32]int{}
		for d := range w.rows {
			w.streets[i][[2]int32{towns.exact[d], t.exact[d]}]++
		}
	}
	rows := func(d int) int { return w.streets[i][[2]int32{town, t.exact[d]}] }
	some := w.eligible(m, i, set, there, false)
	d := -1
	if len(some) > 0 {
		others := rows(some[r.IntN(len(some))]) - 1
		if others > 0 || r.Float64() > w.part {
			if d = w.donor(r, m, i, set, func(d int) bool { return there(d) && rows(d) == others }); d < 0 {
				d = w.donor(r, m, i, set, there)
			}
		}
	}
	if d < 0 {
		d = w.donor(r, m, i, set, func(d int) bool { return rows(d) == 0 })
	}
	if d < 0 {
		d = w.donor(r, m, i, set, nil)
	}
	return d
}

// same returns an earlier column of the kind that holds what this one holds in the
// template: a second address that is the first stays so; -1 if there is none.
func (w *weave) same(i, template int, set []bool) int {
	t := w.threads[i]
	v := t.f.value(w.rows[template])
	if len(v) < 4 {
		return -1
	}
	for k, other := range w.threads {
		if k != i && set[k] && other.loose && other.f.plan.Kind == t.f.plan.Kind && other.f.value(w.rows[template]) == v {
			return k
		}
	}
	return -1
}

// donor draws the sampled row whose value a column takes over, of those that are there;
// -1 to leave what it has.
func (w *weave) donor(r *rand.Rand, m *mixture, i int, set []bool, there func(int) bool) int {
	t := w.threads[i]
	some := w.eligible(m, i, set, there, true)
	if len(some) == 0 {
		some = w.eligible(m, i, set, there, false)
	}
	if len(some) == 0 {
		for _, k := range t.bound { // what it has would not go with what was drawn
			if set[k] && t.exact[m.from[k]] != 0 && w.threads[k].exact[m.from[k]] != w.threads[k].exact[m.from[i]] {
				return m.from[k]
			}
		}
		return -1
	}
	if d := w.senior(r, m, i, set, there, some); d >= 0 {
		return d
	}
	return t.shared(r, w.agreeing(m, t, set, w.aged(m, t, some)))
}

// aged are those of some rows, in the order of keys, that are about as old as the honey
// row will be, where that tells something of a column.
func (w *weave) aged(m *mixture, t *thread, some []int) []int {
	n := max(1+len(w.rows)/5, leastDonors)
	if t.age == 0 || len(some) <= n {
		return some
	}
	at := sort.Search(len(some), func(k int) bool { return w.place[some[k]] >= m.place })
	at = min(max(at-n/2, 0), len(some)-n)
	return some[at : at+n]
}

// agreeing are those of some rows that agree in what goes with a column, as far as there
// are enough.
func (w *weave) agreeing(m *mixture, t *thread, set []bool, some []int) []int {
	for _, k := range t.goes {
		if !set[k] {
			continue
		}
		var agree []int
		for _, d := range some {
			if w.threads[k].code[d] == w.threads[k].code[m.from[k]] {
				agree = append(agree, d)
			}
		}
		if len(agree) >= leastDonors {
			some = agree
		}
	}
	return some
}

// shared draws one of some rows whose value as many others hold as hold that of a row
// drawn at random, where that shows: of a manager with few people a row drawn has one more
// than there are others beside it.
func (t *thread) shared(r *rand.Rand, some []int) int {
	d := some[r.IntN(len(some))]
	n := t.held[t.exact[d]]
	if t.spread || n < 2 || n > mostShared {
		return d
	}
	var less []int
	for _, o := range some {
		if t.held[t.exact[o]] == n-1 {
			less = append(less, o)
		}
	}
	if len(less) == 0 {
		return d
	}
	return less[r.IntN(len(less))]
}

// mostShared is up to how many rows one more or less shows.
const mostShared = 20

// eligible are the rows whose value a column may take over beside what is drawn already;
// met: only such as stand beside each of these in some row, if they are not rare.
func (w *weave) eligible(m *mixture, i int, set []bool, there func(int) bool, met bool) []int {
	t := w.threads[i]
	var bound []int
	for _, k := range t.bound {
		if set[k] {
			bound = append(bound, k)
		}
	}
	var classes [][]bool
	for _, k := range t.paired {
		if met && set[k] {
			classes = append(classes, w.pairs[[2]int{i, k}][w.threads[k].code[m.from[k]]])
		}
	}
	some := make([]int, 0, len(t.donors))
donors:
	for _, d := range t.donors {
		if d == m.template || !t.fresh(d, m.template) || there != nil && !there(d) || t.rank != nil && !t.rank.suits(w.st, d, m.at) {
			continue
		}
		for _, k := range bound {
			if w.threads[k].exact[d] != w.threads[k].exact[m.from[k]] {
				continue donors
			}
		}
		for _, beside := range classes {
			if !beside[t.code[d]] {
				continue donors
			}
		}
		some = append(some, d)
	}
	return some
}

// row is what the mixture holds.
func (m *mixture) row(r *rand.Rand, w *weave) []*string {
	out := slices.Clone(w.rows[m.template])
	for i, t := range w.threads {
		if t.loose {
			out[t.f.sample] = w.rows[m.from[i]][t.f.sample]
			if t.spread && t.single && m.from[i] != m.template {
				if v := generate.Joined(*out[t.f.sample], *w.rows[t.donors[r.IntN(len(t.donors))]][t.f.sample]); v != "" {
					out[t.f.sample] = &v
				}
			}
		}
	}
	return out
}

// likest finds the sampled row with which this one has most in common.
func (m *mixture) likest(w *weave) {
	m.likeness = w.likest(func(t int) int32 { return w.threads[t].exact[m.from[t]] }, m.place, -1)
}

// value is what a row holds in a column, "" if NULL.
func (f *field) value(row []*string) string {
	if f.sample < 0 || row[f.sample] == nil {
		return ""
	}
	return strings.ToLower(*row[f.sample])
}
