package seeder

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"time"
)

// haven is a date for a row at which relatives of one table, who hang on it by whole
// months (a rise on the day of hiring), all find a free number where their dates are.
// They are as those of a row that began about then. Dates drawn at random hardly ever
// meet such.
type haven struct {
	hang *hang
	at   time.Time
	is   *litterOf
}

// bays are the days on which a row could begin, with those of its relatives' distances
// at which a number is free.
type bays struct {
	steps []int64 // the distances of real relatives, in months
	days  []bay
	masks []uint64        // which steps each litter of the hang's has
	open  map[int64][]int // the free numbers of the pen's where each day lies
}

type bay struct {
	at  time.Time
	has uint64 // bit i: a number is free steps[i] later
}

// Bounds of havens: how many are tried for a row, how many relatives may be left out for
// one, how many days of one gap count, and how far a row began whose relatives' dates
// are taken.
const (
	maxHavens = 40
	maxFewer  = 3
	maxBay    = 400
	sameTime  = 300 * day
	spare     = 60 * day // what a number that is left over counts
)

// seek finds the days of a pen's table.
func (p *pen) seek(g *hang, now time.Time) *bays {
	if p.bays != nil {
		return p.bays
	}
	b := &bays{}
	p.bays = b
	b.steps = slices.Compact(slices.Clone(g.span.all))
	if len(b.steps) == 0 || len(b.steps) > 64 {
		return b
	}
	b.open = map[int64][]int{}
	for i, s := range p.free {
		if s.low.IsZero() || s.high.IsZero() {
			continue
		}
		at, end := wall(s.low).Truncate(day), wall(s.high)
		for n := 0; !at.After(end) && n < maxBay; n++ {
			b.open[at.Unix()] = append(b.open[at.Unix()], i)
			at = at.Add(day)
		}
	}
	for u := range b.open {
		at := time.Unix(u, 0).UTC().AddDate(0, -int(b.steps[0]), 0)
		d := bay{at: at}
		for i, v := range b.steps {
			if to := g.span.from(at, v, nil); len(b.open[to.Unix()]) > 0 && to.Before(now) && g.span.ending(at, v) {
				d.has |= 1 << i
			}
		}
		if d.has != 0 {
			b.days = append(b.days, d)
		}
	}
	slices.SortFunc(b.days, func(x, y bay) int { return x.at.Compare(y.at) })
	for _, l := range g.litters {
		m := uint64(0)
		for _, v := range l.spans {
			if i, ok := slices.BinarySearch(b.steps, v); ok {
				m |= 1 << i
			}
		}
		b.masks = append(b.masks, m)
	}
	return b
}

// havens are those for a row, the nearest to where its dates are first, roughly. None
// unless its relatives hang on one of its dates by whole months.
func (h *hand) havens(st *study, r *rand.Rand, nests []*nest) (out []*haven) {
	for _, x := range nests {
		g := x.st.hanging(h.g.Now)
		c := st.clock(h.g.Now)
		j := slices.Index(c.fields, g.from)
		was, ok := h.when[g.from]
		if !ok || j < 0 || !g.tied() || c.grain[j] < day || h.bound || h.slot != nil && st.inOrder != nil && st.inOrder != g.from {
			continue
		}
		n := 0
		for _, k := range x.kids {
			if !k.at.IsZero() {
				n++
			}
		}
		b := x.seek(g, c.now)
		_, kind := c.of(h.was)
		type like struct {
			at   time.Time
			mask uint64
			is   *litterOf
		}
		type found struct {
			haven
			far time.Duration
		}
		var all []found
		for fewer := 0; fewer <= maxFewer && fewer < n && len(all) == 0; fewer++ {
			var alike []like
			for i := range g.litters {
				if l := &g.litters[i]; len(l.spans) == n-fewer && c.kinds[l.row] == kind {
					alike = append(alike, like{c.rows[l.row][j], b.masks[i], l})
				}
			}
			slices.SortStableFunc(alike, func(a, b like) int { return a.at.Compare(b.at) })
			for _, d := range b.days {
				if h.slot != nil && st.inOrder == g.from && (d.at.Before(wall(h.slot.low)) || d.at.After(wall(h.slot.high))) {
					continue
				}
				if c.beyond(j, d.at) || !c.days(-1, j).takes(r, time.Time{}, d.at) {
					continue
				}
				from := sort.Search(len(alike), func(i int) bool { return !alike[i].at.Before(d.at.Add(-sameTime)) })
				to := sort.Search(len(alike), func(i int) bool { return alike[i].at.After(d.at.Add(sameTime)) })
				for _, i := range r.Perm(to - from) {
					if l := alike[from+i]; l.mask&^d.has == 0 && x.suits(g, d.at, l.is) {
						far := d.at.Sub(was).Abs() + time.Duration(r.Int64N(int64(sameTime)))
						far += time.Duration(bits.OnesCount64(d.has&^l.mask)) * spare // who has more relatives needs it
						all = append(all, found{haven{g, d.at, l.is}, far})
						break
					}
				}
			}
		}
		slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(a.far, b.far) })
		for _, f := range all[:min(len(all), maxHavens)] {
			out = append(out, &f.haven)
		}
		return out // the dates of another table's relatives have to do with these
	}
	return nil
}

// suits reports whether a free number that no other has is where each date of a litter
// comes to lie.
func (x *nest) suits(g *hang, at time.Time, l *litterOf) bool {
	for _, v := range l.spans {
		to := g.span.from(at, v, nil)
		if !slices.ContainsFunc(x.bays.open[to.Unix()], func(k int) bool {
			_, taken := x.taken[x.free[k].key]
			return !taken && x.away(k, inPlace(to, x.free[k].low.Location())) == 0
		}) {
			return false
		}
	}
	return true
}

// steer places a row's dates so that the one which its relatives hang on is the
// haven's, and reports whether that came about.
func (h *hand) steer(st *study, r *rand.Rand) bool {
	c := st.clock(h.g.Now)
	own, _ := c.of(h.was)
	j := slices.Index(c.fields, h.haven.hang.from)
	if own[j].IsZero() {
		return false
	}
	for range 2 * placings {
		h.g.Shift, h.g.Anchor, h.g.Scale = h.haven.at.Sub(own[j]), time.Time{}, 0
		h.place(st, r)
		if h.when[c.fields[j]].Equal(h.haven.at) {
			return true
		}
	}
	return false
}

// litter is where so many relatives are that hang on a date, nil if that is not the
// haven's. There may be fewer.
func (v *haven) litter(g *hang, n int, from time.Time) *litterOf {
	if v == nil || v.hang != g || len(v.is.spans) > n || !from.Equal(v.at) {
		return nil
	}
	return v.is
}

// id is a honey row's number, 0 as long as it has none.
func (h *hand) id() int64 {
	if h.slot == nil {
		return 0
	}
	return h.slot.key
}

// lot is the date of a row and which row it hangs on; zero if not known.
type lot struct {
	at    time.Time
	owner int64
	open  bool // a number beside it shall stay missing
}

// odd is what a date counts that no real row would have: off the day on which all others
// come, or among those of one date out of their order.
const odd = 30 * day

// away is how far a date is from where a free number is, seen what others of the run
// have in the same gap; 0 if it lies there. Of one date the order of the rows that they
// hang on counts, if it does in the table.
func (x *nest) away(k int, at time.Time) time.Duration {
	s := &x.free[k]
	far := s.away(at)
	low, high := lot{at: s.low, owner: s.ends[0]}, lot{at: s.high, owner: s.ends[1]}
	for i := k - 1; i >= 0 && x.free[i].before == s.before; i-- {
		if l, ok := x.taken[x.free[i].key]; ok && !l.at.IsZero() {
			low = l
			break
		}
	}
	for i := k + 1; i < len(x.free) && x.free[i].before == s.before; i++ {
		if l, ok := x.taken[x.free[i].key]; ok && !l.at.IsZero() {
			high = l
			break
		}
	}
	if low.at.IsZero() || high.at.IsZero() {
		return far
	}
	far = max(far, low.at.Sub(at), at.Sub(high.at))
	if x.inTurn && x.own != 0 && (at.Equal(low.at) && low.owner > x.own || at.Equal(high.at) && high.owner != 0 && high.owner < x.own) {
		far = max(far, odd)
	}
	return far
}

// owners are the numbers of the rows that two relatives hang on, 0 where there is none.
func (st *study) owners(s *Sample, rows ...[]*string) (out [2]int64) {
	if st.kin == nil || st.kin.parent {
		return out
	}
	if at := s.index(st.kin.fk.Columns[0]); at >= 0 {
		for i, row := range rows {
			if row[at] != nil {
				out[i], _ = strconv.ParseInt(*row[at], 10, 64)
			}
		}
	}
	return out
}

// byOwner reports whether relatives of one date are numbered in the order of the rows
// that they hang on.
func (st *study) byOwner() bool {
	key := st.drawn()
	if to := st.kin.to.drawn(); key == nil || st.inOrder == nil || to == nil || to.Name != st.kin.fk.RefColumns[0] {
		return false
	}
	type one struct {
		at         time.Time
		key, owner int64
	}
	var all []one
	at := st.sample.index(st.kin.fk.Columns[0])
	for i, row := range st.sample.Rows {
		if row[key.sample] == nil || row[at] == nil {
			continue
		}
		k, err1 := strconv.ParseInt(*row[key.sample], 10, 64)
		o, err2 := strconv.ParseInt(*row[at], 10, 64)
		if when, ok := st.ordered(i); ok && err1 == nil && err2 == nil {
			all = append(all, one{when, k, o})
		}
	}
	slices.SortFunc(all, func(a, b one) int { return cmp.Compare(a.key, b.key) })
	n, up := 0, 0
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; a.at.Equal(b.at) && a.owner != b.owner {
			if n++; a.owner < b.owner {
				up++
			}
		}
	}
	return n >= leastSpans && 100*up >= 97*n
}
