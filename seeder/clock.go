package seeder

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"honeyrow/seeder/generate"
)

// clock is how the dates of a table's rows hang together: a honey row's are placed
// one after the other, each as far from an earlier one as in another row of its
// kind. Were they moved together, the row would share their distances with its
// template, which stands beside it in the table.
type clock struct {
	st     *study
	now    time.Time
	fields []*field         // in the order in which they are placed
	base   []int            // from which each is, -1 for the first
	grain  []time.Duration  // of each
	rows   [][]time.Time    // of the sampled rows, zero where there is none that moves
	kinds  []string         // which dates the sampled rows have
	alike  map[string][]int // sampled rows of a kind, by their first date
	tells  []int            // columns of few values in which a row's like agrees with it
	spans  map[[2]int]*span
	// calendars are the days on which dates fall, by themselves or since another.
	calendars map[[2]int]*calendar
	apart     map[string]float64      // how far rows of a kind are from each other, once asked for
	last      map[int][2]time.Time    // the first and the last of the jth field's dates
	hours     map[int][]time.Duration // times of day of the jth field's, in their order, once asked for
}

const day = 24 * time.Hour

// clock is learnt once.
func (st *study) clock(now time.Time) *clock {
	if st.dated != nil {
		return st.dated
	}
	c := &clock{st: st, now: now, alike: map[string][]int{}, spans: map[[2]int]*span{}, calendars: map[[2]int]*calendar{}, apart: map[string]float64{}, hours: map[int][]time.Duration{}, last: map[int][2]time.Time{}}
	st.dated = c
	for _, f := range st.columns {
		switch {
		case f.sample < 0 || f.load || f.plan.Source != Made || f.seen == nil || f.Class != generate.Date && f.Class != generate.Timestamp:
		case f.plan.Kind == "timestamp" && f == st.inOrder:
			c.fields = slices.Insert(c.fields, 0, f)
		case f.plan.Kind == "timestamp", f.plan.Kind == "date_of_birth" && f.seen.Near > 0:
			c.fields = append(c.fields, f)
		}
		if (f.plan.Source == Copied || f.plan.Kind == "status") && f.sample >= 0 && len(f.counts()) <= 6 {
			c.tells = append(c.tells, f.sample)
		}
	}
	if len(c.fields) == 0 {
		return c
	}
	if first := slices.IndexFunc(c.fields, func(f *field) bool { return f.plan.Kind == "timestamp" }); first > 0 { // a birthday follows from an age
		c.fields[0], c.fields[first] = c.fields[first], c.fields[0]
	}
	for range 2 { // the second time in the order that was found
		c.read()
		c.arrange()
	}
	for i, kind := range c.kinds {
		c.alike[kind] = append(c.alike[kind], i)
	}
	for _, rows := range c.alike {
		slices.SortStableFunc(rows, func(a, b int) int { return first(c.rows[a]).Compare(first(c.rows[b])) })
	}
	return c
}

// read reads the sampled rows' dates.
func (c *clock) read() {
	c.rows, c.kinds, c.grain = nil, nil, nil
	clear(c.spans)
	clear(c.calendars)
	clear(c.hours)
	clear(c.last)
	for _, row := range c.st.sample.Rows {
		at, kind := c.of(row)
		c.rows, c.kinds = append(c.rows, at), append(c.kinds, kind)
	}
	for _, f := range c.fields {
		g := day
		if f.Class == generate.Timestamp {
			g = f.seen.Grain("2000-01-01 00:00:00.000000")
		}
		c.grain = append(c.grain, g)
	}
}

// of returns a row's dates, and its kind: which it has, and which lie ahead.
func (c *clock) of(row []*string) ([]time.Time, string) {
	out, kind := make([]time.Time, len(c.fields)), make([]byte, len(c.fields))
	for j, f := range c.fields {
		kind[j] = '-'
		if row[f.sample] == nil {
			continue
		}
		at, _, ok := generate.ParseTime(*row[f.sample])
		switch {
		case !ok || generate.Sentinel(at) || c.st.stays(f, row):
			kind[j] = 'x'
		case at.After(c.now):
			out[j], kind[j] = wall(at), 'f'
		default:
			out[j], kind[j] = wall(at), 'p'
		}
	}
	return out, string(kind)
}

// wall is what a clock on the wall showed, as if it were UTC's.
func wall(t time.Time) time.Time { return inPlace(t, time.UTC) }

func inPlace(t time.Time, loc *time.Location) time.Time {
	if t.Location() == loc {
		return t
	}
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), loc)
}

// first returns the first date that is there, in the order of placing.
func first(at []time.Time) time.Time {
	if i := firstOf(at); i >= 0 {
		return at[i]
	}
	return time.Time{}
}

func firstOf(at []time.Time) int {
	return slices.IndexFunc(at, func(t time.Time) bool { return !t.IsZero() })
}

// arrange orders the fields so that each follows the one that it goes with most
// closely.
func (c *clock) arrange() {
	c.base = []int{-1}
	order, base := []int{0}, []int{-1}
	for len(order) < len(c.fields) {
		best, from, least := -1, 0, 0.0
		for j := range c.fields {
			if slices.Contains(order, j) {
				continue
			}
			for k, b := range order {
				if loose := c.span(b, j).loose(); best < 0 || loose < least {
					best, from, least = j, k, loose
				}
			}
		}
		order, base = append(order, best), append(base, from)
	}
	fields := make([]*field, len(order))
	for k, j := range order {
		fields[k] = c.fields[j]
	}
	if !slices.Equal(fields, c.fields) {
		c.fields = fields
		c.read()
	}
	c.base = base
}

// span is how far the jth field's dates are from the bth's.
func (c *clock) span(b, j int) *span {
	s := c.spans[[2]int{b, j}]
	if s == nil {
		var pairs [][2]time.Time
		for _, row := range c.rows {
			if !row[b].IsZero() && !row[j].IsZero() {
				pairs = append(pairs, [2]time.Time{row[b], row[j]})
			}
		}
		s = newSpan(pairs, c.grain[b], c.grain[j])
		c.spans[[2]int{b, j}] = s
	}
	return s
}

// like returns a sampled row of a kind that began at about a time, with the same
// categories as far as there is one; -1 if there is none but the row itself.
func (c *clock) like(r *rand.Rand, was []*string, own []time.Time, kind string, at time.Time) int {
	rows := c.alike[kind]
	mid := sort.Search(len(rows), func(i int) bool { return !first(c.rows[rows[i]]).Before(at) })
	width := max(20, len(rows)/20)
	lo := max(0, min(mid-width, len(rows)-2*width))
	rows = rows[lo:min(len(rows), lo+2*width)]
	best, most := -1, -1
	for range min(16, 2*len(rows)) {
		i := rows[r.IntN(len(rows))]
		row, same := c.st.sample.Rows[i], 0
		if slices.EqualFunc(own, c.rows[i], time.Time.Equal) {
			continue
		}
		for _, t := range c.tells {
			if row[t] == nil && was[t] == nil || row[t] != nil && was[t] != nil && *row[t] == *was[t] {
				same++
			}
		}
		if same > most {
			best, most = i, same
		}
	}
	return best
}

// hour is a time of day at which such dates come, between another row's and the next: so
// none lies before the doors open.
func (c *clock) hour(r *rand.Rand, j int) time.Duration {
	if c.grain[j] >= day {
		return 0
	}
	all, ok := c.hours[j]
	if !ok {
		for _, row := range c.rows {
			if !row[j].IsZero() {
				all = append(all, row[j].Sub(row[j].Truncate(day)))
			}
		}
		slices.Sort(all)
		c.hours[j] = all
	}
	if len(all) < 2 {
		return time.Duration(r.Int64N(int64(day))).Truncate(c.grain[j])
	}
	i := r.IntN(len(all) - 1)
	off := all[i]
	if c.grain[j] <= time.Second {
		off += time.Duration(r.Int64N(int64(all[i+1] - off + 1)))
	}
	return off.Truncate(c.grain[j])
}

// placings is how often a row's dates are placed anew until they keep to the
// order of another's and none comes too soon.
const placings = 20

// place gives a row like was dates of which the first is at.
func (c *clock) place(r *rand.Rand, was []*string, at time.Time) []time.Time {
	own, kind := c.of(was)
	root := firstOf(own)
	out := make([]time.Time, len(own))
	if root < 0 {
		return out
	}
	apart := c.lonely(kind)
	for try := 1; ; try++ {
		like := c.like(r, was, own, kind, at)
		good, off := true, 0.0
		if like >= 0 {
			off = c.off(kind, c.rows[like], at)
		}
		clear(out)
		out[root] = at
		for j := root + 1; j < len(own); j++ {
			if own[j].IsZero() {
				continue
			}
			b := c.from(own, root, j)
			s, model := c.span(b, j), own
			if like >= 0 {
				model = c.rows[like]
			}
			v := s.far(model[b], model[j])
			if try < placings || like < 0 {
				v = s.near(r, v, max(usually, 1.2*apart))
			}
			out[j] = s.from(out[b], v, func() time.Duration { return c.hour(r, j) }).Truncate(c.grain[j])
			if !s.bound() && v != 0 && !c.fits(r, out, root, j, out[j]) {
				if try > placings/2 {
					out[j] = c.suited(r, out, root, j, out[j])
				} else {
					good = false
				}
			}
			off = max(off, math.Abs(s.rank(v)-s.rank(s.far(model[b], model[j]))))
			if !c.newer(root, at) && c.beyond(j, out[j]) {
				good = false
				if _, last := c.ends(j); try == placings && out[b].Before(last) && out[j].After(last) {
					out[j] = between(r, out[b], last).Truncate(c.grain[j])
				}
			}
			if late := out[j].After(c.now); late != (kind[j] == 'f') {
				good = false
				if late && try == placings && out[b].Before(c.now) {
					out[j] = between(r, out[b], c.now).Truncate(c.grain[j])
				}
			}
			for k := root; k < j; k++ {
				if own[k].IsZero() {
					continue
				}
				if a, b := model[j].Compare(model[k]), out[j].Compare(out[k]); a != b && a*b <= 0 {
					good = false
				}
				if s := c.span(k, j); s.usual(s.far(model[k], model[j])) && !s.usual(s.far(out[k], out[j])) {
					good = false
				}
			}
		}
		if good && (off >= apart || try > placings/2) || try == placings {
			return out
		}
	}
}
