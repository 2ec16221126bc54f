package seeder

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"honeyrow/seeder/generate"
)

// memory is how the numbers of one row's relatives follow one another by date: a
// salary never falls and rises by a few percent, the bonus goes with it.
type memory struct {
	steps []stride // by where they start
	ratio bool     // they are steps by a part of the number, else by an amount
	// keeps says that each number goes on from the one before, changes that they
	// change from row to row although they are of few kinds.
	keeps, changes bool
	rows           []stood        // of few kinds: all rows, by the leading column's number
	begins         map[string]int // with which numbers how many begin
	begun          int
}

// stride is one real row's number and the next one's of the same owner.
type stride struct {
	owner    string
	from, to float64
}

// stood is a row's number in the leading column, and its value of few kinds.
type stood struct {
	owner string
	lead  float64
	row   int
}

// leastStrides is how many pairs have to show how numbers follow one another.
const leastStrides = 30

// measures reports whether a column holds numbers that are drawn near the template's.
func (f *field) measures() bool {
	return f.plan.Source == Made && f.sample >= 0 && !f.seen.Unique && (f.plan.Kind == "salary" || f.plan.Kind == "balance" || f.plan.Kind == "number")
}

// calendar is the date by which relatives follow one another, nil if there is none.
func (st *study) calendar() *field {
	if st.inOrder != nil {
		return st.inOrder
	}
	for _, f := range st.columns {
		if f.plan.Kind == "timestamp" && f.sample >= 0 && f.NotNull {
			return f
		}
	}
	return nil
}

// few reports whether a column's numbers are of few kinds, so that they are the
// template's.
func (f *field) few() bool {
	return f.seen.Few() || f.plan.Kind == "number" && generate.Repeats(f.seen.Values)
}

// inTurn orders relatives by their date.
func (st *study) inTurn(rows []int, by *field) []int {
	out := slices.Clone(rows)
	slices.SortStableFunc(out, func(a, b int) int {
		x, y := st.sample.Rows[a][by.sample], st.sample.Rows[b][by.sample]
		if x == nil || y == nil {
			return 0
		}
		s, _, _ := generate.ParseTime(*x)
		t, _, _ := generate.ParseTime(*y)
		return s.Compare(t)
	})
	return out
}

// number reads a sampled row's number.
func (st *study) number(row int, f *field) (float64, bool) {
	if v := st.sample.Rows[row][f.sample]; v != nil {
		return generate.Number(*v)
	}
	return 0, false
}

// memories learns how the numbers of relatives follow one another, by column.
func (st *study) memories() map[*field]*memory {
	if st.memory != nil {
		return st.memory
	}
	st.memory = map[*field]*memory{}
	by, k := st.calendar(), st.kin
	if by == nil || k == nil || k.parent || k.to.kin != nil {
		return st.memory
	}
	at := k.to.sample.index(k.fk.RefColumns[0])
	for _, f := range st.columns {
		if !f.measures() {
			continue
		}
		m := &memory{ratio: true, begins: map[string]int{}}
		same := 0
		for _, row := range k.to.sample.Rows {
			if row[at] == nil {
				continue
			}
			kids := st.inTurn(k.rows[*row[at]], by)
			if len(kids) > 0 {
				if v := st.sample.Rows[kids[0]][f.sample]; v != nil {
					m.begins[*v]++
					m.begun++
				}
			}
			for i := 1; i < len(kids); i++ {
				x, ok1 := st.number(kids[i-1], f)
				y, ok2 := st.number(kids[i], f)
				if ok1 && ok2 {
					m.steps = append(m.steps, stride{*row[at], x, y})
					m.ratio = m.ratio && x > 0 && y > 0
					if x == y {
						same++
					}
				}
			}
		}
		if len(m.steps) < leastStrides {
			continue
		}
		m.keeps = !f.few() && f.goesOn(m.steps)
		m.changes = f.few() && 10*(len(m.steps)-same) >= len(m.steps)
		sort.SliceStable(m.steps, func(a, b int) bool { return m.steps[a].from < m.steps[b].from })
		st.memory[f] = m
	}
	lead := st.leading()
	for _, f := range st.columns {
		m := st.memory[f]
		if m == nil || !m.changes || lead == nil {
			continue
		}
		for _, row := range k.to.sample.Rows {
			if row[at] == nil {
				continue
			}
			for _, kid := range k.rows[*row[at]] {
				if x, ok := st.number(kid, lead); ok && st.sample.Rows[kid][f.sample] != nil {
					m.rows = append(m.rows, stood{*row[at], x, kid})
				}
			}
		}
		sort.SliceStable(m.rows, func(a, b int) bool { return m.rows[a].lead < m.rows[b].lead })
	}
	return st.memory
}

// goesOn reports whether numbers are nearer to the one before of the same owner than
// to any other.
func (f *field) goesOn(steps []stride) bool {
	own, any := 0.0, 0.0
	rank := func(x float64) float64 { return f.quantile(generate.Plain(x)) }
	for i, s := range steps {
		to := rank(s.to)
		own += math.Abs(to - rank(s.from))
		any += math.Abs(to - rank(steps[(i+len(steps)/2)%len(steps)].from))
	}
	return 2*own < any
}

// leading is the column whose numbers go on from row to row, which others go with.
func (st *study) leading() *field {
	for _, f := range st.columns {
		if m := st.memory[f]; m != nil && m.keeps {
			return f
		}
	}
	return nil
}

// inSeries is what a relative's number is as one of a series; false if real ones
// are none.
func (h *hand) inSeries(st *study, r *rand.Rand, f *field) (string, bool) {
	if h.house == nil || h.tries[f.Name] > 0 || !f.measures() {
		return "", false
	}
	m := st.memories()[f]
	if m == nil || !m.keeps && len(m.rows) == 0 {
		return "", false
	}
	k := st.kin
	v := h.above.was[k.to.sample.index(k.fk.RefColumns[0])]
	if v == nil {
		return "", false
	}
	if h.house.series[f] == nil {
		if h.house.series == nil {
			h.house.series = map[*field]map[int]string{}
		}
		kids := k.rows[*v]
		h.house.series[f] = h.chronicle(st, r, f, m, *v, st.inTurn(kids[:min(len(kids), maxBrood)], st.calendar()))
	}
	out, ok := h.house.series[f][h.template]
	return out, ok
}

// chronicle draws the numbers of one honey row's relatives in the order of their
// dates. The first is near the template's, or the same where many begin so; the others go on from it in steps that
// other owners' numbers took from about there: neither against the table's habit nor
// the template's over again. Numbers of few kinds are those of other owners' rows
// that are alike in the leading number.
func (h *hand) chronicle(st *study, r *rand.Rand, f *field, m *memory, owner string, kids []int) map[int]string {
	out := map[int]string{}
	if !m.keeps {
		lead := st.leading()
		if h.house.series[lead] == nil { // it is asked for first here
			h.house.series[lead] = h.chronicle(st, r, lead, st.memories()[lead], owner, kids)
		}
		for _, kid := range kids {
			if at, ok := generate.Number(h.house.series[lead][kid]); ok {
				if like := m.alike(r, at, owner); like >= 0 && st.sample.Rows[kid][f.sample] != nil {
					out[kid] = *st.sample.Rows[like][f.sample]
				}
			}
		}
		return out
	}
	low, high := f.seen.Band()
	for _, kid := range kids {
		if x, ok := st.number(kid, f); ok {
			low, high = min(low, x), max(high, x)
		}
	}
	now, begun := 0.0, false
	for _, kid := range kids {
		was := st.sample.Rows[kid][f.sample]
		if was == nil {
			continue
		}
		if !begun {
			g := h.g
			g.Was, g.Attempt = *was, 0
			v, err := *was, error(nil)
			if !m.usual(v) {
				v, err = generate.Make(f.gen, r, f.seen, &g)
			}
			x, ok := generate.Number(v)
			if err != nil || !ok {
				return out
			}
			now, begun = x, true
			out[kid] = v
			continue
		}
		for range 30 {
			to := m.next(r, now, owner)
			if v := f.seen.Write(to, true); to >= low && to <= high {
				now, _ = generate.Number(v)
				break
			}
		}
		out[kid] = f.seen.Write(now, true)
	}
	return out
}

// usual reports whether so many begin with a number that others near it would be fewer than
// real ones: the least that anybody is paid.
func (m *memory) usual(v string) bool {
	return m.begins[v] >= habit(m.begun)
}

// next goes on from a number as that of another owner's near it did.
func (m *memory) next(r *rand.Rand, now float64, owner string) float64 {
	at := sort.Search(len(m.steps), func(i int) bool { return m.steps[i].from >= now })
	width := max(15, len(m.steps)/20)
	lo := max(0, min(at-width, len(m.steps)-2*width))
	near := m.steps[lo:min(len(m.steps), lo+2*width)]
	s := near[r.IntN(len(near))]
	for range 20 {
		if s.owner != owner {
			break
		}
		s = near[r.IntN(len(near))]
	}
	if m.ratio {
		return now * s.to / s.from
	}
	return now + s.to - s.from
}

// alike returns another owner's row with about the number in the leading column.
func (m *memory) alike(r *rand.Rand, lead float64, owner string) int {
	lo := sort.Search(len(m.rows), func(i int) bool { return m.rows[i].lead >= lead })
	hi := sort.Search(len(m.rows), func(i int) bool { return m.rows[i].lead > lead })
	for others := 0; ; { // those with the very number if there are some, else the nearest
		others = 0
		for _, s := range m.rows[lo:hi] {
			if s.owner != owner {
				others++
			}
		}
		if others >= 3 || lo == 0 && hi == len(m.rows) {
			break
		}
		switch {
		case hi == len(m.rows) || lo > 0 && lead-m.rows[lo-1].lead < m.rows[hi].lead-lead:
			lo--
		default:
			hi++
		}
	}
	for range 40 {
		if lo == hi {
			return -1
		}
		if s := m.rows[lo+r.IntN(hi-lo)]; s.owner != owner {
			return s.row
		}
	}
	return -1
}
