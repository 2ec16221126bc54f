package seeder

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"
)

// moor gives relatives whose dates hang on nothing exactly the numbers that are free about
// when they would come, and has each come when such a number was given. A number that was
// lost takes no time: put where one is missing, wherever that is, rows stand closer
// together than rows come. So the longer the time is between the rows next to a number,
// the likelier it is taken, the less likely the more honey rows are there; where missing
// numbers took as long to be lost as rows do to come, all are as likely.

// Bounds: how many free numbers on each side are looked at, by how much a date moves
// usually, as a share of the real ones between, and at most; and by how much a number is
// less likely that stands beside a gap where it shall not, or was not kept for them.
const (
	moorings  = 150
	farther   = 400 // where one beside it shall stay missing
	leastMove = 0.03
	mostMove  = 0.24
	exposed   = 0.0002
	sheltered = 0.01
	shut      = 0.00005 // where one shall stay missing, and none does
	again     = 0.1     // where one of the same row's is
	begun     = 60      // where a gap that is filled up has others, and where it is of several numbers
	wide      = 0.2
	leastTime = 0.01 // of a row
)

// tide is what a pen knows of the time that its numbers took.
type tide struct {
	pulse *pulse
	took  float64        // by one missing number, in rows; 0 to 1
	kept  map[int64]bool // gaps that are filled up, by the number before them
	low   []float64      // by free number: how many rows came until the row before it
	high  []float64      // and until the one after it
	now   float64
}

// tides learns that, once; nil if dates hang on something exactly, or tell no hour.
func (p *pen) tides(h *hand, r *rand.Rand) *tide {
	if p.learnt {
		return p.tide
	}
	p.learnt = true
	if p.st.inOrder == nil || len(p.blocks) > 0 {
		return nil
	}
	c, g := p.st.clock(h.g.Now), p.st.hanging(h.g.Now)
	if j := slices.Index(c.fields, p.st.inOrder); j != 0 || c.grain[0] >= day || g.span.bound() {
		return nil
	}
	var at []time.Time
	for i := range c.rows {
		if t := c.rows[i][0]; !t.IsZero() {
			at = append(at, t)
		}
	}
	rows := int64(0)
	if p.st.table != nil {
		rows = p.st.table.Rows
	}
	t := &tide{pulse: newPulse(at, rows)}
	if t.pulse == nil {
		return nil
	}
	var gaps []*strait
	took, missing := 0.0, 0.0
	t.now = max(t.pulse.until(wall(h.g.Now)), 1)
	for _, s := range p.free {
		t.low, t.high = append(t.low, t.pulse.until(wall(s.low))), append(t.high, t.pulse.until(wall(s.high)))
		if s.low.IsZero() || s.high.IsZero() {
			continue
		}
		if n := len(gaps); n > 0 && gaps[n-1].before == s.before {
			gaps[n-1].free++
			continue
		}
		g := &strait{s.before, 1, s.width - 1, t.pulse.between(wall(s.low), wall(s.high))}
		gaps = append(gaps, g)
		took += min(g.time, mostTime) - 1
		missing += float64(g.missing)
	}
	t.took = max(0, min(took/max(missing, 1), 1))
	t.keep(r, gaps, float64(p.need)*(1-p.exposure())) // by the plan's seed: who has the table and this source does not draw the same
	p.tide = t
	return t
}

// mostTime is how many rows' time a gap counts at most for how long gaps took. Of gaps that
// could be filled up as large a part is taken as brings ample numbers for each relative,
// and no larger: of those that are taken for certain the long ones are no likelier than
// the others, and rows in them would stand closer than rows do.
const (
	mostTime  = 20
	ample     = 1.15
	leastPart = 0.1
	mostPart  = 4
)

// filled is how likely a gap is to be filled up, by how many numbers are missing, beside
// others of its kind: of one number rather than that one stays missing beside a honey row,
// of several seldom, since somebody may not come for the last.
var filled = []float64{0, 1.5, 0.3, 0.1}

// strait is a gap: how many numbers are free there, how many are missing, and the time
// between the rows next to it, in rows.
type strait struct {
	before        int64
	free, missing int64
	time          float64
}

// fills is how much likelier the time of a gap is with rows at all its numbers than
// without.
func (t *tide) fills(g *strait) float64 {
	n := float64(g.missing)
	up, _ := math.Lgamma(1 + t.took*n)
	down, _ := math.Lgamma(1 + n)
	return math.Exp(up-down) * math.Pow(g.time, n*(1-t.took))
}

// keep chooses the gaps that are filled up, so that no number stays missing beside honey
// rows: the small ones first, since honey rows beside each other are found together, and
// of these the ones in which as much time is as rows take, the likelier the longer. Not
// all of the longest, as long as there are others.
func (t *tide) keep(r *rand.Rand, gaps []*strait, need float64) {
	t.kept = map[int64]bool{}
	gaps = slices.DeleteFunc(slices.Clone(gaps), func(g *strait) bool { return g.free < g.missing })
	parts := map[int64]float64{} // by how many are missing: which share of a gap as long as rows take
	sum := 0.0
	for part := leastPart; sum < ample*need && part < mostPart; part *= 1.1 {
		sum = 0
		for n, likely := range filled {
			parts[int64(n)] = part * likely
		}
		for _, g := range gaps {
			sum += float64(g.missing) * min(1, parts[g.missing]*t.fills(g))
		}
	}
	share := func(g *strait) float64 { return min(1, parts[g.missing]*t.fills(g)) }
	for _, g := range gaps {
		if r.Float64() < share(g) {
			t.kept[g.before] = true
		}
	}
}

// niche is where a relative could have its number: between two rows that are there, or
// other relatives that have theirs.
type niche struct {
	low, high time.Time
	room, nth int // free numbers there, and which of them it is
	others    int // honey rows in the gap
	mine      bool
	open      bool // beside one of them a number shall stay missing
}

// niche is that of the kth free number.
func (x *nest) niche(k int, used map[int64]lot) niche {
	s := &x.free[k]
	b := niche{low: wall(s.low), high: wall(s.high), room: 1, nth: 1}
	held := func(i int) (time.Time, bool) {
		key := x.free[i].key
		l, ok := used[key]
		if b.mine = b.mine || ok; !ok {
			l, ok = x.taken[key]
		}
		if b.open = b.open || l.open; ok && !l.at.IsZero() {
			l.at = wall(l.at)
		}
		return l.at, ok
	}
	for _, step := range []int{-1, 1} {
		met := false
		for i := k + step; i >= 0 && i < len(x.free) && x.free[i].before == s.before; i += step {
			at, ok := held(i)
			switch {
			case ok:
				b.others++
				if !met && !at.IsZero() && step < 0 {
					b.low = at
				} else if !met && !at.IsZero() {
					b.high = at
				}
				met = true
			case !met:
				if b.room++; step < 0 {
					b.nth++
				}
			}
		}
	}
	return b
}

// moor lays a nest whose dates may move; ok is false if that can't be.
func (x *nest) moor(h *hand, r *rand.Rand) (out []slot, cost time.Duration, ok bool) {
	t := x.tides(h, r)
	if t == nil || len(x.free) == 0 || slices.ContainsFunc(x.kids, func(k kin) bool { return !k.lost && !k.at.IsZero() && k.to.IsZero() }) {
		return nil, 0, false
	}
	x.beside = 0
	out = make([]slot, len(x.kids))
	used := map[int64]lot{}
	st, g := x.st, x.st.hanging(h.g.Now)
	own, brood := st.clock(h.g.Now), h.broods[x.st]
	first, _ := h.past(st.kin.to)
	for _, kid := range x.kids {
		if kid.lost {
			continue
		}
		if kid.at.IsZero() { // its date stays, and says nothing of its number
			k := x.close(kid.key, func(key int64) bool { return has(used, key) })
			if k < 0 {
				return nil, 0, false
			}
			out[kid.order], used[x.free[k].key] = x.free[k], lot{}
			continue
		}
		want := wall(kid.to)
		low, high := h.bounds(st, want, first)
		k, b := x.choose(r, t, h, g, kid, want, low, high, used)
		if k < 0 { // its row came too late for one
			near, far := x.nearest(kid.to, first, func(key int64) bool { return has(used, key) }, kid.alone)
			if near < 0 {
				return nil, 0, false
			}
			k, b, cost = near, niche{low: want, high: want, room: 1}, min(cost+far, 1<<60)
		}
		s := x.free[k]
		loc := s.low.Location()
		if b.low.After(want) || b.high.Before(want) || b.room > 1 { // it comes when such a number was given
			narrow := s
			narrow.low, narrow.high = inPlace(b.low, loc), inPlace(b.high, loc)
			all := make([]time.Time, b.room) // as if others came at the numbers beside it
			for i := range all {
				all[i] = wall(st.moment(r, &narrow, h.g.Now)).Truncate(own.grain[0])
			}
			slices.SortFunc(all, time.Time.Compare)
			want = all[b.nth-1]
			brood[kid.row] = own.named(own.place(r, st.sample.Rows[kid.row], want))
		}
		if s.away(inPlace(want, loc)) == 0 {
			s.taken = inPlace(want, loc)
		}
		s.open = !kid.alone
		out[kid.order] = s
		if kid.alone && !t.kept[s.before] {
			x.beside++
		}
		used[s.key] = lot{at: want, open: s.open}
	}
	return x.without(out), cost, true
}

func has(used map[int64]lot, key int64) bool {
	_, ok := used[key]
	return ok
}

// bounds are the times between which a relative's date may move without breaking an order
// with the dates of its row.
func (h *hand) bounds(st *study, want, first time.Time) (low, high time.Time) {
	high = wall(h.g.Now)
	if !first.IsZero() && !first.After(want) {
		low = first
	}
	for f, at := range h.when {
		switch {
		case f.plan.Kind != "timestamp" || !st.kin.lawful(st, f):
		case want.Before(at) && at.Before(high):
			high = at
		case !want.Before(at) && at.After(low):
			low = at
		}
	}
	return low, high
}

// choose draws the number of one relative.
func (x *nest) choose(r *rand.Rand, t *tide, h *hand, g *hang, kid kin, want, low, high time.Time, used map[int64]lot) (int, niche) {
	mid := sort.Search(len(x.free), func(i int) bool { return !wall(x.free[i].high).Before(want) })
	from, hung := h.when[g.from]
	place := func(at time.Time) float64 { // as a share of the real ones
		if hung && len(g.span.all) > 0 {
			return g.span.rank(g.span.far(from, at))
		}
		return t.pulse.until(at) / t.now
	}
	var all []mooring
	reach := moorings
	if !kid.alone { // gaps of several numbers are few
		reach = farther
	}
	for k := max(0, mid-reach); k < min(len(x.free), mid+reach); k++ {
		s := &x.free[k]
		if _, busy := x.taken[s.key]; busy || has(used, s.key) || s.low.IsZero() || s.high.IsZero() {
			continue
		}
		b := x.niche(k, used)
		whole := max(t.high[k]-t.low[k], leastTime)
		if b.low.Before(low) {
			b.low = low
		}
		if b.high.After(high) {
			b.high = high
		}
		if !b.low.Before(b.high) {
			continue
		}
		w := 1 / float64(b.room)
		if b.mine { // hardly anybody comes twice in a row
			w *= again
		}
		switch kept := t.kept[s.before]; {
		case kept && kid.alone && b.others > 0:
			w *= begun
		case kept && kid.alone && s.width > 2:
			w *= wide
		case kept && kid.alone:
		case kept:
			w *= shut
		default:
			w *= max(t.pulse.between(b.low, b.high), leastTime) / whole
			n, left := float64(b.others), float64(s.width-1)-float64(b.others)
			up, _ := math.Lgamma(1 + n + t.took*left)
			down, _ := math.Lgamma(2 + n + t.took*(left-1))
			w *= math.Pow(whole, 1-t.took) * math.Exp(up-down)
			switch stays := x.stays(k, func(key int64) bool { return has(used, key) }); {
			case kid.alone && (stays || b.open):
				w *= exposed
			case !kid.alone && !stays:
				w *= shut
			case kid.alone:
				w *= sheltered
			}
		}
		at := b.low.Add(b.high.Sub(b.low) / 2)
		if !want.Before(b.low) && !want.After(b.high) {
			at = want
		}
		all = append(all, mooring{k, b, place(at), w})
	}
	if len(all) == 0 {
		return -1, niche{}
	}
	c := all[draw(r, all, place(want), place(low), place(high))]
	return c.k, c.b
}

// mooring is a number that a relative could have: where it would come, as a share of the
// real ones, and how likely the number is by itself.
type mooring struct {
	k  int
	b  niche
	at float64
	w  float64
}

// draw chooses one near where a relative would come, between the first and the last that
// is possible, farther away as long as hardly any is near. Relatives come where others do:
// neither more often where many numbers are free than where few are, nor, beside an end,
// pushed away from it.
func draw(r *rand.Rand, all []mooring, want, low, high float64) int {
	weights := make([]float64, len(all))
	for move := leastMove; ; move *= 2 {
		bell := func(far float64) float64 { return math.Exp(-far * far / (2 * move * move)) }
		near, sum := 0.0, 0.0
		from, to, beside := 0, 0, 0.0
		for i, c := range all {
			for ; to < len(all) && all[to].at <= c.at+move; to++ {
				beside += all[to].w
			}
			for ; all[from].at < c.at-move; from++ {
				beside -= all[from].w
			}
			weights[i] = c.w * (bell(c.at-want) + bell(c.at+want-2*low) + bell(2*high-want-c.at))
			near += weights[i]
			weights[i] *= max(min(high, c.at+move)-max(low, c.at-move), move/10) / (1 + max(beside, 0))
			sum += weights[i]
		}
		if near < 1 && move < mostMove {
			continue
		}
		at := r.Float64() * sum
		for i, w := range weights {
			if at -= w; at <= 0 {
				return i
			}
		}
		return len(all) - 1
	}
}
